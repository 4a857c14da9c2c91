//===- Ring.h - One side circulates, the other stays ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The query ring and the key/value ring are mirror images: this is what they share.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SCHEDULES_RING_H
#define RONDO_PASSES_SCHEDULES_RING_H

#include "passes/schedules/Schedule.h"

namespace mlir::rondo {

class Ring : public Schedule {
public:
  explicit Ring(Side moving) : moving(moving), staying(moving == Side::Query ? Side::Key : Side::Query) {}

  LogicalResult applies(const PartitionContext &context, bool explain) const override;
  Cost getCost(const PartitionContext &context) const override;
  SmallVector<Value> emit(PartitionContext &context) const override;
  bool isAutomatic() const override { return true; }
  void emitRemarks(const PartitionContext &context, StringRef function) const override;

private:
  /// What a rank has in hand between two steps.
  struct Hand {
    SmallVector<Value> shards;    // of the moving side, for the block that is here
    SmallVector<Value> travelled; // the state of that block, so far
    SmallVector<Value> rested;    // the state of the own block of the staying side, so far
  };
  /// The rows of the own block of the staying side that the last hop hides behind; those before are attended at the
  /// begin.
  std::optional<BlockRows> getLateRows(PartitionContext &context) const;
  Hand emitOwnBlock(PartitionContext &context, const std::optional<BlockRows> &late) const;
  Hand emitStep(PartitionContext &context, Value step, const Hand &before) const;
  Hand emitSteps(PartitionContext &context, const Hand &first) const;
  SmallVector<Value> emitTail(PartitionContext &context, ValueRange travelled,
                              const std::optional<BlockRows> &late) const;
  /// Attends the moving side's shards of `block` to the staying side's own, or to some rows of these.
  SmallVector<Value> attend(PartitionContext &context, ValueRange shards, Value block,
                            const std::optional<BlockRows> &rows = std::nullopt) const;

  Side moving, staying;
};

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_RING_H
