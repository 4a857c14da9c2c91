//===- Local.cpp - Every rank holds all keys, nothing moves ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves:  nothing.
// Costs:  0 bytes; 1 step.
// Right whenever the keys and values are replicated. Its own result state is complete at once.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/schedules/Builtin.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {
class Local : public Schedule {
public:
  StringRef getName() const override { return "local"; }

  /// State that lives with the keys would be a partial sum on each rank if the queries were sharded.
  LogicalResult applies(const PartitionContext &context, bool explain) const override {
    bool sumsOverQueries = context.queries.isSharded() && !context.keys.state.empty();
    if (!context.keys.isSharded() && !sumsOverQueries)
      return success();
    if (!explain)
      return failure();
    return context.refuse(getName(), "all keys on every rank", "replicate the keys and values, or choose a ring");
  }

  Cost getCost(const PartitionContext &context) const override {
    MLIRContext *mlirContext = context.builder.getContext();
    return {getAffineConstantExpr(0, mlirContext), getAffineConstantExpr(1, mlirContext)};
  }

  SmallVector<Value> emit(PartitionContext &context) const override {
    context.beginStep(context.index(0));
    Value queryBlock = context.queries.isSharded() ? context.rank : Value();
    SmallVector<Value> state =
        context.createPartial(context.queries.shards, queryBlock, context.keys.shards, /*keyBlock=*/Value());
    return context.op.createResults(context.builder, state);
  }

  bool isAutomatic() const override { return true; }
};
} // namespace

std::unique_ptr<Schedule> rondo::createLocal() { return std::make_unique<Local>(); }
