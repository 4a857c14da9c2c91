//===- DenseAttention.cpp - Attention by its formula ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This is what results are compared with, so it is as plain as the formula, and shares nothing with the code that it
// judges.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/reference/DenseAttention.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;

namespace {

class RowEmitter {
public:
  RowEmitter(ImplicitLocOpBuilder &builder, const DenseAttention &attention)
      : b(builder), attention(attention), zero(index(0)), one(index(1)), keyLength(dim(attention.key, 2)),
        minusInfinity(real(-std::numeric_limits<double>::infinity())) {
    Value keyHeads = arith::MaxSIOp::create(b, dim(attention.key, 1), one);
    group = arith::DivUIOp::create(b, dim(attention.query, 1), keyHeads);
    scores = memref::AllocOp::create(b, MemRefType::get({ShapedType::kDynamic}, b.getF64Type()), keyLength);
  }

  void emitAll();

private:
  struct Row {
    Value batch, head, position, keyHead;
  };

  void emitRow(const Row &row);
  Value countVisibleKeys(const Row &row);
  Value emitScores(const Row &row, Value visible);
  Value emitDotProduct(const Row &row, Value key);
  void emitEmptyRow(const Row &row);
  void emitWeightedSum(const Row &row, Value visible, Value maximum);
  void addWeighted(const Row &row, Value key, Value weight);

  using Body = function_ref<SmallVector<Value>(Value, ValueRange)>;
  SmallVector<Value> loop(Value end, ValueRange initial, Body body);
  void loop(Value end, function_ref<void(Value)> body) {
    loop(end, {}, [&](Value i, ValueRange) {
      body(i);
      return SmallVector<Value>();
    });
  }
  void forEachFeature(const Row &row, function_ref<Value(ValueRange)> value);

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value real(double value) { return arith::ConstantOp::create(b, b.getF64FloatAttr(value)); }
  Value dim(Value memref, int64_t dimension) { return memref::DimOp::create(b, memref, dimension); }
  Value load(Value memref, ValueRange indices) { return memref::LoadOp::create(b, memref, indices); }
  void store(Value value, Value memref, ValueRange indices) { memref::StoreOp::create(b, value, memref, indices); }
  void storeLse(const Row &row, Value lse) {
    if (attention.lse)
      store(lse, attention.lse, {row.batch, row.head, row.position});
  }

  ImplicitLocOpBuilder &b;
  const DenseAttention &attention;
  Value zero, one, keyLength, minusInfinity;
  Value group;  ///< query heads that share a key/value head
  Value scores; ///< of one row
};

} // namespace

SmallVector<Value> RowEmitter::loop(Value end, ValueRange initial, Body body) {
  auto loop = scf::ForOp::create(b, zero, end, one, initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!initial.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

void RowEmitter::emitAll() {
  loop(dim(attention.query, 0), [&](Value batch) {
    loop(dim(attention.query, 1), [&](Value head) {
      Value keyHead = arith::DivUIOp::create(b, head, group);
      loop(dim(attention.query, 2), [&](Value position) { emitRow({batch, head, position, keyHead}); });
    });
  });
  memref::DeallocOp::create(b, scores);
}

void RowEmitter::emitRow(const Row &row) {
  Value visible = countVisibleKeys(row);
  Value maximum = emitScores(row, visible);
  // Without a key, or with scores of -inf alone, the sum of exponentials is empty.
  Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, maximum, minusInfinity);
  auto branch = scf::IfOp::create(b, empty, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitEmptyRow(row);
  b.setInsertionPointToStart(branch.elseBlock());
  emitWeightedSum(row, visible, maximum);
}

Value RowEmitter::countVisibleKeys(const Row &row) {
  if (!attention.diagonal)
    return keyLength;
  Value last = arith::AddIOp::create(b, row.position, attention.diagonal);
  Value count = arith::MaxSIOp::create(b, arith::AddIOp::create(b, last, one), zero);
  return arith::MinSIOp::create(b, count, keyLength);
}

/// Computes the scores of the visible keys and returns the largest one, or NaN if there is one.
Value RowEmitter::emitScores(const Row &row, Value visible) {
  return loop(visible, minusInfinity, [&](Value key, ValueRange maximum) {
    Value score = arith::MulFOp::create(b, emitDotProduct(row, key), real(attention.scale));
    store(score, scores, key);
    return SmallVector<Value>{arith::MaximumFOp::create(b, maximum[0], score)};
  })[0];
}

/// The sum may be taken in any order: that lets the compiler vectorise it, and float64 has bits to spare.
Value RowEmitter::emitDotProduct(const Row &row, Value key) {
  auto flags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  return loop(dim(attention.query, 3), real(0), [&](Value feature, ValueRange sum) {
    Value q = load(attention.query, {row.batch, row.head, row.position, feature});
    Value k = load(attention.key, {row.batch, row.keyHead, key, feature});
    Value product = arith::MulFOp::create(b, q, k, flags);
    return SmallVector<Value>{arith::AddFOp::create(b, sum[0], product, flags)};
  })[0];
}

/// Sets each feature of a row of the output to `value` of its place.
void RowEmitter::forEachFeature(const Row &row, function_ref<Value(ValueRange)> value) {
  loop(dim(attention.output, 3), [&](Value feature) {
    SmallVector<Value> place = {row.batch, row.head, row.position, feature};
    store(value(place), attention.output, place);
  });
}

void RowEmitter::emitEmptyRow(const Row &row) {
  forEachFeature(row, [&](ValueRange) { return real(0); });
  storeLse(row, minusInfinity);
}

void RowEmitter::emitWeightedSum(const Row &row, Value visible, Value maximum) {
  forEachFeature(row, [&](ValueRange) { return real(0); });
  Value sum = loop(visible, real(0), [&](Value key, ValueRange sum) {
    Value weight = math::ExpOp::create(b, arith::SubFOp::create(b, load(scores, key), maximum));
    addWeighted(row, key, weight);
    return SmallVector<Value>{arith::AddFOp::create(b, sum[0], weight)};
  })[0];
  forEachFeature(
      row, [&](ValueRange place) -> Value { return arith::DivFOp::create(b, load(attention.output, place), sum); });
  storeLse(row, arith::AddFOp::create(b, maximum, math::LogOp::create(b, sum)));
}

void RowEmitter::addWeighted(const Row &row, Value key, Value weight) {
  forEachFeature(row, [&](ValueRange place) -> Value {
    Value value = load(attention.value, {row.batch, row.keyHead, key, place.back()});
    return arith::AddFOp::create(b, load(attention.output, place), arith::MulFOp::create(b, weight, value));
  });
}

void mlir::rondo::emitDenseAttention(OpBuilder &builder, Location loc, const DenseAttention &attention) {
  ImplicitLocOpBuilder b(loc, builder);
  RowEmitter(b, attention).emitAll();
}
