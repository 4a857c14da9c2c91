//===- Dimensions.h - Which dimensions of a function are one length -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups the dimensions of all tensors of a global function into classes of one extent, cut by one list of axes, and
// numbers the classes whose extent is bound at run time. Local types follow from it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_DIMENSIONS_H
#define RONDO_PASSES_DIMENSIONS_H

#include "passes/GlobalOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <vector>

namespace mlir::rondo {

/// The sharding that a function's argument or an op's `rondo.shardings` gives a value; null if it has none.
ShardingAttr getSharding(Value value);

/// The dimensions of a function that have one extent.
struct DimensionClass {
  int64_t extent = ShapedType::kDynamic;
  SmallVector<StringRef> axes;
  Cut cut = Cut::Blocks;
  /// If the extent is `?`: which of the function's lengths it is, in order of first appearance in its signature.
  std::optional<unsigned> length;

  bool isDynamic() const { return ShapedType::isDynamic(extent); }
  bool isSharded() const { return !axes.empty(); }
};

class Dimensions {
public:
  /// Analyses a function of one block whose tensors are sharded over `grid`. Emits an error if an op cannot be
  /// distributed, or if dimensions that must agree do not.
  static FailureOr<Dimensions> analyze(func::FuncOp function, GridOp grid);

  const DimensionClass &getClass(Value value, int64_t dim) const;
  unsigned getNumLengths() const { return numLengths; }

  /// How many equal blocks the axes of a class make; only for classes that are cut in pairs.
  int64_t getNumBlocks(const DimensionClass &dimension) const;
  /// The type of a rank's shard of a value.
  RankedTensorType getLocalType(Value value) const;

private:
  explicit Dimensions(GridOp grid) : grid(grid) {}

  LogicalResult addValue(Value value);
  LogicalResult addOp(Operation *op);
  LogicalResult addAttention(DistributedAttentionInterface op);
  LogicalResult addElementwise(Operation *op);
  LogicalResult addEmpty(Operation *op);
  LogicalResult checkReturn(func::FuncOp function, Operation *terminator);
  LogicalResult checkPaired(DistributedAttentionInterface op, ArrayRef<DimensionGroup> groups);
  void numberLengths(func::FuncOp function, Operation *terminator);
  LogicalResult checkLengthsBound(func::FuncOp function);

  /// Makes two dimensions one class; `what` names it and `op` is why they must agree.
  LogicalResult unite(Operation *op, StringRef what, Dimension a, Dimension b);
  unsigned find(Value value, int64_t dim) const;

  GridOp grid;
  bool sharded = false; // whether any argument is
  DenseMap<std::pair<Value, int64_t>, unsigned> numbers;
  std::vector<unsigned> parents;
  std::vector<DimensionClass> classes;
  unsigned numLengths = 0;
};

} // namespace mlir::rondo

#endif // RONDO_PASSES_DIMENSIONS_H
