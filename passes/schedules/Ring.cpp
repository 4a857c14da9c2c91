//===- Ring.cpp - One side circulates, the other stays --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/Ring.h"

#include "passes/schedules/HomeParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::rondo;

LogicalResult Ring::applies(const PartitionContext &context, bool explain) const {
  if (context.axis && context.queries.axes == context.keys.axes)
    return success();
  if (!explain)
    return failure();
  return context.refuse(getName(), "both sequences sharded by the same single axis",
                        "shard both by one axis of the grid, or replicate the keys and choose the schedule auto or "
                        "local, which need no communication then");
}

/// The operands make ranks - 1 hops. The state follows one hop behind, and one more brings it home.
Cost Ring::getCost(const PartitionContext &context) const {
  AffineExpr ranks = context.ranksFormula;
  return {(ranks - 1) * context.getOperandBytes(moving) + ranks * context.getStateBytes(moving), ranks};
}

SmallVector<Value> Ring::attend(PartitionContext &context, ValueRange shards, Value block,
                                const std::optional<BlockRows> &rows) const {
  SmallVector<Value> own(context.getSide(staying).shards);
  Value begin;
  if (rows) {
    own = context.slice(staying, own, *rows);
    begin = rows->begin;
  }
  return moving == Side::Query ? context.createPartial(shards, block, own, context.rank, Value(), begin)
                               : context.createPartial(own, context.rank, shards, block, begin);
}

/// Half of the own block, the smaller one of an odd number of rows.
std::optional<BlockRows> Ring::getLateRows(PartitionContext &context) const {
  if (decideHomeParts(context, moving).parts == 1)
    return std::nullopt;
  Value rows = context.getRows(staying, context.rank), two = context.index(2);
  Value count = arith::DivUIOp::create(context.builder, context.getLoc(), rows, two);
  return BlockRows{arith::SubIOp::create(context.builder, context.getLoc(), rows, count), count};
}

/// Step 0 attends what lies here. The copy that will travel is made first, so that it can leave meanwhile.
Ring::Hand Ring::emitOwnBlock(PartitionContext &context, const std::optional<BlockRows> &late) const {
  const ContextSide &side = context.getSide(moving);
  context.beginStep(context.index(0));
  Hand hand;
  hand.shards = context.stage(side.operands, side.shards);
  std::optional<BlockRows> early;
  if (late)
    early = BlockRows{context.index(0), late->begin};
  SmallVector<Value> partial = attend(context, side.shards, context.rank, early);
  hand.travelled = context.selectState(moving, partial);
  hand.rested = context.selectState(staying, partial);
  return hand;
}

/// The block that arrives was at the left neighbour one step ago; so was its state.
Ring::Hand Ring::emitStep(PartitionContext &context, Value step, const Hand &before) const {
  const ContextSide &side = context.getSide(moving);
  context.beginStep(step);
  Value block = context.getBlockAtStep(step);
  Hand hand;
  hand.shards = context.shift(side.operands, before.shards, moving, block);
  SmallVector<Value> soFar = context.shift(side.state, before.travelled, moving, block);
  SmallVector<Value> partial = attend(context, hand.shards, block);
  hand.travelled = context.combine(moving, soFar, partial);
  hand.rested = context.combine(staying, before.rested, partial);
  return hand;
}

Ring::Hand Ring::emitSteps(PartitionContext &context, const Hand &first) const {
  SmallVector<Value> values(first.shards);
  llvm::append_range(values, first.travelled);
  llvm::append_range(values, first.rested);
  auto split = [&](ValueRange values) {
    size_t shards = first.shards.size(), travelled = first.travelled.size();
    return Hand{llvm::to_vector(values.take_front(shards)), llvm::to_vector(values.slice(shards, travelled)),
                llvm::to_vector(values.drop_front(shards + travelled))};
  };
  Value one = context.index(1);
  auto emitBody = [&](OpBuilder &builder, Location loc, Value step, ValueRange carried) {
    Hand hand = emitStep(context, step, split(carried));
    SmallVector<Value> next(hand.shards);
    llvm::append_range(next, hand.travelled);
    llvm::append_range(next, hand.rested);
    scf::YieldOp::create(builder, loc, next);
  };
  auto loop = scf::ForOp::create(context.builder, context.getLoc(), one, context.ranks, one, values, emitBody);
  return split(loop.getResults());
}

/// The last hop brings the state home. Own rows that were left out so far are attended meanwhile: what comes home does
/// not depend on them.
SmallVector<Value> Ring::emitTail(PartitionContext &context, ValueRange travelled,
                                  const std::optional<BlockRows> &late) const {
  const ContextSide &side = context.getSide(moving);
  context.beginStep(context.ranks, /*tail=*/true);
  SmallVector<Value> home = context.shift(side.state, travelled, moving, context.rank);
  return late ? context.combine(moving, home, attend(context, side.shards, context.rank, late)) : home;
}

SmallVector<Value> Ring::emit(PartitionContext &context) const {
  std::optional<BlockRows> late = getLateRows(context);
  Hand hand = emitSteps(context, emitOwnBlock(context, late));
  if (!hand.travelled.empty())
    hand.travelled = emitTail(context, hand.travelled, late);
  SmallVector<Value> state = moving == Side::Query ? context.joinState(hand.travelled, hand.rested)
                                                   : context.joinState(hand.rested, hand.travelled);
  return context.op.createResults(context.builder, state);
}

void Ring::emitRemarks(const PartitionContext &context, StringRef function) const {
  remarkHomeParts(context, moving, function);
}
