//===- ConversionInstructions.cpp - From one type to another --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Formats.h"
#include "test/emulator/Lanewise.h"

#include <limits>

using namespace rondo::emulator;

namespace {

template <typename To, typename From>
To convert(From a) {
  return static_cast<To>(a);
}

/// Towards zero; what lies outside of the range gives its end, a NaN gives 0.
template <typename To>
To truncate(float a) {
  if (std::isnan(a))
    return 0;
  auto value = static_cast<double>(a);
  if (value <= static_cast<double>(std::numeric_limits<To>::min()))
    return std::numeric_limits<To>::min();
  if (value >= static_cast<double>(std::numeric_limits<To>::max()))
    return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

// To integers, as floats.
float roundDown(float a) { return std::floor(a); }
float roundUp(float a) { return std::ceil(a); }
float roundTowardsZero(float a) { return std::trunc(a); }
float roundToEven(float a) { return std::nearbyint(a); }

// The first operand becomes the upper half.
uint32_t packBF16(float high, float low) { return uint32_t(toBF16(high)) << 16 | toBF16(low); }
uint32_t packF16(float high, float low) { return uint32_t(toF16(high)) << 16 | toF16(low); }

} // namespace

InstructionList rondo::emulator::getConversionInstructions() {
  return {
      lanewise<&convert<uint64_t, uint32_t>>("cvt.(u|s)64.u32"),
      lanewise<&convert<int64_t, int32_t>>("cvt.(u|s)64.s32"),
      lanewise<&convert<uint32_t, uint64_t>>("cvt.(u|s)32.(u|s)64"),
      lanewise<&convert<uint16_t, uint32_t>>("cvt.(u|s)16.(u|s)32"),
      lanewise<&convert<uint16_t, uint64_t>>("cvt.(u|s)16.(u|s)64"),
      lanewise<&convert<uint32_t, uint16_t>>("cvt.(u|s)32.u16"),
      lanewise<&convert<int32_t, int16_t>>("cvt.(u|s)32.s16"),
      lanewise<&convert<uint64_t, uint16_t>>("cvt.(u|s)64.u16"),
      lanewise<&convert<float, int32_t>>("cvt.rn.f32.s32"),
      lanewise<&convert<float, uint32_t>>("cvt.rn.f32.u32"),
      lanewise<&truncate<int32_t>>("cvt.rzi[.ftz].s32.f32"),
      lanewise<&truncate<uint32_t>>("cvt.rzi[.ftz].u32.f32"),
      lanewise<&roundDown>("cvt.rmi.f32.f32"),
      lanewise<&roundUp>("cvt.rpi.f32.f32"),
      lanewise<&roundTowardsZero>("cvt.rzi.f32.f32"),
      lanewise<&roundToEven>("cvt.rni.f32.f32"),
      lanewise<&fromF16>("cvt.f32.f16"),
      lanewise<&fromBF16>("cvt.f32.bf16"),
      lanewise<&toF16>("cvt.rn.f16.f32"),
      lanewise<&toBF16>("cvt.rn.bf16.f32"),
      lanewise<&packF16>("cvt.rn.f16x2.f32"),
      lanewise<&packBF16>("cvt.rn.bf16x2.f32"),
  };
}
