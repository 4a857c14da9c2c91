//===- Formats.h - Floating-point numbers of 16 bits ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_FORMATS_H
#define RONDO_TEST_EMULATOR_FORMATS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace rondo::emulator {

template <typename To, typename From>
To bitCast(const From &from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

inline float fromBF16(uint16_t bits) { return bitCast<float>(static_cast<uint32_t>(bits) << 16); }

/// Rounds to nearest, ties to even.
inline uint16_t toBF16(float value) {
  if (std::isnan(value))
    return 0x7FFF;
  auto bits = bitCast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

inline float fromF16(uint16_t bits) { return static_cast<float>(bitCast<_Float16>(bits)); }
inline uint16_t toF16(float value) { return bitCast<uint16_t>(static_cast<_Float16>(value)); }

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_FORMATS_H
