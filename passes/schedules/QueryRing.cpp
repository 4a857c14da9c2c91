//===- QueryRing.cpp - Queries circulate, keys and values stay ------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves:  the queries, and one hop behind them the part of the state that belongs to them (O and LSE).
// Costs:  (n - 1) * queries + n * state, in bytes of one block; n steps.
// Right for few queries and many keys: cross-attention. docs/schedules/query-ring.md
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/schedules/Builtin.h"
#include "passes/schedules/Ring.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {
class QueryRing : public Ring {
public:
  QueryRing() : Ring(Side::Query) {}
  StringRef getName() const override { return "query-ring"; }
};
} // namespace

std::unique_ptr<Schedule> rondo::createQueryRing() { return std::make_unique<QueryRing>(); }
