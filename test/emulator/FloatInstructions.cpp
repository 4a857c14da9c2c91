//===- FloatInstructions.cpp - Arithmetic and comparisons of f32, arithmetic of 16 bits -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Approximations are computed as well as f32 can hold them. With .ftz, subnormal operands and results are zero.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/emulator/Formats.h"
#include "test/emulator/Lanewise.h"

#include <cmath>
#include <limits>

using namespace rondo::emulator;

namespace {

float flush(float a) { return std::fabs(a) < std::numeric_limits<float>::min() ? std::copysign(0.0f, a) : a; }

float add(float a, float b) { return a + b; }
float subtract(float a, float b) { return a - b; }
float multiply(float a, float b) { return a * b; }
float divide(float a, float b) { return a / b; }
float multiplyAdd(float a, float b, float c) { return std::fma(a, b, c); }

// A NaN loses against a number; with .NaN it wins.
float minimum(float a, float b) { return std::fmin(a, b); }
float maximum(float a, float b) { return std::fmax(a, b); }
float minimumOrNaN(float a, float b) {
  return std::isnan(a) || std::isnan(b) ? bitCast<float>(0x7FFFFFFFu) : std::fmin(a, b);
}
float maximumOrNaN(float a, float b) {
  return std::isnan(a) || std::isnan(b) ? bitCast<float>(0x7FFFFFFFu) : std::fmax(a, b);
}
float negate(float a) { return -a; }
float absolute(float a) { return std::fabs(a); }

float exp2Approx(float a) { return std::exp2(a); }
float log2Approx(float a) { return std::log2(a); }
float reciprocal(float a) { return 1.0f / a; }
float squareRoot(float a) { return std::sqrt(a); }
float reciprocalSquareRoot(float a) { return 1.0f / std::sqrt(a); }

/// The function on flushed operands, with a flushed result.
template <auto function, typename Type = decltype(function)>
struct Flushed;
template <auto function, typename... Arguments>
struct Flushed<function, float (*)(Arguments...)> {
  static float apply(Arguments... arguments) { return flush(function(flush(arguments)...)); }
};
template <auto function>
constexpr auto flushed = &Flushed<function>::apply;

/// The function on numbers of 16 bits. f32 holds more than twice their digits and two more, so that rounding a sum or a
/// product of two of them twice is as rounding it once.
template <auto function, auto from, auto to>
uint16_t narrow(uint16_t a, uint16_t b) {
  return to(function(from(a), from(b)));
}

// Ordered comparisons do not hold for NaNs; unordered ones (equ, neu, ...) do.
bool equal(float a, float b) { return a == b; }
bool differs(float a, float b) { return a < b || a > b; }
bool less(float a, float b) { return a < b; }
bool lessOrEqual(float a, float b) { return a <= b; }
bool greater(float a, float b) { return a > b; }
bool greaterOrEqual(float a, float b) { return a >= b; }
bool equalOrNaN(float a, float b) { return !differs(a, b); }
bool differsOrNaN(float a, float b) { return !(a == b); }
bool lessOrNaN(float a, float b) { return !(a >= b); }
bool lessEqualOrNaN(float a, float b) { return !(a > b); }
bool greaterOrNaN(float a, float b) { return !(a <= b); }
bool greaterEqualOrNaN(float a, float b) { return !(a < b); }
bool areNumbers(float a, float b) { return !std::isnan(a) && !std::isnan(b); }
bool isAnyNaN(float a, float b) { return std::isnan(a) || std::isnan(b); }

} // namespace

InstructionList rondo::emulator::getFloatInstructions() {
  return {
      lanewise<&add>("add[.rn].f32"),
      lanewise<&subtract>("sub[.rn].f32"),
      lanewise<&multiply>("mul[.rn].f32"),
      lanewise<&multiplyAdd>("fma.rn.f32"),
      lanewise<&divide>("div.(rn|full|approx).f32"),
      lanewise<&minimum>("min.f32"),
      lanewise<&maximum>("max.f32"),
      lanewise<&minimumOrNaN>("min.NaN.f32"),
      lanewise<&maximumOrNaN>("max.NaN.f32"),
      lanewise<&negate>("neg.f32"),
      lanewise<&absolute>("abs.f32"),
      lanewise<&exp2Approx>("ex2.approx.f32"),
      lanewise<&log2Approx>("lg2.approx.f32"),
      lanewise<&reciprocal>("rcp.(rn|approx).f32"),
      lanewise<&squareRoot>("sqrt.(rn|approx).f32"),
      lanewise<&reciprocalSquareRoot>("rsqrt.approx.f32"),

      lanewise<&narrow<&add, &fromF16, &toF16>>("add[.rn].f16"),
      lanewise<&narrow<&subtract, &fromF16, &toF16>>("sub[.rn].f16"),
      lanewise<&narrow<&multiply, &fromF16, &toF16>>("mul[.rn].f16"),
      lanewise<&narrow<&add, &fromBF16, &toBF16>>("add[.rn].bf16"),
      lanewise<&narrow<&subtract, &fromBF16, &toBF16>>("sub[.rn].bf16"),
      lanewise<&narrow<&multiply, &fromBF16, &toBF16>>("mul[.rn].bf16"),

      lanewise<flushed<&add>>("add[.rn].ftz.f32"),
      lanewise<flushed<&subtract>>("sub[.rn].ftz.f32"),
      lanewise<flushed<&multiply>>("mul[.rn].ftz.f32"),
      lanewise<flushed<&multiplyAdd>>("fma.rn.ftz.f32"),
      lanewise<flushed<&divide>>("div.(rn|full|approx).ftz.f32"),
      lanewise<flushed<&minimum>>("min.ftz.f32"),
      lanewise<flushed<&maximum>>("max.ftz.f32"),
      lanewise<flushed<&negate>>("neg.ftz.f32"),
      lanewise<flushed<&absolute>>("abs.ftz.f32"),
      lanewise<flushed<&exp2Approx>>("ex2.approx.ftz.f32"),
      lanewise<flushed<&log2Approx>>("lg2.approx.ftz.f32"),
      lanewise<flushed<&reciprocal>>("rcp.(rn|approx).ftz.f32"),
      lanewise<flushed<&squareRoot>>("sqrt.(rn|approx).ftz.f32"),
      lanewise<flushed<&reciprocalSquareRoot>>("rsqrt.approx.ftz.f32"),

      lanewise<&equal>("setp.eq[.ftz].f32"),
      lanewise<&differs>("setp.ne[.ftz].f32"),
      lanewise<&less>("setp.lt[.ftz].f32"),
      lanewise<&lessOrEqual>("setp.le[.ftz].f32"),
      lanewise<&greater>("setp.gt[.ftz].f32"),
      lanewise<&greaterOrEqual>("setp.ge[.ftz].f32"),
      lanewise<&equalOrNaN>("setp.equ[.ftz].f32"),
      lanewise<&differsOrNaN>("setp.neu[.ftz].f32"),
      lanewise<&lessOrNaN>("setp.ltu[.ftz].f32"),
      lanewise<&lessEqualOrNaN>("setp.leu[.ftz].f32"),
      lanewise<&greaterOrNaN>("setp.gtu[.ftz].f32"),
      lanewise<&greaterEqualOrNaN>("setp.geu[.ftz].f32"),
      lanewise<&areNumbers>("setp.num[.ftz].f32"),
      lanewise<&isAnyNaN>("setp.nan[.ftz].f32"),
  };
}
