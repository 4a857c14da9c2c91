//===- Globals.h - Constant data of a program -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_HOST_GLOBALS_H
#define RONDO_CODEGEN_HOST_GLOBALS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::rondo {

/// A constant of struct or array type, built field by field.
Value createAggregate(OpBuilder &builder, Location loc, Type type, ValueRange fields);

/// A constant global whose value `build` emits.
void createGlobal(ModuleOp module, Type type, LLVM::Linkage linkage, StringRef name,
                  function_ref<Value(OpBuilder &)> build);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_GLOBALS_H
