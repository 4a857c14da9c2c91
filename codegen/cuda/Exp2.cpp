//===- Exp2.cpp - Powers of two without the special-function unit ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 2^x = 2^n p(f) with n the whole number nearest to x, and f = x - n. The factor 2^n is added to the exponent of p(f).
//
// A multiprocessor computes 16 powers of two a clock in its special-function units, and 128 multiplications. These nine
// instructions take what is free there when the former are the bottleneck.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cuda/Exp2.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

// Of degree 3 with the smallest relative error on [-1/2, 1/2] for p(0) = 1; exp2_coefficients.py computes them.
static constexpr float kCoefficients[] = {0.693282962f, 0.242211208f, 0.0550090298f};

// Added to a number, it rounds it to a whole one, which then is in the lowest bits.
static constexpr float kRounder = 12582912.0f; // 1.5 * 2^23
static constexpr float kLowest = -127.0f;      // its exponent, added to that of 1, gives the bits of 0
static constexpr int64_t kExponentShift = 23;

Value cuda::emitExp2Polynomial(Emitter &emit, Value x) {
  x = emit.fmax(x, emit.f32(kLowest));
  Value rounded = emit.fadd(x, emit.f32(kRounder));
  Value fraction = emit.fsub(x, emit.fsub(rounded, emit.f32(kRounder)));
  Value power = emit.f32(kCoefficients[2]);
  for (float coefficient : {kCoefficients[1], kCoefficients[0], 1.0f})
    power = emit.fma(power, fraction, emit.f32(coefficient));
  Value exponent = emit.shiftLeft(emit.toBits(rounded), kExponentShift); // the bits above n leave at the top
  return emit.fromBits(emit.getF32Type(), emit.add(emit.toBits(power), exponent));
}
