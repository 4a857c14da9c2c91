//===- ResolveExtents.h - Extents of local tensors from lengths -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_RESOLVEEXTENTS_H
#define RONDO_PASSES_RESOLVEEXTENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::rondo {

/// Replaces each `tensor.dim` whose tensor's extent is known otherwise: an argument's by `getArgumentExtent`, what has
/// arrived by the size that its shift was given. Later passes bound memory by lengths and ranks, which they see only
/// so.
void resolveExtents(func::FuncOp function,
                    llvm::function_ref<OpFoldResult(BlockArgument argument, int64_t dim)> getArgumentExtent);

} // namespace mlir::rondo

#endif // RONDO_PASSES_RESOLVEEXTENTS_H
