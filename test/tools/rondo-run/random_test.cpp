// The generator must be right, and give the same numbers on every machine.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/inputs.h"
#include "tools/rondo-run/random.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace rondo::run;

namespace {

struct Sample {
  uint64_t seed, stream, index;
  double first, second;
};

// Worked out by an independent implementation in 50-digit decimal arithmetic.
const Sample samples[] = {
    {0, 0, 0, -0.17660189265402351, 1.4621628441235994},
    {0, 0, 1, -1.6021330001690333, 0.20066267715082817},
    {0, 1, 0, 1.0821993744951439, 2.950210234562527},
    {1, 0, 0, -1.1555550284866265, 0.58301474149137411},
    {UINT64_MAX, 2, 1000000000000, 0.74067683767976578, 1.2416381525237066},
    {42, 7, 123456, -0.21723270509714054, -0.63644532173408941},
};

TEST(Random, AgreesWithExactArithmetic) {
  for (const Sample &sample : samples) {
    auto [first, second] = NormalGenerator(sample.seed, sample.stream).pair(sample.index);
    EXPECT_NEAR(first, sample.first, 1e-14);
    EXPECT_NEAR(second, sample.second, 1e-14);
  }
}

TEST(Random, HasTheSameBitsOnEveryMachine) {
  NormalGenerator generator(2024, 1);
  uint64_t hash = 0xcbf29ce484222325; // FNV-1a over the numbers' bits
  auto add = [&](double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3;
  };
  for (uint64_t i = 0; i < 10000; ++i) {
    auto [first, second] = generator.pair(i);
    add(first);
    add(second);
  }
  EXPECT_EQ(hash, 8231175006998178897u);
}

TEST(Random, IsStandardNormal) {
  NormalGenerator generator(7, 3);
  constexpr int pairs = 200000;
  double sum = 0, square = 0, fourth = 0, product = 0, beyondTwo = 0;
  for (int i = 0; i < pairs; ++i) {
    auto [a, b] = generator.pair(uint64_t(i));
    product += a * b;
    for (double x : {a, b}) {
      sum += x;
      square += x * x;
      fourth += x * x * x * x;
      beyondTwo += std::fabs(x) > 2;
    }
  }
  constexpr double count = 2.0 * pairs;
  EXPECT_NEAR(sum / count, 0, 0.008); // 5 standard errors
  EXPECT_NEAR(square / count, 1, 0.012);
  EXPECT_NEAR(fourth / count, 3, 0.08);
  EXPECT_NEAR(product / pairs, 0, 0.012);
  EXPECT_NEAR(beyondTwo / count, 0.0455, 0.002);
}

TEST(Random, SeedsAndStreamsDiffer) {
  double first = NormalGenerator(1, 0).pair(0).first;
  EXPECT_NE(first, NormalGenerator(2, 0).pair(0).first);
  EXPECT_NE(first, NormalGenerator(1, 1).pair(0).first);
  EXPECT_NE(first, NormalGenerator(1, 0).pair(1).first);
  // Streams of neighbouring seeds are not shifted copies of each other.
  EXPECT_NE(NormalGenerator(1, 1).pair(0), NormalGenerator(2, 0).pair(0));
}

TEST(Random, GenerateFillsOddCountsAndScales) {
  Result<HostTensor> one = HostTensor::create("a", ElementType::F32, {3});
  Result<HostTensor> ten = HostTensor::create("b", ElementType::F32, {3});
  ASSERT_TRUE(one && ten);
  one->fillWithNaN();
  generate(*one, 5, 0, 1);
  generate(*ten, 5, 0, 10);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::isfinite(one->load(i)));
    EXPECT_NEAR(ten->load(i), 10 * one->load(i), 1e-5);
  }
}

TEST(Random, HalvesAreTheFloatsRounded) {
  Result<HostTensor> wide = HostTensor::create("a", ElementType::F32, {100});
  Result<HostTensor> half = HostTensor::create("b", ElementType::F16, {100});
  ASSERT_TRUE(wide && half);
  generate(*wide, 5, 2, 1);
  generate(*half, 5, 2, 1);
  for (int64_t i = 0; i < 100; ++i)
    EXPECT_EQ(half->load(i), floatFromHalf(halfFromFloat(float(wide->load(i)))));
}

} // namespace
