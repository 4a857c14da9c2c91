//===- PartitionContext.cpp - What schedules emit their programs with -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/spmd/Spmd.h"
#include "passes/schedules/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::rondo;

static AffineExpr sumBytes(ArrayRef<Movable> values, MLIRContext *context) {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (const Movable &value : values)
    sum = sum + value.bytes;
  return sum;
}

AffineExpr PartitionContext::getOperandBytes(Side side) const {
  return sumBytes(getSide(side).operands, builder.getContext());
}
AffineExpr PartitionContext::getStateBytes(Side side) const {
  return sumBytes(getSide(side).state, builder.getContext());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Blocks
//===--------------------------------------------------------------------------------------------------------------===//

Value PartitionContext::index(int64_t value) { return arith::ConstantIndexOp::create(builder, getLoc(), value); }

Value PartitionContext::getBlockAtStep(Value step) {
  Value behind = arith::SubIOp::create(builder, getLoc(), rank, step);
  Value positive = arith::AddIOp::create(builder, getLoc(), behind, ranks);
  return arith::RemUIOp::create(builder, getLoc(), positive, ranks);
}

Value PartitionContext::getRows(Side side, Value block) {
  Value length = getSide(side).length;
  return block ? spmd::ShardSizeOp::create(builder, getLoc(), block, ranks, length).getResult() : length;
}

Value PartitionContext::getStart(Side side, Value block) {
  if (!block)
    return index(0);
  return spmd::ShardOffsetOp::create(builder, getLoc(), block, ranks, getSide(side).length);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Communication
//===--------------------------------------------------------------------------------------------------------------===//

void PartitionContext::beginStep(Value step, bool tail) { spmd::StepOp::create(builder, getLoc(), step, tail); }

SmallVector<Value> PartitionContext::stage(ArrayRef<Movable> what, ValueRange values) {
  SmallVector<Value> destinations, staged;
  for (auto [movable, value] : llvm::zip_equal(what, values))
    destinations.push_back(tensor::EmptyOp::create(builder, getLoc(), movable.extents,
                                                   cast<RankedTensorType>(value.getType()).getElementType()));
  for (auto [value, destination] : llvm::zip_equal(values, destinations))
    staged.push_back(linalg::CopyOp::create(builder, getLoc(), value, destination).getResult(0));
  return staged;
}

SmallVector<Value> PartitionContext::shift(ArrayRef<Movable> what, ValueRange values, Side side, Value block) {
  if (values.empty())
    return {};
  Value rows = getRows(side, block);
  SmallVector<Value> arrived;
  for (auto [movable, value] : llvm::zip_equal(what, values)) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<Value> sizes;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(dim == movable.sequenceDimension
                            ? rows
                            : getValueOrCreateConstantIndexOp(builder, getLoc(), movable.extents[dim]));
    auto pendingType = spmd::PendingType::get(builder.getContext(), type.getShape(), type.getElementType());
    Value pending = spmd::ShiftStartOp::create(builder, getLoc(), pendingType, value, /*destination=*/Value(),
                                               builder.getI64IntegerAttr(1), grid, axis, sizes,
                                               builder.getStringAttr(movable.name));
    arrived.push_back(spmd::WaitOp::create(builder, getLoc(), type, pending, value));
  }
  return arrived;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Work
//===--------------------------------------------------------------------------------------------------------------===//

SmallVector<Value> PartitionContext::slice(Side side, ValueRange shards, const BlockRows &rows) {
  SmallVector<Value> slices;
  for (auto [movable, shard] : llvm::zip_equal(getSide(side).operands, shards)) {
    auto type = cast<RankedTensorType>(shard.getType());
    SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)), sizes(movable.extents),
        strides(type.getRank(), builder.getIndexAttr(1));
    offsets[movable.sequenceDimension] = rows.begin;
    sizes[movable.sequenceDimension] = rows.count;
    slices.push_back(tensor::ExtractSliceOp::create(builder, getLoc(), shard, offsets, sizes, strides));
  }
  return slices;
}

SmallVector<Value> PartitionContext::createPartial(ValueRange queryShards, Value queryBlock, ValueRange keyShards,
                                                   Value keyBlock, Value queryBegin, Value keyBegin) {
  auto getPlace = [&](Side side, Value block, Value begin) {
    Value start = getStart(side, block);
    return begin ? arith::AddIOp::create(builder, getLoc(), start, begin).getResult() : start;
  };
  BlockPositions positions{getPlace(Side::Query, queryBlock, queryBegin), getPlace(Side::Key, keyBlock, keyBegin),
                           queries.length, keys.length};
  return op.createPartial(builder, queryShards, keyShards, replicated, positions);
}

SmallVector<Value> PartitionContext::selectState(Side side, ValueRange state) const {
  SmallVector<Value> selected;
  for (unsigned number : getSide(side).stateNumbers)
    selected.push_back(state[number]);
  return selected;
}

SmallVector<Value> PartitionContext::joinState(ValueRange queryState, ValueRange keyState) const {
  SmallVector<Value> state(queryState.size() + keyState.size());
  for (auto [number, value] : llvm::zip_equal(queries.stateNumbers, queryState))
    state[number] = value;
  for (auto [number, value] : llvm::zip_equal(keys.stateNumbers, keyState))
    state[number] = value;
  return state;
}

SmallVector<Value> PartitionContext::combine(Side side, ValueRange accumulated, ValueRange partial) {
  if (accumulated.empty())
    return {};
  return op.combinePartials(builder, side, accumulated, selectState(side, partial));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Errors
//===--------------------------------------------------------------------------------------------------------------===//

static void printSharding(InFlightDiagnostic &diagnostic, ArrayRef<StringRef> axes) {
  if (axes.empty()) {
    diagnostic << "not sharded";
    return;
  }
  diagnostic << "sharded by ";
  llvm::interleave(axes, [&](StringRef axis) { diagnostic << "\"" << axis << "\""; }, [&] { diagnostic << " and "; });
}

LogicalResult PartitionContext::refuse(StringRef schedule, StringRef needs, StringRef wayOut) const {
  InFlightDiagnostic diagnostic = op->emitOpError() << "cannot be scheduled as " << schedule << ": it needs " << needs
                                                    << ", but the query sequence is ";
  printSharding(diagnostic, queries.axes);
  diagnostic << " and the key sequence is ";
  printSharding(diagnostic, keys.axes);
  diagnostic.attachNote() << wayOut;
  return diagnostic;
}
