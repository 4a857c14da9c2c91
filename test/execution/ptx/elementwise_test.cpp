// Kernels of element-wise operations (Inputs/elementwise.mlir), run in the emulator and compared with float64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/include/rondo/cuda_abi.h"
#include "test/emulator/Emulator.h"
#include "test/emulator/Formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>

using namespace rondo::emulator;

namespace {

constexpr uint32_t kThreads = 256;

const Module &getModule() {
  static const Module module = [] {
    std::ifstream file(RONDO_ELEMENTWISE_PTX);
    std::stringstream text;
    text << file.rdbuf();
    return Module(text.str());
  }();
  return module;
}

struct BF16 {
  uint16_t bits = 0;
  BF16() = default;
  explicit BF16(float value) : bits(static_cast<uint16_t>(toBF16(value))) {}
};
struct F16 {
  uint16_t bits = 0;
};
float decode(BF16 value) { return fromBF16(value.bits); }
float decode(F16 value) { return fromF16(value.bits); }

/// The argument block of a dispatch, as generated host code fills it, and the memory that it points to.
class Arguments {
public:
  template <typename T>
  void addTensor(std::vector<T> &data, int64_t offset, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
    slots.push_back(memory.map("tensor " + std::to_string(slots.size()), data.data(), data.size() * sizeof(T)));
    slots.push_back(static_cast<uint64_t>(offset));
    slots.insert(slots.end(), sizes.begin(), sizes.end());
    slots.insert(slots.end(), strides.begin(), strides.end());
  }
  template <typename T>
  void addVector(std::vector<T> &data) {
    addTensor(data, 0, {static_cast<int64_t>(data.size())}, {1});
  }
  void addNumber(float value) {
    uint64_t slot = 0x5555555555555555; // only the value's own bytes count
    std::memcpy(&slot, &value, sizeof value);
    slots.push_back(slot);
  }

  /// Any grid is right.
  void launch(const std::string &kernel, uint32_t blocks) const {
    LaunchShape shape;
    shape.grid = {blocks, 1, 1};
    shape.threads = kThreads;
    getModule().getKernel(kernel).launch(memory, shape, slots.data(), slots.size() * sizeof(uint64_t));
  }

private:
  GlobalMemory memory;
  std::vector<uint64_t> slots;
};

/// Values of either sign, none of them special.
std::vector<float> createNumbers(size_t count, float scale = 1) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = scale * (static_cast<float>(i * 37 % 101) - 50.5f) / 50;
  return numbers;
}

class Grids : public testing::TestWithParam<uint32_t> {};

} // namespace

TEST_P(Grids, copyOfStridedTensors) {
  for (int64_t rows : {0, 1, 13, 61}) {
    // [2][3][rows][5], with gaps between rows and heads, and 7 elements before it; the copy is transposed.
    int64_t rowStride = 6, headStride = rows * rowStride + 2, batchStride = 3 * headStride + 1;
    std::vector<BF16> from(7 + 2 * batchStride), to(2 * 3 * std::max<int64_t>(rows, 1) * 5 * 2);
    for (size_t i = 0; i < from.size(); ++i)
      from[i].bits = static_cast<uint16_t>(i);
    Arguments arguments;
    arguments.addTensor(from, 7, {2, 3, rows, 5}, {batchStride, headStride, rowStride, 1});
    arguments.addTensor(to, 0, {2, 3, rows, 5}, {2, 4, 2 * 3 * 5 * 2, 3 * 4});
    arguments.launch("copy_0", GetParam());
    std::vector<BF16> expected(to.size());
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t h = 0; h < 3; ++h)
        for (int64_t s = 0; s < rows; ++s)
          for (int64_t d = 0; d < 5; ++d)
            expected[b * 2 + h * 4 + s * 60 + d * 12].bits =
                from[7 + b * batchStride + h * headStride + s * rowStride + d].bits;
    for (size_t i = 0; i < to.size(); ++i)
      ASSERT_EQ(to[i].bits, expected[i].bits) << "element " << i << " of " << rows << " rows";
  }
}

TEST_P(Grids, fillWithANumber) {
  std::vector<float> to(7 * 41 + 3, -1);
  Arguments arguments;
  arguments.addNumber(2.5f);
  arguments.addTensor(to, 0, {41, 7}, {7, 1});
  arguments.launch("fill_1", GetParam());
  for (size_t i = 0; i < to.size(); ++i)
    ASSERT_EQ(to[i], i < 7 * 41 ? 2.5f : -1) << i;
}

TEST_P(Grids, roundingToTwoTypes) {
  std::vector<float> from = createNumbers(777);
  from.insert(from.end(), {INFINITY, -INFINITY, 1e38f, 1e-40f, 0.0f, -0.0f});
  std::vector<BF16> to(from.size());
  std::vector<F16> half(from.size());
  Arguments arguments;
  arguments.addVector(from);
  arguments.addVector(to);
  arguments.addVector(half);
  arguments.launch("elementwise_2", GetParam());
  for (size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(to[i].bits, toBF16(from[i])) << from[i];
    EXPECT_EQ(half[i].bits, toF16(from[i])) << from[i];
  }
}

