//===- Replicate.cpp - A schedule from outside of Rondo -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves:  the keys and values, until every rank has all of them; then each attends its own queries to all keys at once.
// Costs:  (n - 1) * (keys + values), in bytes of one block; n steps; room for all keys and values.
//
// It uses Rondo's public headers only: what docs/adding-a-schedule.md explains.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "Replicate.h"

#include "passes/schedules/Schedule.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {
class Replicate : public Schedule {
public:
  StringRef getName() const override { return "replicate"; }

  /// State that lives with the keys would have to be brought home, which this schedule does not.
  LogicalResult applies(const PartitionContext &context, bool explain) const override {
    if (context.axis && context.keys.state.empty())
      return success();
    return explain ? context.refuse(getName(), "both sequences sharded by the same single axis",
                                    "shard both by one axis of the grid")
                   : failure();
  }

  Cost getCost(const PartitionContext &context) const override {
    return {(context.ranksFormula - 1) * context.getOperandBytes(Side::Key), context.ranksFormula};
  }

  SmallVector<Value> emit(PartitionContext &context) const override {
    SmallVector<Value> keys = gather(context);
    SmallVector<Value> state = context.createPartial(context.queries.shards, context.rank, keys, /*keyBlock=*/Value());
    return context.op.createResults(context.builder, state);
  }

private:
  SmallVector<Value> gather(PartitionContext &context) const;
  SmallVector<Value> createWhole(PartitionContext &context) const;
  SmallVector<Value> insert(PartitionContext &context, ValueRange shards, ValueRange whole, Value block) const;
};
} // namespace

/// Tensors with room for all rows of the key side.
SmallVector<Value> Replicate::createWhole(PartitionContext &context) const {
  SmallVector<Value> whole;
  for (auto [key, shard] : llvm::zip_equal(context.keys.operands, context.keys.shards)) {
    SmallVector<OpFoldResult> extents = key.extents;
    extents[key.sequenceDimension] = context.keys.length;
    Type element = cast<RankedTensorType>(shard.getType()).getElementType();
    whole.push_back(tensor::EmptyOp::create(context.builder, context.getLoc(), extents, element));
  }
  return whole;
}

/// Puts the shards of a block where they lie in the global sequence.
SmallVector<Value> Replicate::insert(PartitionContext &context, ValueRange shards, ValueRange whole,
                                     Value block) const {
  Value start = context.getStart(Side::Key, block), rows = context.getRows(Side::Key, block);
  SmallVector<Value> inserted;
  for (auto [key, shard, into] : llvm::zip_equal(context.keys.operands, shards, whole)) {
    SmallVector<OpFoldResult> sizes = key.extents;
    SmallVector<OpFoldResult> offsets(sizes.size(), context.builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), context.builder.getIndexAttr(1));
    offsets[key.sequenceDimension] = start;
    sizes[key.sequenceDimension] = rows;
    inserted.push_back(
        tensor::InsertSliceOp::create(context.builder, context.getLoc(), shard, into, offsets, sizes, strides));
  }
  return inserted;
}

SmallVector<Value> Replicate::gather(PartitionContext &context) const {
  const ContextSide &keys = context.keys;
  context.beginStep(context.index(0));
  SmallVector<Value> carried = context.stage(keys.operands, keys.shards);
  llvm::append_range(carried, insert(context, keys.shards, createWhole(context), context.rank));
  size_t count = keys.shards.size();
  auto emitBody = [&](OpBuilder &builder, Location loc, Value step, ValueRange values) {
    context.beginStep(step);
    Value block = context.getBlockAtStep(step);
    SmallVector<Value> next = context.shift(keys.operands, values.take_front(count), Side::Key, block);
    llvm::append_range(next, insert(context, next, values.drop_front(count), block));
    scf::YieldOp::create(builder, loc, next);
  };
  Value one = context.index(1);
  auto loop = scf::ForOp::create(context.builder, context.getLoc(), one, context.ranks, one, carried, emitBody);
  return llvm::to_vector_of<Value>(loop.getResults().drop_front(count));
}

void registerReplicateSchedule() { registerSchedule(std::make_unique<Replicate>()); }
