// The comparison must accept rounding and refuse everything else.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/check.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace rondo::run;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

HostTensor tensorOf(ElementType type, const std::vector<float> &values) {
  Result<HostTensor> tensor = HostTensor::create("x", type, {1, int64_t(values.size())});
  for (size_t i = 0; i < values.size(); ++i)
    tensor->store(int64_t(i), values[i]);
  return std::move(*tensor);
}

Comparison compareValues(const std::vector<float> &output, const std::vector<float> &reference,
                         Tolerance tolerance = {Measure::RelativeNorm, 1e-3}) {
  return compare(tensorOf(ElementType::F32, output), tensorOf(ElementType::F64, reference), tolerance);
}

TEST(Check, EqualPasses) {
  Comparison same = compareValues({1, -2, nan, infinity, -infinity}, {1, -2, nan, infinity, -infinity});
  EXPECT_TRUE(same.passed());
  EXPECT_EQ(same.error, 0);
}

TEST(Check, MeasuresTheRelativeNorm) {
  Comparison off = compareValues({3, 4.5f}, {3, 4});
  EXPECT_DOUBLE_EQ(off.error, 0.1);
  EXPECT_FALSE(off.passed());
  EXPECT_EQ(off.worst, 1);
  EXPECT_TRUE(compareValues({3, 4.5f}, {3, 4}, {Measure::RelativeNorm, 0.11}).passed());
}

TEST(Check, OneWrongElementAmongManyFails) {
  std::vector<float> reference(1000000, 1), output = reference;
  output[777] = 1.9f;
  Comparison comparison = compareValues(output, reference);
  EXPECT_LT(comparison.error, comparison.tolerance.bound); // lost in the norm
  EXPECT_FALSE(comparison.passed());
  EXPECT_EQ(comparison.worst, 777);
  EXPECT_NE(failureText(comparison, tensorOf(ElementType::F32, output), tensorOf(ElementType::F64, reference))
                .find("1.9 at [0, 777], reference 1"),
            std::string::npos);
}

TEST(Check, NaNMustAgree) {
  EXPECT_FALSE(compareValues({nan, 1}, {0, 1}).passed());
  EXPECT_FALSE(compareValues({0, 1}, {nan, 1}).passed());
  EXPECT_FALSE(compareValues({infinity, 1}, {nan, 1}).passed());
}

TEST(Check, InfinitiesMustAgreeInSign) {
  EXPECT_FALSE(compareValues({infinity, 1}, {1, 1}).passed());
  EXPECT_FALSE(compareValues({1, 1}, {-infinity, 1}).passed());
  Comparison sign = compareValues({-infinity, 1}, {infinity, 1});
  EXPECT_FALSE(sign.passed());
  EXPECT_EQ(sign.mismatches, 1);
  EXPECT_EQ(sign.firstMismatch, 0);
}

TEST(Check, LogSumExpsOfEmptyRowsMustBeMinusInfinity) {
  Tolerance tolerance = {Measure::LogSumExp, 1e-5};
  EXPECT_TRUE(compareValues({-infinity, 1}, {-infinity, 1}, tolerance).passed());
  EXPECT_FALSE(compareValues({-1e30f, 1}, {-infinity, 1}, tolerance).passed());
}

TEST(Check, AllZeroReferenceAdmitsZeroAlone) {
  EXPECT_TRUE(compareValues({0, -0.0f}, {0, 0}).passed());
  EXPECT_FALSE(compareValues({0, 1e-30f}, {0, 0}).passed());
}

TEST(Check, LogSumExpNearZeroIsMeasuredAbsolutely) {
  Tolerance tolerance = {Measure::LogSumExp, 1e-5};
  EXPECT_TRUE(compareValues({1e-6f}, {0}, tolerance).passed());
  EXPECT_FALSE(compareValues({2e-5f}, {0}, tolerance).passed());
  EXPECT_TRUE(compareValues({100.0005f}, {100}, tolerance).passed());
  EXPECT_FALSE(compareValues({100.01f}, {100}, tolerance).passed());
}

TEST(Check, OverflowOfTheOutputTypeIsRight) {
  EXPECT_TRUE(compare(tensorOf(ElementType::F16, {infinity, 1}), tensorOf(ElementType::F64, {70000, 1}),
                      {Measure::RelativeNorm, 1e-3})
                  .passed());
  EXPECT_FALSE(compare(tensorOf(ElementType::F16, {65504, 1}), tensorOf(ElementType::F64, {70000, 1}),
                       {Measure::RelativeNorm, 1})
                   .passed());
}

TEST(Check, EmptyOutputsPass) {
  Result<HostTensor> output = HostTensor::create("x", ElementType::F32, {0, 4});
  Result<HostTensor> reference = HostTensor::create("x", ElementType::F64, {0, 4});
  ASSERT_TRUE(output && reference);
  EXPECT_TRUE(compare(*output, *reference, {Measure::RelativeNorm, 0}).passed());
}

TEST(Check, DefaultTolerancesFollowTypeAndLogits) {
  EXPECT_EQ(defaultTolerance(ElementType::F16, 4, 8).bound, 6e-4);
  EXPECT_EQ(defaultTolerance(ElementType::BF16, 4, 8).bound, 4e-3);
  EXPECT_DOUBLE_EQ(defaultTolerance(ElementType::F32, 4, 240).bound, 4e-6 + 240 * std::ldexp(1.0, -24));
  EXPECT_EQ(defaultTolerance(ElementType::F32, 4, 8).measure, Measure::RelativeNorm);
  EXPECT_EQ(defaultTolerance(ElementType::F32, 3, 8).measure, Measure::LogSumExp);
}

} // namespace
