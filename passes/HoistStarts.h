//===- HoistStarts.h - Shifts in straight-line code start early -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_HOISTSTARTS_H
#define RONDO_PASSES_HOISTSTARTS_H

#include "mlir/IR/Block.h"

namespace mlir::rondo {

/// Moves each start of a shift up to where what it sends is known, if that puts compute behind it. Adjacent starts stay
/// together where they can: they become one exchange.
void hoistStarts(Block &block);

} // namespace mlir::rondo

#endif // RONDO_PASSES_HOISTSTARTS_H
