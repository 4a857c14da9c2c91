//===- Builtin.h - The schedules that come with Rondo ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_SCHEDULES_BUILTIN_H
#define RONDO_PASSES_SCHEDULES_BUILTIN_H

#include "passes/schedules/Schedule.h"

namespace mlir::rondo {

/// Queries circulate, keys and values stay. docs/schedules/query-ring.md
std::unique_ptr<Schedule> createQueryRing();
/// Keys and values circulate, queries stay: Ring Attention. docs/schedules/kv-ring.md
std::unique_ptr<Schedule> createKvRing();
/// Nothing moves: every rank holds all keys.
std::unique_ptr<Schedule> createLocal();

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_BUILTIN_H
