//===- ControlFlow.cpp - Loops and branches by lambdas --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/ControlFlow.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

rondo::ValueList mlir::rondo::emitLoop(ImplicitLocOpBuilder &builder, Value lower, Value upper, Value step,
                                       ValueRange initial, function_ref<ValueList(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(builder, lower, upper, step, initial);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  ValueList next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!initial.empty()) // without carried values the loop is built with its terminator
    scf::YieldOp::create(builder, next);
  return ValueList(loop.getResults());
}

void mlir::rondo::emitIf(ImplicitLocOpBuilder &builder, Value condition, function_ref<void()> then) {
  auto op = scf::IfOp::create(builder, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.thenBlock());
  then();
}

void mlir::rondo::emitIfElse(ImplicitLocOpBuilder &builder, Value condition, function_ref<void()> then,
                             function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(builder, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.thenBlock());
  then();
  builder.setInsertionPointToStart(op.elseBlock());
  otherwise();
}
