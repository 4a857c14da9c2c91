//===- DenseAttention.h - Attention by its formula ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_REFERENCE_DENSEATTENTION_H
#define RONDO_CODEGEN_REFERENCE_DENSEATTENTION_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace mlir::rondo {

/// An attention on float64 memrefs.
struct DenseAttention {
  Value query, key, value; ///< [batch, head, sequence, feature]
  Value output;
  Value lse; ///< [batch, head, sequence], or null
  double scale;
  Value diagonal; ///< query i sees the keys j <= i + diagonal (index, may be negative); null: it sees all
};

/// Emits the textbook formula in float64, one row of queries after the other: scores, their maximum, exponentials,
/// sums. Needs memory for one row of scores.
void emitDenseAttention(OpBuilder &builder, Location loc, const DenseAttention &attention);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_REFERENCE_DENSEATTENTION_H
