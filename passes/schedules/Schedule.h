//===- Schedule.h - How an attention is spread over ranks -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A schedule is one class: whether it applies, what it costs, and the program of one rank that it emits. It sees the op
// only through DistributedAttentionInterface, and communicates only through the PartitionContext.
// docs/adding-a-schedule.md shows how to write one.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SCHEDULES_SCHEDULE_H
#define RONDO_PASSES_SCHEDULES_SCHEDULE_H

#include "dialect/rondo/Rondo.h"
#include "passes/schedules/DeviceModel.h"
#include "passes/schedules/Formula.h"

namespace mlir::rondo {

/// A tensor that a schedule can move: a shard of an operand, or a value of the partial state.
struct Movable {
  StringRef name; // for traces and errors: "query", "lse"
  int64_t sequenceDimension;
  /// The extents of this rank's own shard. In another rank's, only that of the sequence differs.
  SmallVector<OpFoldResult> extents;
  /// The bytes of the longest shard.
  AffineExpr bytes;
};

/// One side of an attention, queries or keys, as one rank sees it.
struct ContextSide {
  /// The axes that shard the sequence; none if every rank holds it whole.
  SmallVector<StringRef> axes;
  Value length; // global
  AffineExpr lengthFormula;
  /// This rank's shards of the operands, in the order of the interface, and what is known of them.
  SmallVector<Value> shards;
  SmallVector<Movable> operands;
  /// The values of the partial state whose home this side is, and their places in the whole state.
  SmallVector<Movable> state;
  SmallVector<unsigned> stateNumbers;

  bool isSharded() const { return !axes.empty(); }
};

/// Some rows of a block, from its `begin`-th on.
struct BlockRows {
  Value begin, count;
};

/// In how many parts a rank attends what it holds of both sides: as costs say, in one, or in two.
enum class HomeParts { Auto = 0, One = 1, Two = 2 };

/// The attention at hand, on one rank.
///
/// A *block* is what one rank of the axis holds at the start; it has the number of that rank. A null block stands for
/// the whole sequence, on a side that is not sharded.
class PartitionContext {
public:
  PartitionContext(OpBuilder &builder, DistributedAttentionInterface op) : builder(builder), op(op) {}

  OpBuilder &builder;
  DistributedAttentionInterface op;
  ContextSide queries, keys;
  SmallVector<Value> replicated;

  /// The one axis that shards both sequences, along which shards can be passed on; null if there is none.
  FlatSymbolRefAttr grid;
  StringAttr axis;
  /// How many blocks the sharded sequences have, and which of them is this rank's: the size of the axis and the rank's
  /// place on it. Null if neither sequence is sharded.
  Value ranks;
  Value rank;
  AffineExpr ranksFormula;
  SmallVector<FormulaSymbol> symbols; // of all formulas here

  /// The multiply-adds of one partial, of the longest blocks.
  AffineExpr work;
  /// What was asked for, and what is known of the ranks' devices; null if nothing is.
  HomeParts homeParts = HomeParts::Auto;
  const DeviceModel *device = nullptr;

  Location getLoc() const { return op->getLoc(); }
  ContextSide &getSide(Side side) { return side == Side::Query ? queries : keys; }
  const ContextSide &getSide(Side side) const { return side == Side::Query ? queries : keys; }

  /// The bytes of one block of a side's operands, and of its part of the state.
  AffineExpr getOperandBytes(Side side) const;
  AffineExpr getStateBytes(Side side) const;

  /// Constants and arithmetic of type index.
  Value index(int64_t value);
  /// (rank - step) mod ranks: the block that a shift by 1 at each step brings here at step `step`, which is 0..ranks.
  Value getBlockAtStep(Value step);
  /// How many rows a block of a side has, and where it begins in the global sequence.
  Value getRows(Side side, Value block);
  Value getStart(Side side, Value block);

  /// Marks the begin of a step, for traces and errors.
  void beginStep(Value step, bool tail = false);
  /// Copies tensors into memory of the program's own: transfers touch no memory of the caller.
  SmallVector<Value> stage(ArrayRef<Movable> what, ValueRange values);
  /// Passes tensors on to the next rank and takes those of the rank before: shards of block `block` of `side`. Each
  /// transfer is waited for at once; the overlap pass moves starts and waits apart.
  SmallVector<Value> shift(ArrayRef<Movable> what, ValueRange values, Side side, Value block);

  /// Rows `rows` of a side's operands.
  SmallVector<Value> slice(Side side, ValueRange shards, const BlockRows &rows);

  /// The work of one block of queries on one block of keys; returns the whole partial state. What is passed of a block
  /// may be its rows from `queryBegin` or `keyBegin` on; null: from the first one on.
  SmallVector<Value> createPartial(ValueRange queryShards, Value queryBlock, ValueRange keyShards, Value keyBlock,
                                   Value queryBegin = Value(), Value keyBegin = Value());
  /// The values of a whole state whose home is `side`, and the reverse.
  SmallVector<Value> selectState(Side side, ValueRange state) const;
  SmallVector<Value> joinState(ValueRange queryState, ValueRange keyState) const;
  /// Combines the part of `partial`, a whole state, whose home is `side` into `accumulated`, such a part.
  SmallVector<Value> combine(Side side, ValueRange accumulated, ValueRange partial);

  /// Emits the error that a schedule cannot be used here, and how both sides are sharded.
  LogicalResult refuse(StringRef schedule, StringRef needs, StringRef wayOut) const;
};

/// What a schedule costs each rank, as formulas of the context's symbols.
struct Cost {
  AffineExpr bytes; // sent, at most
  AffineExpr steps;
};

class Schedule {
public:
  virtual ~Schedule() = default;

  /// The name by which users choose it.
  virtual StringRef getName() const = 0;
  /// Whether it can be used for the attention at hand. If not and `explain`, emits an error through the context's
  /// `refuse`.
  virtual LogicalResult applies(const PartitionContext &context, bool explain) const = 0;
  virtual Cost getCost(const PartitionContext &context) const = 0;
  /// Emits one rank's program and returns the op's results for the rows that live here.
  virtual SmallVector<Value> emit(PartitionContext &context) const = 0;
  /// Whether `auto` may choose it.
  virtual bool isAutomatic() const { return false; }
  /// Reports what it decided besides, as remarks of category `rondo-schedule`.
  virtual void emitRemarks(const PartitionContext &context, StringRef function) const {}
};

/// Adds a schedule; its name must be new. Call it before any pass runs.
void registerSchedule(std::unique_ptr<Schedule> schedule);
/// The schedule of that name; null if there is none.
const Schedule *lookupSchedule(StringRef name);
/// All schedules, in the order of registration; those that come with Rondo are first.
SmallVector<const Schedule *> getSchedules();

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_SCHEDULE_H
