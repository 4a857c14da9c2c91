//===- VectorMath.cpp - exp and log of vectors ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Method: additive range reduction by a constant in two parts (W. J. Cody and W. Waite, Software Manual for the
// Elementary Functions, 1980), then a minimax polynomial. The coefficients come from Remez' algorithm in 50 digits,
// with the relative error of the function as weight, rounded to float32.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cpu/VectorMath.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::rondo::cpu;

static constexpr float kLog2E = 0x1.715476p+0f;
static constexpr float kLn2High = 0x1.62e43p-1f; // with a fused multiply-add the product n * kLn2High is exact
static constexpr float kLn2Low = -0x1.05c61p-29f;
static constexpr int32_t kMantissaBits = 23;
static constexpr int32_t kExponentBias = 127;

static Value fma(Emitter &emit, Value a, Value b, Value c) { return vector::FMAOp::create(emit, a, b, c); }

static Value splatInt(Emitter &emit, int32_t value) {
  return arith::ConstantOp::create(emit, DenseElementsAttr::get(emit.vectorOf(emit.getI32Type()), value));
}

static Value asInt(Emitter &emit, Value x) {
  return arith::BitcastOp::create(emit, emit.vectorOf(emit.getI32Type()), x);
}

static Value asFloat(Emitter &emit, Value x) { return arith::BitcastOp::create(emit, emit.floatVector(), x); }

/// c[0] + x (c[1] + x (c[2] + ...))
static Value polynomial(Emitter &emit, Value x, ArrayRef<float> coefficients) {
  Value sum = emit.splat(coefficients.back());
  for (float coefficient : llvm::reverse(coefficients.drop_back()))
    sum = fma(emit, sum, x, emit.splat(coefficient));
  return sum;
}

/// 2^n for integers n in [-126, 127].
static Value powerOfTwo(Emitter &emit, Value n) {
  Value biased = arith::AddIOp::create(emit, n, splatInt(emit, kExponentBias));
  return asFloat(emit, arith::ShLIOp::create(emit, biased, splatInt(emit, kMantissaBits)));
}

/// Limits x to [low, high]; a NaN stays.
static Value clamp(Emitter &emit, Value x, float low, float high) {
  using P = arith::CmpFPredicate;
  Value lower = emit.splat(low), upper = emit.splat(high);
  x = emit.select(arith::CmpFOp::create(emit, P::OLT, x, lower), lower, x);
  return emit.select(arith::CmpFOp::create(emit, P::OGT, x, upper), upper, x);
}

Value mlir::rondo::cpu::emitExp(Emitter &emit, Value x) {
  // exp(-104) rounds to 0 and exp(89) overflows: nothing outside changes, and n stays within [-150, 128].
  x = clamp(emit, x, -104.0f, 89.0f);

  // x = n ln2 + r. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  Value roundingShift = emit.splat(0x1.8p+23f);
  Value shifted = fma(emit, x, emit.splat(kLog2E), roundingShift);
  Value n = arith::SubIOp::create(emit, asInt(emit, shifted), asInt(emit, roundingShift));
  Value floatN = arith::SubFOp::create(emit, shifted, roundingShift);
  Value r = fma(emit, floatN, emit.splat(-kLn2High), x);
  r = fma(emit, floatN, emit.splat(-kLn2Low), r);

  // exp(r) = 1 + r + r^2 q(r), relative error 3.1e-9 on [-ln2/2, ln2/2]
  Value q = polynomial(emit, r, {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a2p-7f, 0x1.6a23dp-10f});
  Value square = arith::MulFOp::create(emit, r, r);
  Value mantissa = arith::AddFOp::create(emit, fma(emit, square, q, r), emit.splat(1.0f));

  // 2^n in two factors, each in range: the first product is exact, the second rounds once, also to a denormal.
  Value half = arith::ShRSIOp::create(emit, n, splatInt(emit, 1));
  Value rest = arith::SubIOp::create(emit, n, half);
  Value scaled = arith::MulFOp::create(emit, mantissa, powerOfTwo(emit, half));
  return arith::MulFOp::create(emit, scaled, powerOfTwo(emit, rest));
}

Value mlir::rondo::cpu::emitLog(Emitter &emit, Value x) {
  // x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)): subtract the bits of sqrt(1/2), so that the exponent field
  // counts from there.
  constexpr int32_t sqrtHalf = 0x3f3504f3;
  Value offset = arith::SubIOp::create(emit, asInt(emit, x), splatInt(emit, sqrtHalf));
  Value n = arith::ShRSIOp::create(emit, offset, splatInt(emit, kMantissaBits));
  Value exponent = arith::ShLIOp::create(emit, n, splatInt(emit, kMantissaBits));
  Value mantissa = asFloat(emit, arith::SubIOp::create(emit, asInt(emit, x), exponent));
  Value f = arith::SubFOp::create(emit, mantissa, emit.splat(1.0f));

  // log(1 + f) = f - f^2/2 + f^3 q(f), relative error 5.9e-9
  Value q = polynomial(emit, f,
                       {0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a008p-3f, -0x1.547244p-3f, 0x1.22da1cp-3f,
                        -0x1.0d8534p-3f, 0x1.055b6cp-3f, -0x1.38b59p-4f});
  Value square = arith::MulFOp::create(emit, f, f);
  Value tail =
      fma(emit, square, emit.splat(-0.5f), arith::MulFOp::create(emit, arith::MulFOp::create(emit, square, f), q));
  Value floatN = arith::SIToFPOp::create(emit, emit.floatVector(), n);
  tail = fma(emit, floatN, emit.splat(kLn2Low), tail);
  Value log = fma(emit, floatN, emit.splat(kLn2High), arith::AddFOp::create(emit, f, tail));

  // The bits of a NaN went through integers: give it back.
  Value isNaN = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNO, x, x);
  return emit.select(isNaN, x, log);
}
