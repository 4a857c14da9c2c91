// Inputs that are not finite, huge, tiny or many: what attention kernels must do with them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/execution/ptx/Fixture.h"

#include <cmath>
#include <limits>

using namespace ptx_test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

/// Sets one element of K or V, in all heads.
void set(const gpu::Case &data, gpu::Tensor &tensor, int64_t features, int64_t key, int64_t feature, float value) {
  const rondo_attend_problem &p = data.problem;
  gpu::Layout layout = gpu::Layout::get(p.by_position, p.heads, p.key_count, features);
  for (int64_t batch = 0; batch < p.batches; ++batch)
    for (int64_t head = 0; head < p.heads; ++head)
      if (key < p.key_count)
        tensor.set(batch * layout.batch + head * layout.head + key * layout.row + feature % features, value);
}

void setValue(gpu::Case &data, int64_t key, int64_t feature, float value) {
  set(data, data.values, data.problem.value_features, key, feature, value);
}
void setKey(gpu::Case &data, int64_t key, int64_t feature, float value) {
  set(data, data.keys, data.problem.features, key, feature, value);
}

//===--------------------------------------------------------------------------------------------------------------===//
// NaN and infinity
//===--------------------------------------------------------------------------------------------------------------===//

/// In causal kernels, most of these are visible to some rows of a tile and not to others.
void plantValues(gpu::Case &data) {
  setValue(data, 100, 3, kNaN);
  setValue(data, 150, 4, kInfinity);
  for (int64_t feature = 0; feature < data.problem.value_features; ++feature)
    setValue(data, 230, feature, -kInfinity);
  setValue(data, 400, 1, kNaN); // also in a block without masks, for some rows
  data.values.upload();
}

void plantKeys(gpu::Case &data) {
  setKey(data, 120, 0, kNaN);
  setKey(data, 160, 1, kInfinity);
  setKey(data, 231, 2, -kInfinity);
  setValue(data, 232, 0, kNaN);
  data.keys.upload();
  data.values.upload();
}

/// Only in keys that no row sees, if the kernel is causal: nothing may show.
void plantBehindAll(gpu::Case &data) {
  int64_t firstHidden = std::max<int64_t>(0, data.problem.query_count + data.problem.diagonal);
  for (int64_t key = firstHidden; key < data.problem.key_count; ++key) {
    setValue(data, key, key, key % 2 ? kNaN : kInfinity);
    setKey(data, key, key, key % 3 ? kNaN : -kInfinity);
  }
  data.keys.upload();
  data.values.upload();
}

constexpr Shape kMaskedShapes[] = {
    // B, H_kv, group, S_q, S_kv, by position, diagonal, splits, arriving
    {1, 1, 1, 140, 300, false, 110, 1, false},
    {1, 1, 4, 45, 270, false, 190, 2, true}, // tiles with the ends of heads in them
    {1, 2, 7, 13, 410, true, 220, 3, false},
    {1, 1, 1, 40, 110, false, -20, 1, false}, // rows that see nothing
};

struct NotFinite : Kernels {};

TEST_P(NotFinite, StaysWhereItIsVisible) {
  const gpu::Kernel &kernel = get(GetParam());
  for (const Shape &shape : kMaskedShapes)
    for (auto prepare : {plantValues, plantKeys, plantBehindAll}) {
      if (prepare == plantBehindAll && !kernel.traits.causal)
        continue;
      Expectation expectation;
      expectation.prepare = prepare;
      EXPECT_EQ(runShape(kernel, findMerge(all, kernel, shape.arriving), shape, expectation), "")
          << kernel.label << " " << shape
          << (prepare == plantValues ? " values"
              : prepare == plantKeys ? " keys"
                                     : " behind all");
    }
}

/// All causal kernels, and one of each other form.
std::vector<std::string> getLabelsWithMasks() {
  std::vector<std::string> labels = {"direct-k192", "split-k192-c2", "persistent-overlap-k176", "d64-persistent-p3",
                                     "d5",          "d5-split"};
  for (const std::string &label : getLabelsOf(/*merges=*/false))
    if (label.find("causal") != std::string::npos)
      labels.push_back(label);
  return labels;
}

INSTANTIATE_TEST_SUITE_P(Kernels, NotFinite, testing::ValuesIn(getLabelsWithMasks()), getTestName);

