//===- GlobalOps.h - The ops of a global program --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops a global program may hold, and what each is to the passes that distribute it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_GLOBALOPS_H
#define RONDO_PASSES_GLOBALOPS_H

#include "dialect/rondo/Rondo.h"

namespace mlir::rondo {

enum class OpKind {
  Attention,   // implements DistributedAttentionInterface
  Elementwise, // each element of its results depends on the elements of its operands at the same place alone
  Empty,       // an uninitialised tensor
  Splat,       // a constant tensor of one value
  Dim,         // an extent of a global tensor
  Scalar,      // neither reads nor gives tensors
  Other        // cannot be distributed
};
OpKind classify(Operation *op);

/// The tensors among an op's operands and results.
SmallVector<Value> getTensors(Operation *op);

/// Emits the error that `op` cannot be distributed, and what can.
InFlightDiagnostic emitCannotBeDistributed(Operation *op);

/// `query`, `operand 1`, `result 0`, `argument 2`: a value as `op`, which uses or gives it, knows it.
std::string describeValue(Operation *op, Value value);

} // namespace mlir::rondo

#endif // RONDO_PASSES_GLOBALOPS_H
