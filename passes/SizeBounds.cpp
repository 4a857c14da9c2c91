//===- SizeBounds.cpp - Upper bounds of sizes, computed where a function starts -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/SizeBounds.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace mlir::rondo;

//===--------------------------------------------------------------------------------------------------------------===//
// Values that are the same wherever they are computed
//===--------------------------------------------------------------------------------------------------------------===//

Value SizeBounds::getInvariant(Value size) {
  auto [entry, isNew] = invariants.try_emplace(size);
  if (!isNew)
    return entry->second;
  return invariants[size] = computeInvariant(size);
}

Value SizeBounds::computeInvariant(Value size) {
  auto isFunctionArgument = [](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && isa<FunctionOpInterface>(argument.getOwner()->getParentOp());
  };
  if (isFunctionArgument(size))
    return size;
  Operation *op = size.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return {};
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    bool dimOfArgument = isa<BaseMemRefType>(operand.getType()) && isFunctionArgument(operand);
    Value invariant = dimOfArgument                            ? operand
                      : isa<BaseMemRefType>(operand.getType()) ? Value()
                                                               : getInvariant(operand);
    if (!invariant)
      return {};
    mapping.map(operand, invariant);
  }
  SmallVector<Value> folded;
  Operation *clone = builder.clone(*op, mapping);
  if (succeeded(builder.tryFold(clone, folded)) && folded.size() == 1) {
    clone->erase();
    return folded.front();
  }
  return clone->getResult(cast<OpResult>(size).getResultNumber());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bounds
//===--------------------------------------------------------------------------------------------------------------===//

Value SizeBounds::getBound(Value size) {
  if (Value known = bounds.lookup(size))
    return known;
  Value bound = computeBound(size);
  if (bound && inProgress.empty()) // else it may lack what is in progress
    bounds[size] = bound;
  return bound;
}

Value SizeBounds::computeBound(Value size) {
  Operation *op = size.getDefiningOp();
  // Bounds hold for every rank, so that they depend on lengths and the number of ranks alone.
  if (auto shard = dyn_cast_or_null<spmd::ShardSizeOp>(op)) {
    Value ranks = getInvariant(shard.getRanks()), length = getBound(shard.getLength());
    return ranks && length ? builder.createOrFold<spmd::ShardSizeMaxOp>(op->getLoc(), ranks, length) : Value();
  }
  if (auto dim = dyn_cast_or_null<memref::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    auto type = dyn_cast<MemRefType>(dim.getSource().getType());
    bool isKnown = index && type && *index >= 0 && *index < type.getRank(); // MLIR lets other indices pass
    return isKnown ? getDimBound(dim.getSource(), *index) : Value();
  }
  Value invariant = getInvariant(size);
  if (invariant || !op)
    return invariant;
  Location loc = op->getLoc();
  if (isa<scf::IfOp>(op))
    return getBranchBound(cast<OpResult>(size));
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return getMax({getBound(select.getTrueValue()), getBound(select.getFalseValue())}, loc);
  if (isa<arith::MaxSIOp, arith::MaxUIOp>(op))
    return getMax({getBound(op->getOperand(0)), getBound(op->getOperand(1))}, loc);
  if (isa<arith::MinSIOp, arith::MinUIOp>(op)) { // either operand bounds it
    Value lhs = getBound(op->getOperand(0));
    return lhs ? lhs : getBound(op->getOperand(1));
  }
  if (isa<arith::AddIOp, arith::MulIOp>(op)) { // grows with both operands
    llvm::SaveAndRestore grows(mayGrow, true);
    Value lhs = getBound(op->getOperand(0)), rhs = getBound(op->getOperand(1));
    if (!lhs || !rhs)
      return {};
    return isa<arith::AddIOp>(op) ? builder.createOrFold<arith::AddIOp>(loc, lhs, rhs)
                                  : builder.createOrFold<arith::MulIOp>(loc, lhs, rhs);
  }
  return {};
}

Value SizeBounds::getBranchBound(OpResult size) {
  SmallVector<Value> branches;
  for (Region &region : size.getOwner()->getRegions())
    branches.push_back(getBound(region.front().getTerminator()->getOperand(size.getResultNumber())));
  return getMax(branches, size.getLoc());
}

Value SizeBounds::getDimBound(Value memref, int64_t dim) {
  SmallVector<Value> candidates;
  for (Value root : findRoots(memref)) {
    if (!inProgress.insert({root, dim}).second) {
      if (mayGrow)
        return {}; // each iteration may allocate more than the one before
      continue;    // its size is that of a memref which it may be itself: it adds nothing
    }
    candidates.push_back(getRootDimBound(root, dim));
    inProgress.erase({root, dim});
  }
  return getMax(candidates, memref.getLoc());
}