//===--------------------------------------------------------------------------------------------------------------===//
// Magnitudes
//===--------------------------------------------------------------------------------------------------------------===//

/// Values of `magnitude(feature)`, all of one sign so that none is small by chance.
std::function<void(gpu::Case &)> scaleValues(std::function<double(int64_t)> magnitude) {
  return [=](gpu::Case &data) {
    int64_t features = data.problem.value_features;
    for (int64_t i = 0; i < data.values.elements; ++i)
      data.values.set(i, static_cast<float>((2 + 0.3 * data.values.get(i)) * magnitude(i % features)));
    data.values.upload();
  };
}

struct Magnitudes : Kernels {
  /// With all merges that can write the result.
  void run(const std::function<double(int64_t)> &magnitude, bool needsF32) {
    const gpu::Kernel &kernel = get(GetParam());
    if (kernel.input != gpu::Format::BF16)
      GTEST_SKIP() << "f16 cannot hold these values";
    Expectation expectation;
    expectation.prepare = scaleValues(magnitude);
    expectation.everyColumn = true;
    auto canHold = [&](gpu::Format format) {
      return format == gpu::Format::F32 || (format == gpu::Format::BF16 && !needsF32);
    };
    constexpr Shape shape = {1, 1, 1, 70, 400, false, 320, 3, false};
    if (!writesPartials(kernel)) {
      if (canHold(kernel.output))
        EXPECT_EQ(runShape(kernel, nullptr, shape, expectation), "") << kernel.label;
      return;
    }
    if (!kernel.traits.scaled_rows && kernel.output == gpu::Format::F16)
      GTEST_SKIP() << "its partial results cannot hold these values";
    for (const gpu::Kernel &merge : all)
      if (fits(merge, kernel) && !merge.traits.arriving && canHold(merge.output))
        EXPECT_EQ(runShape(kernel, &merge, shape, expectation), "") << kernel.label << " " << merge.label;
  }
};

TEST_P(Magnitudes, Huge) {
  run([](int64_t) { return 1e30; }, /*needsF32=*/false);
}
/// Subnormal numbers of bf16, which it would round too coarsely as results.
TEST_P(Magnitudes, Tiny) {
  run([](int64_t) { return 3e-39; }, /*needsF32=*/true);
}
TEST_P(Magnitudes, HugeAndTinyInOneRow) {
  run([](int64_t feature) { return feature % 2 ? 1e30 : feature % 3 ? 1.0 : 1e-30; }, /*needsF32=*/false);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Magnitudes,
                         testing::Values("split-k192", "split-k192-c2", "split-causal", "split-f32",
                                         "d64-split-k192-w2", "d5-split", "direct-k192", "persistent-overlap-k176",
                                         "d100x77-f32"),
                         getTestName);

//===--------------------------------------------------------------------------------------------------------------===//
// LSE
//===--------------------------------------------------------------------------------------------------------------===//

struct Lse : Kernels {};

/// As many blocks as a kernel without splits meets: no error may grow with them.
TEST_P(Lse, DoesNotDriftOverManyBlocks) {
  const gpu::Kernel &kernel = get(GetParam());
  constexpr Shape shape = {1, 1, 1, 3, 40000, false, 40000, 1, false};
  Expectation expectation;
  expectation.lseBound = 2e-5;
  EXPECT_EQ(runShape(kernel, findMerge(all, kernel, false), shape, expectation), "") << kernel.label;
}

/// Logits of thousands. The scale is an f32: its rounding, 6e-8, is what is left.
TEST_P(Lse, IsAsGoodAsItsTypeForHugeScores) {
  const gpu::Kernel &kernel = get(GetParam());
  constexpr Shape shape = {1, 1, 1, 70, 2000, false, 1950, 1, false};
  Expectation expectation;
  expectation.prepare = [](gpu::Case &data) { data.queries.fillRandom(/*seed=*/3, /*deviation=*/1000); };
  expectation.lseBound = 1e-3;
  EXPECT_EQ(runShape(kernel, findMerge(all, kernel, false), shape, expectation), "") << kernel.label;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Lse, testing::Values("split-k128-w1", "d64-persistent-p3", "causal-k192"),
                         getTestName);

} // namespace
