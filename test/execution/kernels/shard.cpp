//===- shard.cpp - Tensors between inaccessible pages ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "shard.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

using namespace rondo::test;

std::string rondo::test::name(Element element) {
  switch (element) {
  case Element::F32:
    return "f32";
  case Element::F16:
    return "f16";
  case Element::BF16:
    return "bf16";
  case Element::F64:
    return "f64";
  case Element::I32:
    return "i32";
  }
  std::abort();
}

int64_t rondo::test::byteSize(Element element) {
  switch (element) {
  case Element::F16:
  case Element::BF16:
    return 2;
  case Element::F32:
  case Element::I32:
    return 4;
  case Element::F64:
    return 8;
  }
  std::abort();
}

/// Rounds to a format with `bits` bits of precision whose smallest normal exponent is `minimum`; to nearest even.
static double roundTo(double value, int bits, int minimum, double largest) {
  if (!std::isfinite(value) || value == 0)
    return value;
  int exponent = std::max(std::ilogb(value), minimum);
  double unit = std::ldexp(1.0, exponent - bits + 1);
  double rounded = std::nearbyint(value / unit) * unit;
  return std::fabs(rounded) > largest ? std::copysign(INFINITY, value) : rounded;
}

static uint16_t toHalf(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value))
    return sign | 0x7e00;
  double magnitude = std::fabs(roundTo(value, 11, -14, 65504));
  if (std::isinf(magnitude))
    return sign | 0x7c00;
  if (magnitude < std::ldexp(1.0, -14))
    return sign | static_cast<uint16_t>(std::ldexp(magnitude, 24));
  int exponent = std::ilogb(magnitude);
  return sign | ((exponent + 15) << 10) | (static_cast<uint16_t>(std::ldexp(magnitude, 10 - exponent)) & 0x3ff);
}

static double fromHalf(uint16_t bits) {
  int exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff;
  double magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(mantissa, -24)
                                     : std::ldexp(mantissa + 1024, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

static uint16_t toBFloat(double value) {
  float rounded = static_cast<float>(roundTo(value, 8, -126, 3.3895313892515355e38));
  uint32_t bits;
  std::memcpy(&bits, &rounded, 4);
  return bits >> 16 | (std::isnan(value) ? 0x40 : 0);
}

static double fromBFloat(uint16_t half) {
  uint32_t bits = uint32_t(half) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// Row-major strides, or those of [batch, sequence, head, feature] storage.
static std::vector<int64_t> makeStrides(const std::vector<int64_t> &sizes, Layout layout) {
  std::vector<int64_t> order; // dimensions from the innermost one out
  for (int64_t i = static_cast<int64_t>(sizes.size()) - 1; i >= 0; --i)
    order.push_back(i);
  if (layout == Layout::SequenceMajor && sizes.size() == 4)
    std::swap(order[1], order[2]);
  std::vector<int64_t> strides(sizes.size());
  int64_t step = 1;
  for (int64_t dimension : order) {
    strides[dimension] = step;
    step *= std::max<int64_t>(sizes[dimension], 1);
  }
  return strides;
}

Shard::Shard(Element element, std::vector<int64_t> sizes, Layout layout, Flush flush)
    : type(element), extents(std::move(sizes)), steps(makeStrides(extents, layout)) {
  size_t page = sysconf(_SC_PAGESIZE), bytes = count() * byteSize(type);
  size_t inner = (bytes + page - 1) / page * page;
  mappingBytes = inner + 2 * page;
  mapping = mmap(nullptr, mappingBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    std::abort();
  char *first = static_cast<char *>(mapping) + page;
  if (inner && mprotect(first, inner, PROT_READ | PROT_WRITE))
    std::abort();
  elements = flush == Flush::Start ? first : first + inner - bytes;
}

Shard::~Shard() { munmap(mapping, mappingBytes); }

int64_t Shard::count() const {
  int64_t count = 1;
  for (int64_t extent : extents)
    count *= extent;
  return count;
}

char *Shard::address(const std::vector<int64_t> &indices) const {
  int64_t offset = 0;
  for (size_t i = 0; i < indices.size(); ++i)
    offset += indices[i] * steps[i];
  return static_cast<char *>(elements) + offset * byteSize(type);
}

template <typename T>
static T read(const char *address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

template <typename T>
static void write(char *address, T value) {
  std::memcpy(address, &value, sizeof value);
}

double Shard::get(const std::vector<int64_t> &indices) const {
  const char *place = address(indices);
  switch (type) {
  case Element::F32:
    return read<float>(place);
  case Element::F16:
    return fromHalf(read<uint16_t>(place));
  case Element::BF16:
    return fromBFloat(read<uint16_t>(place));
  case Element::F64:
    return read<double>(place);
  case Element::I32:
    return read<int32_t>(place);
  }
  std::abort();
}

void Shard::set(const std::vector<int64_t> &indices, double value) {
  char *place = address(indices);
  switch (type) {
  case Element::F32:
    return write(place, static_cast<float>(value));
  case Element::F16:
    return write(place, toHalf(value));
  case Element::BF16:
    return write(place, toBFloat(value));
  case Element::F64:
    return write(place, value);
  case Element::I32:
    return write(place, static_cast<int32_t>(value));
  }
}

void Shard::forEach(const std::function<void(const std::vector<int64_t> &)> &function) const {
  std::vector<int64_t> indices(extents.size(), 0);
  for (int64_t remaining = count(); remaining > 0; --remaining) {
    function(indices);
    for (int64_t i = static_cast<int64_t>(extents.size()) - 1; i >= 0 && ++indices[i] == extents[i]; --i)
      indices[i] = 0;
  }
}

void Shard::fill(const std::function<double()> &next) {
  forEach([&](const std::vector<int64_t> &indices) { set(indices, next()); });
}

std::vector<double> Shard::values() const {
  std::vector<double> values;
  values.reserve(count());
  forEach([&](const std::vector<int64_t> &indices) { values.push_back(get(indices)); });
  return values;
}
