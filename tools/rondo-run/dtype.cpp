// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/dtype.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace rondo::run {

std::optional<ElementType> parseElementType(std::string_view name) {
  for (ElementType type : {ElementType::F16, ElementType::BF16, ElementType::F32})
    if (name == elementTypeName(type))
      return type;
  return std::nullopt;
}

const char *elementTypeName(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "f16";
  case ElementType::BF16:
    return "bf16";
  case ElementType::F32:
    return "f32";
  case ElementType::F64:
    return "f64";
  }
  return "";
}

size_t elementSize(ElementType type) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return 2;
  case ElementType::F32:
    return 4;
  case ElementType::F64:
    return 8;
  }
  return 0;
}

double overflowBound(ElementType type) {
  // Half a unit in the last place above the largest finite value: a tie, which goes to even, that is to infinity.
  switch (type) {
  case ElementType::F16:
    return 65520.0;
  case ElementType::BF16:
    return std::ldexp(2.0 - std::ldexp(1.0, -8), 127);
  case ElementType::F32:
    return std::ldexp(2.0 - std::ldexp(1.0, -24), 127);
  case ElementType::F64:
    break;
  }
  return std::numeric_limits<double>::infinity();
}

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// `value` without its lowest `count` bits, rounded to nearest even.
static uint32_t shiftRoundingToEven(uint32_t value, unsigned count) {
  uint32_t half = (uint32_t(1) << (count - 1)) - 1;
  uint32_t odd = (value >> count) & 1;
  return (value + half + odd) >> count;
}

uint16_t halfFromFloat(float value) {
  uint32_t bits = bitsOf(value);
  uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) // NaN: keep the upper payload, and make it quiet
    return uint16_t(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  if (magnitude >= 0x477ff000) // 65520 and above
    return uint16_t(sign | 0x7c00);
  if (magnitude >= 0x38800000) // 2^-14 and above: normal; a carry out of the mantissa raises the exponent, rightly
    return uint16_t(sign | shiftRoundingToEven(magnitude - 0x38000000, 13));
  unsigned exponent = magnitude >> 23;
  if (exponent < 102) // below 2^-25: zero
    return sign;
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  return uint16_t(sign | shiftRoundingToEven(mantissa, 126 - exponent));
}

float floatFromHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return floatOf(sign | 0x7f800000 | (mantissa << 13));
  if (exponent == 0) {
    float magnitude = std::ldexp(float(mantissa), -24);
    return sign ? -magnitude : magnitude;
  }
  return floatOf(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t bfloatFromFloat(float value) {
  uint32_t bits = bitsOf(value);
  if ((bits & 0x7fffffff) > 0x7f800000) // NaN: rounding could carry it into the sign
    return uint16_t((bits >> 16) | 0x40);
  return uint16_t(shiftRoundingToEven(bits, 16));
}

float floatFromBfloat(uint16_t bits) { return floatOf(uint32_t(bits) << 16); }

template <typename T>
static T loadAs(const void *data, size_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
static void storeAs(void *data, size_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

double loadElement(const void *data, ElementType type, size_t index) {
  switch (type) {
  case ElementType::F16:
    return floatFromHalf(loadAs<uint16_t>(data, index));
  case ElementType::BF16:
    return floatFromBfloat(loadAs<uint16_t>(data, index));
  case ElementType::F32:
    return loadAs<float>(data, index);
  case ElementType::F64:
    return loadAs<double>(data, index);
  }
  return 0;
}

void storeElement(void *data, ElementType type, size_t index, float value) {
  switch (type) {
  case ElementType::F16:
    return storeAs(data, index, halfFromFloat(value));
  case ElementType::BF16:
    return storeAs(data, index, bfloatFromFloat(value));
  case ElementType::F32:
    return storeAs(data, index, value);
  case ElementType::F64:
    return storeAs(data, index, double(value));
  }
}

} // namespace rondo::run
