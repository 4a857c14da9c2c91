//===- RowScale.cpp - Rows of f32 in 16 bits an element -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/RowScale.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kMantissaBits = 23, kBias = 127, kExponentMask = 255;
static constexpr int64_t kLargestExponent = 14;   // of a scaled element
static constexpr float kSmallestRatio = 0x1p-31f; // then an element is 2^-17, which f16 holds as well as bf16 would
/// Of the smallest row whose inverse power is not subnormal; smaller rows are multiplied by the same power.
static constexpr int64_t kLowestField = kLargestExponent + 1;

/// The elements' magnitudes as integers less 1, so that a 0 is the largest.
static Value getSmallest(Emitter &emit, ArrayRef<Value> elements) {
  Value smallest;
  for (Value element : elements) {
    Value magnitude = emit.sub(emit.toBits(emit.fabs(element)), 1);
    smallest = smallest ? emit.minUnsigned(smallest, magnitude) : magnitude;
  }
  return smallest;
}

static Value getLargest(Emitter &emit, ArrayRef<Value> elements) {
  Value largest;
  for (Value element : elements) {
    Value magnitude = emit.fabs(element);
    largest = largest ? emit.fmax(largest, magnitude) : magnitude;
  }
  return largest;
}

RowScale cuda::emitRowScale(Emitter &emit, ArrayRef<Value> elements, Value multiplier, RowReduction reduce) {
  Type f32 = emit.getF32Type();
  Value largest = reduce(getLargest(emit, elements), [&](Value a, Value b) { return emit.fmax(a, b); });
  Value smallest = reduce(getSmallest(emit, elements), [&](Value a, Value b) { return emit.minUnsigned(a, b); });
  Value isBFloat =
      emit.compare(arith::CmpIPredicate::ult, smallest, emit.toBits(emit.fmul(largest, emit.f32(kSmallestRatio))));
  // The exponent e of the largest element, biased; the power is 2^(14 - e).
  Value bits = emit.toBits(emit.fmul(largest, multiplier));
  Value exponent = emit.bitAnd(emit.shiftRight(bits, kMantissaBits), kExponentMask);
  exponent = emit.max(exponent, emit.i32(kLowestField));
  Value field = emit.sub(emit.i32(2 * kBias + kLargestExponent), exponent);
  Value power = emit.fromBits(f32, emit.shiftLeft(field, kMantissaBits));
  Value inverse = emit.fromBits(f32, emit.shiftLeft(emit.sub(exponent, kLargestExponent), kMantissaBits));
  return {emit.select(isBFloat, multiplier, emit.fmul(multiplier, power)),
          emit.select(isBFloat, emit.f32(-1.0f), inverse), isBFloat};
}

Value cuda::emitScaledPair(Emitter &emit, const RowScale &scale, Value low, Value high) {
  return emit.select(scale.isBFloat, emit.pack(emit.getBF16Type(), low, high), emit.pack(emit.getF16Type(), low, high));
}

Value cuda::emitScaledElement(Emitter &emit, const RowScale &scale, Value element) {
  return emit.select(scale.isBFloat, emit.round(emit.getBF16Type(), element), emit.round(emit.getF16Type(), element));
}

static Value isBFloatRow(Emitter &emit, Value stored) { return emit.fgreater(emit.f32(0.0f), stored); }

Value cuda::emitStoredFactor(Emitter &emit, Value stored) {
  return emit.select(isBFloatRow(emit, stored), emit.f32(1.0f), stored);
}

RowPair cuda::emitStoredPair(Emitter &emit, Value stored, Value packed) {
  Value isBFloat = isBFloatRow(emit, stored);
  RowPair wide = emit.unpack(emit.getBF16Type(), packed), halves = emit.unpack(emit.getF16Type(), packed);
  return {emit.select(isBFloat, wide[0], halves[0]), emit.select(isBFloat, wide[1], halves[1])};
}

Value cuda::emitStoredElement(Emitter &emit, Value stored, Value bits) {
  return emit.select(isBFloatRow(emit, stored), emit.widen(emit.fromBits(emit.getBF16Type(), bits)),
                     emit.widen(emit.fromBits(emit.getF16Type(), bits)));
}
