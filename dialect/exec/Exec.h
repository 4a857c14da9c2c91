//===- Exec.h - The exec dialect ------------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work on streams: dispatches, exchanges, and the events that order them. Each op is one call of the runtime.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_DIALECT_EXEC_H
#define RONDO_DIALECT_EXEC_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/exec/ExecDialect.h.inc"
#include "dialect/exec/ExecEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/exec/ExecAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/exec/ExecTypes.h.inc"

namespace mlir::exec {
/// The state of all streams: every op that issues work reads and writes it.
struct StreamResource : SideEffects::Resource::Base<StreamResource> {
  StringRef getName() final { return "<exec streams>"; }
};

/// Marks a function as a kernel: it runs on a stream, by exec.dispatch alone.
inline constexpr StringLiteral kKernelAttr = "exec.kernel";

/// On a kernel without a body: the CudaOperationAttr that says what to launch for it.
inline constexpr StringLiteral kCudaOperationAttr = "exec.cuda_operation";
} // namespace mlir::exec

#define GET_OP_CLASSES
#include "dialect/exec/ExecOps.h.inc"

#endif // RONDO_DIALECT_EXEC_H
