//===- SizeBounds.h - Upper bounds of sizes, computed where a function starts ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_SIZEBOUNDS_H
#define RONDO_PASSES_SIZEBOUNDS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

#include <functional>
#include <string>

namespace mlir::rondo {

/// Emits, at a builder's position, index arithmetic that bounds the sizes used anywhere in a function. The position is
/// where the function starts: bounds depend on lengths, ranks and arguments alone. Sizes are taken to be non-negative.
class SizeBounds {
public:
  /// The memory that a memref may name: results of memref.alloc and arguments of the function.
  using FindRoots = std::function<ArrayRef<Value>(Value)>;

  SizeBounds(OpBuilder &builder, FindRoots findRoots) : builder(builder), findRoots(std::move(findRoots)) {}

  /// The value of `size`, recomputed at the start; null if that is not possible.
  Value getInvariant(Value size);
  /// A value at the start that `size` never exceeds; null if none is known.
  Value getBound(Value size);

private:
  Value computeBound(Value size);
  Value computeInvariant(Value size);
  Value getBranchBound(OpResult size);
  Value getDimBound(Value memref, int64_t dim);
  Value getRootDimBound(Value root, int64_t dim);
  Value getArgumentDimBound(BlockArgument argument, int64_t dim);
  Value getMax(ArrayRef<Value> bounds, Location loc);

  OpBuilder &builder;
  FindRoots findRoots;
  DenseMap<Value, Value> invariants, bounds;
  DenseSet<std::pair<Value, int64_t>> inProgress; // dimensions of roots
  bool mayGrow = false;                           // between them lies arithmetic
};

/// `bound` in the names of lengths (attribute `spmd.length`) and `n`, for people and the manifest.
std::string formatSize(Value bound);

} // namespace mlir::rondo

#endif // RONDO_PASSES_SIZEBOUNDS_H
