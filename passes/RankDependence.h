//===- RankDependence.h - What differs between ranks ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_RANKDEPENDENCE_H
#define RONDO_PASSES_RANKDEPENDENCE_H

#include "mlir/Support/LLVM.h"

namespace mlir {
namespace func {
class FuncOp;
} // namespace func
namespace rondo {

/// Verifies that every rank does the same exchanges: none lies in a branch or a loop that is decided by the rank's
/// coordinate or by the size of its shard.
LogicalResult verifySameExchanges(func::FuncOp function);

} // namespace rondo
} // namespace mlir

#endif // RONDO_PASSES_RANKDEPENDENCE_H