Value SizeBounds::getRootDimBound(Value root, int64_t dim) {
  auto type = cast<MemRefType>(root.getType());
  if (!type.isDynamicDim(dim))
    return arith::ConstantIndexOp::create(builder, root.getLoc(), type.getDimSize(dim));
  if (auto alloc = root.getDefiningOp<memref::AllocOp>())
    return getBound(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
  return getArgumentDimBound(cast<BlockArgument>(root), dim);
}

/// The argument of a function that is the global length `name`; null if it has none.
static Value findLength(FunctionOpInterface function, StringAttr name) {
  for (BlockArgument argument : function.getArguments())
    if (function.getArgAttr(argument.getArgNumber(), "spmd.length") == name)
      return argument;
  return {};
}

/// From the global extent and the axes that shard it. An argument that says neither has the extent that it has.
Value SizeBounds::getArgumentDimBound(BlockArgument argument, int64_t dim) {
  auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  Location loc = argument.getLoc();
  auto shape = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "spmd.shape");
  Value bound;
  if (auto name = shape ? dyn_cast<StringAttr>(shape[dim]) : StringAttr())
    bound = findLength(function, name);
  else if (auto extent = shape ? dyn_cast<IntegerAttr>(shape[dim]) : IntegerAttr())
    bound = arith::ConstantIndexOp::create(builder, loc, extent.getInt());
  if (!bound)
    return memref::DimOp::create(builder, loc, argument, dim);
  auto sharding = function.getArgAttrOfType<ShardingAttr>(argument.getArgNumber(), RondoDialect::kShardingAttr);
  for (StringRef axis : sharding ? sharding.getAxes(dim) : SmallVector<StringRef>()) {
    int64_t size = GridOp::lookup(function, sharding.getGrid()).getAxisSize(axis);
    Value ranks =
        ShapedType::isDynamic(size)
            ? spmd::AxisSizeOp::create(builder, loc, sharding.getGrid(), builder.getStringAttr(axis)).getResult()
            : arith::ConstantIndexOp::create(builder, loc, size).getResult();
    bound = builder.createOrFold<spmd::ShardSizeMaxOp>(loc, ranks, bound);
  }
  return bound;
}

/// Whether two values at the function's start are computed alike.
static bool isSame(Value a, Value b) {
  Operation *opA = a.getDefiningOp(), *opB = b.getDefiningOp();
  return a == b || (opA && opB &&
                    OperationEquivalence::isEquivalentTo(
                        opA, opB, [](Value x, Value y) { return success(isSame(x, y)); },
                        /*markEquivalent=*/nullptr, OperationEquivalence::IgnoreLocations));
}

Value SizeBounds::getMax(ArrayRef<Value> values, Location loc) {
  Value max;
  for (Value value : values) {
    if (!value)
      return {};
    if (!max)
      max = value;
    else if (!isSame(max, value))
      max = builder.createOrFold<arith::MaxSIOp>(loc, max, value);
  }
  return max;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Text
//===--------------------------------------------------------------------------------------------------------------===//

std::string rondo::formatSize(Value bound) {
  if (std::optional<int64_t> constant = getConstantIntValue(bound))
    return std::to_string(*constant);
  Operation *op = bound.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(bound);
    auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    auto name = function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "spmd.length") : nullptr;
    return name ? name.str() : "arg" + std::to_string(argument.getArgNumber());
  }
  if (isa<spmd::AxisSizeOp>(op))
    return "n";
  SmallVector<std::string> operands;
  for (Value operand : op->getOperands())
    operands.push_back(formatSize(operand));
  if (isa<memref::DimOp>(op))
    return operands[0] + "[" + operands[1] + "]";
  if (isa<spmd::ShardSizeMaxOp>(op))
    return "ceil(" + operands[1] + "/" + operands[0] + ")";
  if (isa<arith::AddIOp>(op))
    return "(" + operands[0] + " + " + operands[1] + ")";
  if (isa<arith::MulIOp>(op))
    return operands[0] + "*" + operands[1];
  if (isa<arith::MaxSIOp, arith::MaxUIOp>(op))
    return "max(" + operands[0] + ", " + operands[1] + ")";
  return op->getName().stripDialect().str() + "(" + llvm::join(operands, ", ") + ")";
}
