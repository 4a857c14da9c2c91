//===- Data.cpp - Random inputs, and attention in float64 -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Data.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

using namespace gpu;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

void gpu::parallelFor(int64_t count, const std::function<void(int64_t)> &body) {
  std::atomic<int64_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back([&] {
      for (int64_t i; (i = next++) < count;)
        body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Tensors
//===--------------------------------------------------------------------------------------------------------------===//

static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// Nearly normal: the sum of four uniform numbers.
static float getRandom(uint64_t seed, uint64_t index) {
  uint64_t bits = mix(mix(seed) + index);
  float sum = 0;
  for (int i = 0; i < 4; ++i)
    sum += static_cast<float>(bits >> (16 * i) & 0xFFFF) / 65536.0f;
  return (sum - 2.0f) * 1.7320508f;
}

/// Normal, by Box and Muller.
static float getNormal(uint64_t seed, uint64_t index) {
  constexpr float unit = 1.0f / (1 << 24), turn = 6.2831853f;
  uint64_t bits = mix(mix(seed) + index);
  float radius = std::sqrt(-2.0f * std::log(static_cast<float>((bits >> 40) + 1) * unit));
  return radius * std::cos(turn * unit * static_cast<float>(bits & 0xFFFFFF));
}

static uint16_t encode(Format format, float value) {
  if (format == Format::F16) {
    _Float16 half = value;
    uint16_t bits;
    std::memcpy(&bits, &half, 2);
    return bits;
  }
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

static double decode(Format format, uint16_t bits) {
  if (format == Format::F16) {
    _Float16 half;
    std::memcpy(&half, &bits, 2);
    return half;
  }
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

Tensor::Tensor(Format format, int64_t elements)
    : format(format), elements(elements), host(elements * getBytes(format)),
      device(std::make_unique<Buffer>(elements * getBytes(format))) {}

double Tensor::get(int64_t index) const {
  if (format == Format::F32) {
    float value;
    std::memcpy(&value, &host[index * 4], 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, &host[index * 2], 2);
  return decode(format, bits);
}

void Tensor::set(int64_t index, float value) {
  if (format == Format::F32) {
    std::memcpy(&host[index * 4], &value, 4);
    return;
  }
  uint16_t bits = encode(format, value);
  std::memcpy(&host[index * 2], &bits, 2);
}

template <typename Number>
static void fill(Tensor &tensor, Number getNumber) {
  constexpr int64_t chunk = 1 << 16;
  parallelFor((tensor.elements + chunk - 1) / chunk, [&](int64_t c) {
    for (int64_t i = c * chunk; i < std::min(tensor.elements, (c + 1) * chunk); ++i)
      tensor.set(i, getNumber(i));
  });
  tensor.upload();
}

void Tensor::fillRandom(uint64_t seed, float deviation) {
  fill(*this, [&](int64_t i) { return getRandom(seed, i) * deviation; });
}

void Tensor::fillNormal(uint64_t seed) {
  fill(*this, [&](int64_t i) { return getNormal(seed, i); });
}

void Tensor::upload() {
  if (elements)
    driver.check(driver.copyToDevice(device->address, host.data(), host.size()), "cuMemcpyHtoD");
}

void Tensor::download() {
  if (elements)
    driver.check(driver.copyFromDevice(host.data(), device->address, host.size()), "cuMemcpyDtoH");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Cases
//===--------------------------------------------------------------------------------------------------------------===//

Case::Case(const rondo_attend_problem &problem, Format format, bool causal, double scale, uint64_t seed,
           Numbers numbers)
    : problem(problem), causal(causal), scale(scale), queries(format, getRows() * problem.features),
      keys(format, problem.batches * problem.heads * problem.key_count * problem.features),
      values(format, problem.batches * problem.heads * problem.key_count * problem.value_features) {
  if (numbers == Numbers::Normal) {
    uint64_t number = 3 * seed;
    for (Tensor *tensor : {&queries, &keys, &values})
      tensor->fillNormal(number++);
    return;
  }
  queries.fillRandom(3 * seed, 1.5f);
  keys.fillRandom(3 * seed + 1, 1.0f);
  values.fillRandom(3 * seed + 2, 1.0f);
}

void Case::addArriving(Format format, uint64_t seed) {
  arrivingOutput = std::make_unique<Tensor>(format, getRows() * problem.value_features);
  arrivingLse = std::make_unique<Tensor>(Format::F32, getRows());
  for (int64_t row = 0; row < getRows(); ++row) {
    bool empty = mix(seed + row) % 5 == 0; // then O holds NaN, which must not count
    arrivingLse->set(row, empty ? -std::numeric_limits<float>::infinity()
                                : std::log1p(static_cast<float>(problem.key_count)) + getRandom(seed, row));
    for (int64_t d = 0; d < problem.value_features; ++d)
      arrivingOutput->set(getIndex(row, problem.value_features) + d,
                          empty ? std::numeric_limits<float>::quiet_NaN()
                                : getRandom(seed + 1, row * problem.value_features + d) * 0.1f);
  }
  arrivingOutput->upload();
  arrivingLse->upload();
}

static int64_t indexOf(const rondo_attend_problem &problem, int64_t heads, int64_t length, int64_t features,
                       int64_t batch, int64_t head, int64_t position) {
  Layout layout = Layout::get(problem.by_position, heads, length, features);
  return batch * layout.batch + head * layout.head + position * layout.row;
}

int64_t Case::getIndex(int64_t row, int64_t features) const {
  int64_t heads = problem.heads * problem.group, head = row / problem.query_count;
  return indexOf(problem, heads, problem.query_count, features, head / heads, head % heads, row % problem.query_count);
}

static int64_t countVisible(const Case &data, int64_t position) {
  if (!data.causal)
    return data.problem.key_count;
  return std::clamp<int64_t>(position + data.problem.diagonal + 1, 0, data.problem.key_count);
}

double Case::getFlops() const {
  double pairs = 0;
  for (int64_t i = 0; i < problem.query_count; ++i)
    pairs += countVisible(*this, i);
  return 2.0 * pairs * problem.batches * problem.heads * problem.group * (problem.features + problem.value_features);
}

//===--------------------------------------------------------------------------------------------------------------===//
// The reference
//===--------------------------------------------------------------------------------------------------------------===//

/// The textbook formula.
static Reference::Row computeRow(const Case &data, int64_t row) {
  const rondo_attend_problem &p = data.problem;
  int64_t heads = p.heads * p.group, head = row / p.query_count % heads, batch = row / p.query_count / heads;
  int64_t query = data.getIndex(row, p.features), visible = countVisible(data, row % p.query_count);
  std::vector<double> scores(visible), q(p.features);
  for (int64_t d = 0; d < p.features; ++d)
    q[d] = data.queries.get(query + d);
  double maximum = -kInfinity;
  for (int64_t j = 0; j < visible; ++j) {
    int64_t key = indexOf(p, p.heads, p.key_count, p.features, batch, head / p.group, j);
    double sum = 0;
    for (int64_t d = 0; d < p.features; ++d)
      sum += q[d] * data.keys.get(key + d);
    scores[j] = sum * data.scale;
    maximum = std::max(maximum, scores[j]);
  }
  double arriving = data.arrivingLse ? data.arrivingLse->get(row) : -kInfinity;
  maximum = std::max(maximum, arriving);
  Reference::Row result{row, std::vector<double>(p.value_features, 0.0), -kInfinity};
  if (maximum == -kInfinity)
    return result;
  double total = 0;
  auto accumulate = [&](double weight, const Tensor &tensor, int64_t begin) {
    total += weight;
    for (int64_t d = 0; d < p.value_features; ++d)
      result.output[d] += weight * tensor.get(begin + d);
  };
  for (int64_t j = 0; j < visible; ++j)
    accumulate(std::exp(scores[j] - maximum), data.values,
               indexOf(p, p.heads, p.key_count, p.value_features, batch, head / p.group, j));
  if (arriving != -kInfinity)
    accumulate(std::exp(arriving - maximum), *data.arrivingOutput, data.getIndex(row, p.value_features));
  for (double &x : result.output)
    x /= total;
  result.lse = maximum + std::log(total);
  return result;
}

Reference::Reference(const Case &data, int64_t maximalRows) {
  int64_t count = data.getRows(), chosen = std::min(count, maximalRows);
  rows.resize(chosen);
  parallelFor(chosen, [&](int64_t i) {
    // The first, the last, and rows in between, not at equal distances.
    int64_t row = chosen == count ? i : i == 0 ? 0 : i == 1 ? count - 1 : static_cast<int64_t>(mix(i) % count);
    rows[i] = computeRow(data, row);
  });
}

/// Where float64 has NaN, so must the result; where it is infinite, the result may also be NaN: a weight may have
/// become 0.
static bool isWrong(double actual, double expected) {
  return std::isnan(expected) ? !std::isnan(actual) : std::isfinite(actual) != std::isfinite(expected);
}

/// 0 if one of them is not finite.
static double getDifference(double actual, double expected) {
  return std::isfinite(actual) && std::isfinite(expected) ? actual - expected : 0;
}

Errors gpu::compare(const Case &data, const Reference &reference, const Tensor &output, const Tensor &lse) {
  int64_t features = data.problem.value_features;
  Errors errors;
  std::vector<double> squares(features), references(features);
  for (const Reference::Row &expected : reference.rows) {
    int64_t begin = data.getIndex(expected.index, features);
    bool isEmpty = expected.lse == -kInfinity;
    for (int64_t d = 0; d < features; ++d) {
      double actual = output.get(begin + d), difference = getDifference(actual, expected.output[d]);
      errors.wrong += isWrong(actual, expected.output[d]) || (isEmpty && actual != 0);
      squares[d] += difference * difference;
      references[d] += std::isfinite(expected.output[d]) ? expected.output[d] * expected.output[d] : 0;
    }
    double actualLse = lse.get(expected.index);
    errors.wrong += isEmpty ? actualLse != -kInfinity : isWrong(actualLse, expected.lse);
    errors.lse = std::max(errors.lse, std::fabs(getDifference(actualLse, expected.lse)));
  }
  auto relate = [](double square, double reference) { return std::sqrt(reference > 0 ? square / reference : square); };
  double allSquares = 0, allReferences = 0;
  for (int64_t d = 0; d < features; ++d) {
    errors.columnRms = std::max(errors.columnRms, relate(squares[d], references[d]));
    allSquares += squares[d];
    allReferences += references[d];
  }
  errors.relativeRms = relate(allSquares, allReferences);
  return errors;
}
