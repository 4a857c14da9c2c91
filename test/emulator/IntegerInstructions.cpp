//===- IntegerInstructions.cpp - Arithmetic and logic on integers and predicates ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Lanewise.h"

#include <algorithm>
#include <limits>

using namespace rondo::emulator;

namespace {

//===--------------------------------------------------------------------------------------------------------------===//
// Arithmetic
//===--------------------------------------------------------------------------------------------------------------===//

template <typename T>
T add(T a, T b) {
  return a + b;
}
template <typename T>
T subtract(T a, T b) {
  return a - b;
}
template <typename T>
T multiplyLow(T a, T b) {
  return static_cast<T>(1u * a * b); // not as int: 16-bit operands would overflow
}
template <typename T>
T multiplyAddLow(T a, T b, T c) {
  return a * b + c;
}
template <typename Wide, typename T>
Wide multiplyWide(T a, T b) {
  return static_cast<Wide>(a) * static_cast<Wide>(b);
}
template <typename Wide, typename T>
Wide multiplyAddWide(T a, T b, Wide c) {
  return static_cast<Wide>(static_cast<std::make_unsigned_t<Wide>>(multiplyWide<Wide>(a, b)) +
                           static_cast<std::make_unsigned_t<Wide>>(c));
}
template <typename Wide, typename T>
T multiplyHigh(T a, T b) {
  return static_cast<T>(multiplyWide<Wide>(a, b) >> (8 * sizeof(T)));
}

// PTX leaves the quotient by zero open; so is that of the lowest number and -1.
template <typename T>
bool isDefined(T a, T b) {
  return b != 0 && !(std::is_signed_v<T> && a == std::numeric_limits<T>::min() && b == static_cast<T>(-1));
}
template <typename T>
T divide(T a, T b) {
  return isDefined(a, b) ? a / b : std::numeric_limits<T>::max();
}
template <typename T>
T remainder(T a, T b) {
  return isDefined(a, b) ? a % b : std::numeric_limits<T>::max();
}

template <typename T>
T minimum(T a, T b) {
  return std::min(a, b);
}
template <typename T>
T maximum(T a, T b) {
  return std::max(a, b);
}
int32_t minimumRelu(int32_t a, int32_t b) { return std::max(0, std::min(a, b)); }
int32_t maximumRelu(int32_t a, int32_t b) { return std::max(0, std::max(a, b)); }
template <typename T>
T negate(T a) {
  return T(0) - a;
}
template <typename T>
T absolute(T a) {
  return static_cast<std::make_signed_t<T>>(a) < 0 ? T(0) - a : a;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bits
//===--------------------------------------------------------------------------------------------------------------===//

template <typename T>
T bitAnd(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T bitOr(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T bitXor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <typename T>
T bitNot(T a) {
  return static_cast<T>(~a);
}
bool predicateNot(bool a) { return !a; }

// Distances beyond the width count as the width.
template <typename T>
T shiftLeft(T a, uint32_t distance) {
  return distance < 8 * sizeof(T) ? static_cast<T>(a << distance) : T(0);
}
template <typename T>
T shiftRight(T a, uint32_t distance) {
  constexpr uint32_t width = 8 * sizeof(T);
  if (distance < width)
    return static_cast<T>(a >> distance);
  return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T(0);
}
uint32_t funnelLeft(uint32_t low, uint32_t high, uint32_t distance) {
  uint64_t both = uint64_t(high) << 32 | low;
  return static_cast<uint32_t>(both << (distance & 31) >> 32);
}
uint32_t funnelRight(uint32_t low, uint32_t high, uint32_t distance) {
  uint64_t both = uint64_t(high) << 32 | low;
  return static_cast<uint32_t>(both >> (distance & 31));
}
uint32_t extractBits(uint32_t a, uint32_t begin, uint32_t count) {
  return shiftLeft(1u, count & 255) - 1 & shiftRight(a, begin & 255);
}
uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t both = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    uint32_t nibble = selector >> 4 * i;
    auto byte = static_cast<uint8_t>(both >> 8 * (nibble & 7));
    if (nibble & 8) // the sign, in all bits
      byte = byte & 0x80 ? 0xFF : 0;
    result |= uint32_t(byte) << 8 * i;
  }
  return result;
}
uint32_t lookUpBits(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (unsigned i = 0; i < 8; ++i)
    if (table >> i & 1)
      result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return result;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Comparisons
//===--------------------------------------------------------------------------------------------------------------===//

template <typename T>
bool equal(T a, T b) {
  return a == b;
}
template <typename T>
bool differs(T a, T b) {
  return a != b;
}
template <typename T>
bool less(T a, T b) {
  return a < b;
}
template <typename T>
bool lessOrEqual(T a, T b) {
  return a <= b;
}
template <typename T>
bool greater(T a, T b) {
  return a > b;
}
template <typename T>
bool greaterOrEqual(T a, T b) {
  return a >= b;
}
template <typename T>
T select(T a, T b, bool condition) {
  return condition ? a : b;
}

} // namespace

InstructionList rondo::emulator::getIntegerInstructions() {
  return {
      lanewise<&add<uint16_t>>("add.(s|u)16"),
      lanewise<&add<uint32_t>>("add.(s|u)32"),
      lanewise<&add<uint64_t>>("add.(s|u)64"),
      lanewise<&subtract<uint16_t>>("sub.(s|u)16"),
      lanewise<&subtract<uint32_t>>("sub.(s|u)32"),
      lanewise<&subtract<uint64_t>>("sub.(s|u)64"),
      lanewise<&multiplyLow<uint16_t>>("mul.lo.(s|u)16"),
      lanewise<&multiplyLow<uint32_t>>("mul.lo.(s|u)32"),
      lanewise<&multiplyLow<uint64_t>>("mul.lo.(s|u)64"),
      lanewise<&multiplyAddLow<uint32_t>>("mad.lo.(s|u)32"),
      lanewise<&multiplyAddLow<uint64_t>>("mad.lo.(s|u)64"),
      lanewise<&multiplyWide<int64_t, int32_t>>("mul.wide.s32"),
      lanewise<&multiplyWide<uint64_t, uint32_t>>("mul.wide.u32"),
      lanewise<&multiplyWide<int32_t, int16_t>>("mul.wide.s16"),
      lanewise<&multiplyWide<uint32_t, uint16_t>>("mul.wide.u16"),
      lanewise<&multiplyAddWide<int64_t, int32_t>>("mad.wide.s32"),
      lanewise<&multiplyAddWide<uint64_t, uint32_t>>("mad.wide.u32"),
      lanewise<&multiplyHigh<int32_t, int16_t>>("mul.hi.s16"),
      lanewise<&multiplyHigh<uint32_t, uint16_t>>("mul.hi.u16"),
      lanewise<&multiplyHigh<int64_t, int32_t>>("mul.hi.s32"),
      lanewise<&multiplyHigh<uint64_t, uint32_t>>("mul.hi.u32"),
      lanewise<&multiplyHigh<__int128, int64_t>>("mul.hi.s64"),
      lanewise<&multiplyHigh<unsigned __int128, uint64_t>>("mul.hi.u64"),
      lanewise<&divide<int32_t>>("div.s32"),
      lanewise<&divide<uint32_t>>("div.u32"),
      lanewise<&divide<int64_t>>("div.s64"),
      lanewise<&divide<uint64_t>>("div.u64"),
      lanewise<&remainder<int32_t>>("rem.s32"),
      lanewise<&remainder<uint32_t>>("rem.u32"),
      lanewise<&remainder<int64_t>>("rem.s64"),
      lanewise<&remainder<uint64_t>>("rem.u64"),
      lanewise<&minimum<int32_t>>("min.s32"),
      lanewise<&minimum<uint32_t>>("min.u32"),
      lanewise<&minimum<int64_t>>("min.s64"),
      lanewise<&minimum<uint64_t>>("min.u64"),
      lanewise<&maximum<int32_t>>("max.s32"),
      lanewise<&maximum<uint32_t>>("max.u32"),
      lanewise<&maximum<int64_t>>("max.s64"),
      lanewise<&maximum<uint64_t>>("max.u64"),
      lanewise<&minimumRelu>("min.relu.s32"),
      lanewise<&maximumRelu>("max.relu.s32"),
      lanewise<&negate<uint32_t>>("neg.s32"),
      lanewise<&negate<uint64_t>>("neg.s64"),
      lanewise<&absolute<uint32_t>>("abs.s32"),
      lanewise<&absolute<uint64_t>>("abs.s64"),

      lanewise<&bitAnd<bool>>("and.pred"),
      lanewise<&bitAnd<uint16_t>>("and.b16"),
      lanewise<&bitAnd<uint32_t>>("and.b32"),
      lanewise<&bitAnd<uint64_t>>("and.b64"),
      lanewise<&bitOr<bool>>("or.pred"),
      lanewise<&bitOr<uint16_t>>("or.b16"),
      lanewise<&bitOr<uint32_t>>("or.b32"),
      lanewise<&bitOr<uint64_t>>("or.b64"),
      lanewise<&bitXor<bool>>("xor.pred"),
      lanewise<&bitXor<uint16_t>>("xor.b16"),
      lanewise<&bitXor<uint32_t>>("xor.b32"),
      lanewise<&bitXor<uint64_t>>("xor.b64"),
      lanewise<&predicateNot>("not.pred"),
      lanewise<&bitNot<uint16_t>>("not.b16"),
      lanewise<&bitNot<uint32_t>>("not.b32"),
      lanewise<&bitNot<uint64_t>>("not.b64"),
      lanewise<&shiftLeft<uint16_t>>("shl.b16"),
      lanewise<&shiftLeft<uint32_t>>("shl.b32"),
      lanewise<&shiftLeft<uint64_t>>("shl.b64"),
      lanewise<&shiftRight<uint16_t>>("shr.(u|b)16"),
      lanewise<&shiftRight<uint32_t>>("shr.(u|b)32"),
      lanewise<&shiftRight<uint64_t>>("shr.(u|b)64"),
      lanewise<&shiftRight<int16_t>>("shr.s16"),
      lanewise<&shiftRight<int32_t>>("shr.s32"),
      lanewise<&shiftRight<int64_t>>("shr.s64"),
      lanewise<&funnelLeft>("shf.l.wrap.b32"),
      lanewise<&funnelRight>("shf.r.wrap.b32"),
      lanewise<&extractBits>("bfe.u32"),
      lanewise<&permuteBytes>("prmt.b32"),
      lanewise<&lookUpBits>("lop3.b32"),

      lanewise<&equal<uint16_t>>("setp.eq.(s|u|b)16"),
      lanewise<&equal<uint32_t>>("setp.eq.(s|u|b)32"),
      lanewise<&equal<uint64_t>>("setp.eq.(s|u|b)64"),
      lanewise<&differs<uint16_t>>("setp.ne.(s|u|b)16"),
      lanewise<&differs<uint32_t>>("setp.ne.(s|u|b)32"),
      lanewise<&differs<uint64_t>>("setp.ne.(s|u|b)64"),
      lanewise<&less<int32_t>>("setp.lt.s32"),
      lanewise<&less<uint32_t>>("setp.lt.u32"),
      lanewise<&less<int64_t>>("setp.lt.s64"),
      lanewise<&less<uint64_t>>("setp.lt.u64"),
      lanewise<&lessOrEqual<int32_t>>("setp.le.s32"),
      lanewise<&lessOrEqual<uint32_t>>("setp.le.u32"),
      lanewise<&lessOrEqual<int64_t>>("setp.le.s64"),
      lanewise<&lessOrEqual<uint64_t>>("setp.le.u64"),
      lanewise<&greater<int32_t>>("setp.gt.s32"),
      lanewise<&greater<uint32_t>>("setp.gt.u32"),
      lanewise<&greater<int64_t>>("setp.gt.s64"),
      lanewise<&greater<uint64_t>>("setp.gt.u64"),
      lanewise<&greaterOrEqual<int32_t>>("setp.ge.s32"),
      lanewise<&greaterOrEqual<uint32_t>>("setp.ge.u32"),
      lanewise<&greaterOrEqual<int64_t>>("setp.ge.s64"),
      lanewise<&greaterOrEqual<uint64_t>>("setp.ge.u64"),
      lanewise<&select<uint16_t>>("selp.(b|s|u)16"),
      lanewise<&select<uint32_t>>("selp.(b32|s32|u32|f32)"),
      lanewise<&select<uint64_t>>("selp.(b64|s64|u64|f64)"),
  };
}
