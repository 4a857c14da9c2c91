//===- Auto.h - The choice of a schedule ----------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `auto` takes the schedule that moves the fewest bytes. Where that depends on what is bound at run time, the program
// chooses by the same formulas, from global lengths and the number of ranks alone, so that all ranks choose alike.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SCHEDULES_AUTO_H
#define RONDO_PASSES_SCHEDULES_AUTO_H

#include "passes/schedules/Schedule.h"

namespace mlir::rondo {

/// What was decided for an attention.
struct Choice {
  /// The schedules among which the program chooses at run time; one if the choice is made.
  SmallVector<const Schedule *> schedules;

  /// `query-ring`, or `auto(query-ring|kv-ring)`.
  std::string getName() const;
  /// The bytes that a rank sends, as text.
  std::string printBytes(const PartitionContext &context) const;
  std::string printSteps(const PartitionContext &context) const;
  /// Emits the program and returns the op's results for the rows that live here.
  SmallVector<Value> emit(PartitionContext &context) const;
};

/// Emits an error that lists the schedules if none has that name.
LogicalResult verifyScheduleName(StringRef name, Location loc);

/// Decides by the name of a schedule, or `auto`. Emits an error if it does not apply.
FailureOr<Choice> chooseSchedule(StringRef name, const PartitionContext &context);

/// Emits the remarks about a choice: what it costs, the inequality if it is made at run time, and whether another
/// schedule would have moved fewer bytes.
void remarkChoice(StringRef requested, const Choice &choice, const PartitionContext &context, StringRef function);

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_AUTO_H
