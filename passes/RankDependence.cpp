//===- RankDependence.cpp - What differs between ranks --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/RankDependence.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {

/// The values that may differ between ranks. A memref counts if its sizes may.
class RankDependence {
public:
  explicit RankDependence(func::FuncOp function) : function(function) {
    for (size_t before = SIZE_MAX; before != dependent.size();) { // loops carry it backwards
      before = dependent.size();
      function.walk([&](Operation *op) { propagate(op); });
    }
  }

  bool contains(Value value) const { return dependent.contains(value); }

  /// Whether the rank decides if and how often the regions of `op` run.
  bool decides(Operation *op) const {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return contains(loop.getLowerBound()) || contains(loop.getUpperBound()) || contains(loop.getStep());
    auto branch = dyn_cast<scf::IfOp>(op);
    return branch && contains(branch.getCondition());
  }

private:
  void add(ValueRange values) { dependent.insert(values.begin(), values.end()); }
  bool containsAny(ValueRange values) const {
    return llvm::any_of(values, [&](Value value) { return contains(value); });
  }
  bool isShardedExtent(memref::DimOp dim);
  void propagate(Operation *op);
  void propagateYield(scf::YieldOp yield);

  func::FuncOp function;
  DenseSet<Value> dependent;
};

} // namespace

/// Whether `dim` asks for an extent of an argument which an axis shards.
bool RankDependence::isShardedExtent(memref::DimOp dim) {
  auto argument = dyn_cast<BlockArgument>(dim.getSource());
  if (!argument || argument.getOwner() != &function.front())
    return false;
  auto sharding = function.getArgAttrOfType<ShardingAttr>(argument.getArgNumber(), RondoDialect::kShardingAttr);
  std::optional<int64_t> number = dim.getConstantIndex();
  bool isKnown = sharding && number && *number >= 0 && *number < sharding.getRank(); // MLIR lets other indices pass
  return sharding && (!isKnown || sharding.isSharded(*number));
}

void RankDependence::propagateYield(scf::YieldOp yield) {
  Operation *parent = yield->getParentOp();
  for (auto [number, value] : llvm::enumerate(yield.getOperands()))
    if (contains(value) || decides(parent)) {
      add(parent->getResult(number));
      if (auto loop = dyn_cast<scf::ForOp>(parent))
        add(loop.getRegionIterArg(number));
    }
}

void RankDependence::propagate(Operation *op) {
  if (auto yield = dyn_cast<scf::YieldOp>(op))
    return propagateYield(yield);
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    if (decides(loop))
      add(loop.getInductionVar());
    for (auto [init, argument] : llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs()))
      if (contains(init))
        add(argument);
    return;
  }
  if (auto view = dyn_cast<memref::ViewOp>(op)) {
    if (containsAny(view.getSizes()))
      add(view.getResult());
    return;
  }
  auto dim = dyn_cast<memref::DimOp>(op);
  if (isa<spmd::AxisIndexOp>(op) || (dim && isShardedExtent(dim)) ||
      (!isa<scf::IfOp>(op) && containsAny(op->getOperands())))
    add(op->getResults());
}

LogicalResult rondo::verifySameExchanges(func::FuncOp function) {
  RankDependence dependence(function);
  WalkResult walk = function.walk([&](exec::ExchangeOp exchange) {
    for (Operation *parent = exchange->getParentOp(); parent != function; parent = parent->getParentOp())
      if (dependence.decides(parent)) {
        InFlightDiagnostic diagnostic = exchange.emitOpError(
            "lies under a condition that depends on the rank, so that ranks may wait for each other "
            "for ever; every rank must do the same exchanges in the same order");
        diagnostic.attachNote(parent->getLoc()) << "decided here";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}
