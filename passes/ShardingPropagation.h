//===- ShardingPropagation.h - From declared shardings to those of all values ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op of a global program says which dimensions of its operands and results the same axes must shard. What the
// function's arguments and results declare spreads through these groups, in both directions, until nothing changes.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SHARDINGPROPAGATION_H
#define RONDO_PASSES_SHARDINGPROPAGATION_H

#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::rondo {

/// A sharding that an argument or a result of a function carries.
struct ShardingDeclaration {
  ShardingAttr sharding;
  Location loc;
  std::string owner; // `argument 0`
  unsigned number;
};
SmallVector<ShardingDeclaration> getArgumentShardings(func::FuncOp function);
SmallVector<ShardingDeclaration> getResultShardings(func::FuncOp function);

class ShardingPropagation {
public:
  /// Of a function of one block, all of whose ops can be distributed.
  ShardingPropagation(func::FuncOp function, GridOp grid);

  /// Spreads the declared shardings. Emits an error, at the op where they meet, if they contradict each other, or at an
  /// op that cannot be distributed so.
  LogicalResult run();

  /// The sharding of a ranked tensor; what nothing says is replicated. Null, after an error, if there is none.
  ShardingAttr getSharding(Value value);

private:
  /// How a dimension is sharded, and the declaration that says so.
  struct Known {
    ArrayAttr axes;
    const ShardingDeclaration *source;
  };
  /// Dimensions that the same axes shard, because of `op`.
  struct Constraint {
    Operation *op;
    DimensionGroup group;
  };

  void addConstraints(DistributedAttentionInterface op);
  void addElementwiseConstraints(Operation *op);

  const Known *lookup(Dimension dimension) const;
  /// Spreads what is declared, from a seed on, until nothing changes.
  LogicalResult propagate();
  LogicalResult propagate(const Constraint &constraint, bool &changed);
  void declare(Value value, const ShardingDeclaration &declaration);
  /// Verifies that what is returned, so far as it is derived, is sharded as the result declares.
  LogicalResult checkReturned(Value value, const ShardingDeclaration &declaration);

  LogicalResult checkHeads(DistributedAttentionInterface op);
  LogicalResult checkSequences(DistributedAttentionInterface op);
  /// Adds where the sharding of a dimension comes from.
  void attachSource(InFlightDiagnostic &diagnostic, Operation *op, Dimension dimension);

  func::FuncOp function;
  GridOp grid;
  SmallVector<ShardingDeclaration> arguments, results;
  SmallVector<Constraint> constraints;
  DenseMap<std::pair<Value, int64_t>, Known> known;
};

} // namespace mlir::rondo

#endif // RONDO_PASSES_SHARDINGPROPAGATION_H
