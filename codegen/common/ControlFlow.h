//===- ControlFlow.h - Loops and branches by lambdas ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_COMMON_CONTROLFLOW_H
#define RONDO_CODEGEN_COMMON_CONTROLFLOW_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::rondo {

using ValueList = SmallVector<Value>;

/// for (i = lower; i < upper; i += step) with loop-carried values: body(i, carried) returns their next values. Bounds
/// and step are of one type, index or an integer.
ValueList emitLoop(ImplicitLocOpBuilder &builder, Value lower, Value upper, Value step, ValueRange initial,
                   function_ref<ValueList(Value, ValueRange)> body);

void emitIf(ImplicitLocOpBuilder &builder, Value condition, function_ref<void()> then);
void emitIfElse(ImplicitLocOpBuilder &builder, Value condition, function_ref<void()> then,
                function_ref<void()> otherwise);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_COMMON_CONTROLFLOW_H
