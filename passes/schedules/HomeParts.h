//===- HomeParts.h - Whether the home block is attended in two parts ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last hop of a ring's state hides behind nothing, unless a part of the own block is left for it. With a the time
// of one attention, q and o those of a hop of the operands and of the state, and c what a second launch costs, n steps
// take
//
//   in one part    max(a, q)   + (n - 1) * max(a, q + o) + o
//   in two parts   max(a/2, q) + (n - 1) * max(a, q + o) + max(a/2 + c, o)
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SCHEDULES_HOMEPARTS_H
#define RONDO_PASSES_SCHEDULES_HOMEPARTS_H

#include "passes/schedules/Schedule.h"

namespace mlir::rondo {

struct HomePartsDecision {
  int parts;          ///< 1 or 2
  std::string reason; ///< in words, or the inequality
};

/// Decides for a ring in which `moving` moves.
HomePartsDecision decideHomeParts(const PartitionContext &context, Side moving);

/// Reports the decision, if anything was asked for or is known.
void remarkHomeParts(const PartitionContext &context, Side moving, StringRef function);

/// What `text`, an option, asks for: "auto", "1" or "2". Else emits an error.
FailureOr<HomeParts> parseHomeParts(StringRef text, Location loc);

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_HOMEPARTS_H
