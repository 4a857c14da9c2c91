// Conversions between element types, against values worked out by hand and against exhaustive round trips.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/dtype.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace rondo::run;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(Half, EveryValueSurvivesARoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = floatFromHalf(uint16_t(bits));
    if (std::isnan(value))
      EXPECT_EQ(halfFromFloat(value), bits | 0x200) << bits; // quiet
    else
      EXPECT_EQ(halfFromFloat(value), bits) << bits;
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(floatFromHalf(0x3c00), 1.0f);
  EXPECT_EQ(floatFromHalf(0xc000), -2.0f);
  EXPECT_EQ(floatFromHalf(0x7bff), 65504.0f);
  EXPECT_EQ(floatFromHalf(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(floatFromHalf(0x0400), std::ldexp(1.0f, -14));
  EXPECT_EQ(floatFromHalf(0xfc00), -infinity);
}

TEST(Half, EveryMidpointGoesToEvenAndItsNeighboursToTheNearest) {
  for (uint16_t bits = 0; bits < 0x7bff; ++bits) {
    float low = floatFromHalf(bits), high = floatFromHalf(uint16_t(bits + 1));
    float middle = low + (high - low) / 2; // exact in float
    uint16_t even = bits % 2 ? uint16_t(bits + 1) : bits;
    ASSERT_EQ(halfFromFloat(middle), even) << bits;
    ASSERT_EQ(halfFromFloat(-middle), even | 0x8000) << bits;
    ASSERT_EQ(halfFromFloat(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(halfFromFloat(std::nextafter(middle, infinity)), bits + 1);
  }
}

TEST(Half, OverflowsFrom65520) {
  EXPECT_EQ(halfFromFloat(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(halfFromFloat(65520.0f), 0x7c00);
  EXPECT_EQ(halfFromFloat(-1e30f), 0xfc00);
  EXPECT_EQ(halfFromFloat(infinity), 0x7c00);
  EXPECT_EQ(overflowBound(ElementType::F16), 65520.0);
}

TEST(Half, TinyValuesBecomeSignedZeros) {
  EXPECT_EQ(halfFromFloat(std::ldexp(1.0f, -25)), 0x0000); // a tie with zero, which is even
  EXPECT_EQ(halfFromFloat(std::nextafter(std::ldexp(1.0f, -25), 1.0f)), 0x0001);
  EXPECT_EQ(halfFromFloat(-1e-30f), 0x8000);
  EXPECT_EQ(halfFromFloat(std::numeric_limits<float>::denorm_min()), 0x0000);
}

TEST(Bfloat, EveryValueSurvivesARoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = floatFromBfloat(uint16_t(bits));
    EXPECT_EQ(bfloatFromFloat(value), std::isnan(value) ? (bits | 0x40) : bits) << bits;
  }
}

TEST(Bfloat, EveryMidpointGoesToEven) {
  for (uint16_t bits = 0; bits < 0x7f7f; ++bits) {
    float low = floatFromBfloat(bits), high = floatFromBfloat(uint16_t(bits + 1));
    float middle = low + (high - low) / 2;
    uint16_t even = bits % 2 ? uint16_t(bits + 1) : bits;
    ASSERT_EQ(bfloatFromFloat(middle), even) << bits;
    ASSERT_EQ(bfloatFromFloat(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(bfloatFromFloat(std::nextafter(middle, infinity)), bits + 1);
  }
}

TEST(Bfloat, NaNStaysNaNAndOverflowIsInfinite) {
  EXPECT_TRUE(std::isnan(floatFromBfloat(bfloatFromFloat(std::numeric_limits<float>::quiet_NaN()))));
  float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(bfloatFromFloat(largest), 0x7f80);
  EXPECT_GE(double(largest), overflowBound(ElementType::BF16));
  float below = std::nextafter(float(overflowBound(ElementType::BF16)), 0.0f);
  EXPECT_EQ(bfloatFromFloat(below), 0x7f7f);
}

TEST(Elements, AreStoredAtTheirIndexAndRounded) {
  uint16_t halves[3] = {};
  storeElement(halves, ElementType::F16, 1, 1.0f + std::ldexp(1.0f, -11)); // a tie
  EXPECT_EQ(halves[0], 0);
  EXPECT_EQ(halves[1], 0x3c00);
  EXPECT_EQ(loadElement(halves, ElementType::F16, 1), 1.0);
  double doubles[2] = {};
  storeElement(doubles, ElementType::F64, 1, 0.1f);
  EXPECT_EQ(doubles[1], double(0.1f));
}

TEST(ElementTypes, AreKnownByTheirNames) {
  EXPECT_EQ(parseElementType("bf16"), ElementType::BF16);
  EXPECT_EQ(parseElementType("f64"), std::nullopt); // no program computes in it
  EXPECT_EQ(elementSize(ElementType::BF16), 2u);
}

} // namespace
