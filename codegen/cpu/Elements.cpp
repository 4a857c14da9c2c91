//===- Elements.cpp - Vectors in and out of shards ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cpu/Elements.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::rondo::cpu;

static Value splatInt(Emitter &emit, Type element, int64_t value) {
  VectorType type = emit.vectorOf(element);
  return arith::ConstantOp::create(emit, DenseElementsAttr::get(type, emit.getIntegerAttr(element, value)));
}

/// A bf16 is the upper half of the float32 of the same value.
static Value extendBF16(Emitter &emit, Value vector) {
  Type i16 = emit.getI16Type(), i32 = emit.getI32Type();
  Value bits = arith::BitcastOp::create(emit, emit.vectorOf(i16), vector);
  Value wide = arith::ExtUIOp::create(emit, emit.vectorOf(i32), bits);
  Value shifted = arith::ShLIOp::create(emit, wide, splatInt(emit, i32, 16));
  return arith::BitcastOp::create(emit, emit.floatVector(), shifted);
}

/// Rounds to nearest even by integer arithmetic. (The hardware's conversion flushes denormals; the compiler's, without
/// hardware, is a library call.)
static Value truncateBF16(Emitter &emit, Value vector) {
  Type i16 = emit.getI16Type(), i32 = emit.getI32Type();
  Value bits = arith::BitcastOp::create(emit, emit.vectorOf(i32), vector);
  Value sixteen = splatInt(emit, i32, 16);
  Value odd = arith::AndIOp::create(emit, arith::ShRUIOp::create(emit, bits, sixteen), splatInt(emit, i32, 1));
  Value bias = arith::AddIOp::create(emit, odd, splatInt(emit, i32, 0x7fff));
  Value rounded = arith::AddIOp::create(emit, bits, bias);
  Value quietNaN = arith::OrIOp::create(emit, bits, splatInt(emit, i32, 0x400000));
  Value isNaN = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNO, vector, vector);
  Value upper = arith::ShRUIOp::create(emit, emit.select(isNaN, quietNaN, rounded), sixteen);
  Value half = arith::TruncIOp::create(emit, emit.vectorOf(i16), upper);
  return arith::BitcastOp::create(emit, emit.vectorOf(emit.getBF16Type()), half);
}

static Value toFloat(Emitter &emit, Value vector) {
  Type element = getElementTypeOrSelf(vector);
  if (element.isF32())
    return vector;
  if (element.isBF16())
    return extendBF16(emit, vector);
  return arith::ExtFOp::create(emit, emit.floatVector(), vector);
}

static Value fromFloat(Emitter &emit, Value vector, Type element) {
  if (element.isF32())
    return vector;
  if (element.isBF16())
    return truncateBF16(emit, vector);
  return arith::TruncFOp::create(emit, emit.vectorOf(element), vector);
}

static Value firstLanes(Emitter &emit, int64_t count) {
  return vector::ConstantMaskOp::create(emit, emit.vectorOf(emit.getI1Type()), ArrayRef<int64_t>{count});
}

static Value firstLanes(Emitter &emit, Value count) {
  return vector::CreateMaskOp::create(emit, emit.vectorOf(emit.getI1Type()), ValueRange{count});
}

static Type elementOf(Value shard) { return cast<MemRefType>(shard.getType()).getElementType(); }

static Value maskedLoad(Emitter &emit, Value shard, ValueRange indices, Value mask) {
  VectorType type = emit.vectorOf(elementOf(shard));
  Value zero = arith::ConstantOp::create(emit, emit.getZeroAttr(type));
  return vector::MaskedLoadOp::create(emit, type, shard, indices, mask, zero);
}

Value mlir::rondo::cpu::loadElements(Emitter &emit, Value shard, ValueRange indices, int64_t count) {
  Value vector =
      count == emit.lanes ? emit.load(shard, indices) : maskedLoad(emit, shard, indices, firstLanes(emit, count));
  return toFloat(emit, vector);
}

void mlir::rondo::cpu::storeElements(Emitter &emit, Value vector, Value shard, ValueRange indices, int64_t count) {
  Value converted = fromFloat(emit, vector, elementOf(shard));
  if (count == emit.lanes)
    emit.store(converted, shard, indices);
  else
    vector::MaskedStoreOp::create(emit, shard, indices, firstLanes(emit, count), converted);
}

Value mlir::rondo::cpu::loadElements(Emitter &emit, Value shard, ValueRange indices, Value count) {
  return maskedLoad(emit, shard, indices, firstLanes(emit, count));
}

void mlir::rondo::cpu::storeElements(Emitter &emit, Value vector, Value shard, ValueRange indices, Value count) {
  vector::MaskedStoreOp::create(emit, shard, indices, firstLanes(emit, count), vector);
}

// Recursively swaps the off-diagonal quarters: blocks of `width` lanes between rows `width` apart.
ValueList mlir::rondo::cpu::transpose(Emitter &emit, ValueList rows) {
  int64_t lanes = emit.lanes;
  for (int64_t width = lanes / 2; width >= 1; width /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool upper = lane & width;
      low.push_back(upper ? lanes + lane - width : lane);
      high.push_back(upper ? lanes + lane : lane + width);
    }
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & width)
        continue;
      Value a = rows[row], b = rows[row + width];
      rows[row] = vector::ShuffleOp::create(emit, a, b, low);
      rows[row + width] = vector::ShuffleOp::create(emit, a, b, high);
    }
  }
  return rows;
}

void mlir::rondo::cpu::forEachVector(Emitter &emit, int64_t columns, function_ref<void(Value, int64_t)> body) {
  int64_t whole = columns / emit.lanes * emit.lanes;
  if (whole)
    emit.loop(emit.index(0), emit.index(whole), emit.lanes, [&](Value column) { body(column, emit.lanes); });
  if (whole < columns)
    body(emit.index(whole), columns - whole);
}