TEST_P(Grids, arithmeticOnBF16IsInF32) {
  constexpr int64_t rows = 59, columns = 6;
  std::vector<BF16> x, scale, y;
  for (float value : createNumbers(rows * columns, 3))
    x.emplace_back(value);
  for (float value : createNumbers(columns, 0.7f))
    scale.emplace_back(value);
  for (float value : createNumbers(rows * columns, 1.3f))
    y.emplace_back(value);
  std::vector<BF16> before = y;
  Arguments arguments;
  arguments.addTensor(x, 0, {rows, columns}, {columns, 1});
  arguments.addVector(scale);
  arguments.addTensor(y, 0, {rows, columns}, {columns, 1});
  arguments.launch("elementwise_3", GetParam());
  for (int64_t i = 0; i < rows * columns; ++i) {
    float product = decode(x[i]) * decode(scale[i % columns]); // exact
    EXPECT_EQ(y[i].bits, BF16(2 * product + decode(before[i])).bits) << i;
  }
}

TEST_P(Grids, sumOfColumns) {
  for (int64_t rows : {0, 1, 17}) {
    constexpr int64_t columns = 301;
    std::vector<float> x = createNumbers(std::max<int64_t>(rows, 1) * columns), to(columns, 0.5f);
    Arguments arguments;
    arguments.addTensor(x, 0, {rows, columns}, {columns, 1});
    arguments.addVector(to);
    arguments.launch("elementwise_4", GetParam());
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0.5;
      for (int64_t i = 0; i < rows; ++i)
        sum += x[i * columns + j];
      EXPECT_NEAR(to[j], sum, 1e-5) << "column " << j << " of " << rows << " rows";
    }
  }
}

TEST_P(Grids, productOfMatrices) {
  constexpr int64_t rows = 7, inner = 11, columns = 13;
  std::vector<float> a = createNumbers(rows * inner), b = createNumbers(inner * columns), c(rows * columns, 0.25f);
  Arguments arguments;
  arguments.addTensor(a, 0, {rows, inner}, {inner, 1});
  arguments.addTensor(b, 0, {inner, columns}, {1, inner});
  arguments.addTensor(c, 0, {rows, columns}, {columns, 1});
  arguments.launch("matmul_5", GetParam());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0.25;
      for (int64_t k = 0; k < inner; ++k)
        sum += static_cast<double>(a[i * inner + k]) * b[k + j * inner];
      EXPECT_NEAR(c[i * columns + j], sum, 1e-5);
    }
}

TEST_P(Grids, totalIsOneThreads) {
  std::vector<float> x = createNumbers(333), to(1, 0);
  double sum = 0;
  for (float value : x)
    sum += value;
  Arguments arguments;
  arguments.addVector(x);
  arguments.addTensor(to, 0, {}, {});
  arguments.launch("elementwise_6", GetParam());
  EXPECT_NEAR(to[0], sum, 1e-4);
}

TEST_P(Grids, placesAndWindows) {
  constexpr int64_t count = 500;
  std::vector<float> x = createNumbers(2 * count), to(count);
  Arguments arguments;
  arguments.addVector(x);
  arguments.addVector(to);
  arguments.launch("elementwise_7", GetParam());
  for (int64_t i = 0; i < count; ++i)
    EXPECT_EQ(to[i], x[2 * i + 1] + static_cast<float>(i)) << i;
}

TEST_P(Grids, functionsWithoutALibrary) {
  std::vector<float> x = createNumbers(101, 6);
  const size_t count = x.size();
  std::vector<float> results[6];
  std::vector<F16> sigmoid(count);
  Arguments arguments;
  arguments.addVector(x);
  for (std::vector<float> &result : results) {
    result.resize(count);
    arguments.addVector(result);
  }
  arguments.addVector(sigmoid);
  arguments.launch("elementwise_8", GetParam());
  const std::pair<const char *, std::function<double(double)>> functions[] = {
      {"exp", [](double v) { return std::exp(v); }},
      {"log", [](double v) { return std::log(std::fabs(v)); }},
      {"tanh", [](double v) { return std::tanh(v); }},
      {"erf", [](double v) { return std::erf(v); }},
      {"rsqrt", [](double v) { return 1 / std::sqrt(std::fabs(v)); }},
      {"sin", [](double v) { return std::sin(v); }}};
  for (size_t f = 0; f < 6; ++f)
    for (size_t i = 0; i < count; ++i) {
      double expected = functions[f].second(x[i]);
      EXPECT_NEAR(results[f][i], expected, 2e-6 * std::max(1.0, std::fabs(expected))) << functions[f].first << x[i];
    }
  for (size_t i = 0; i < count; ++i)
    EXPECT_NEAR(decode(sigmoid[i]), 1 / (1 + std::exp(-static_cast<double>(x[i]))), 5e-3) << x[i];
}

INSTANTIATE_TEST_SUITE_P(elementwise, Grids, testing::Values(1u, 3u));
