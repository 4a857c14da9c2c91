//===- ResolveExtents.cpp - Extents of local tensors from lengths ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/ResolveExtents.h"

#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace mlir::rondo;

using ArgumentExtent = llvm::function_ref<OpFoldResult(BlockArgument, int64_t)>;

/// The one of `sizes`, given for the dynamic extents of `shape`, that belongs to dimension `dim`.
static Value getDynamicSize(ArrayRef<int64_t> shape, ValueRange sizes, int64_t dim) {
  return sizes[llvm::count_if(shape.take_front(dim), ShapedType::isDynamic)];
}

/// A dynamic extent of `value`; null if it is not known.
static OpFoldResult getExtent(Value value, int64_t dim, ArgumentExtent getArgumentExtent) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp()) ? getArgumentExtent(argument, dim) : OpFoldResult();
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
    return empty.getDynamicSize(dim);
  if (auto wait = value.getDefiningOp<spmd::WaitOp>()) {
    auto start = wait.getPending().getDefiningOp<spmd::ShiftStartOp>();
    return start ? OpFoldResult(getDynamicSize(start.getPending().getType().getShape(), start.getSizes(), dim))
                 : OpFoldResult();
  }
  if (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    return getExtent(op.getTiedOpOperand(cast<OpResult>(value))->get(), dim, getArgumentExtent);
  return {};
}

void rondo::resolveExtents(func::FuncOp function, ArgumentExtent getArgumentExtent) {
  function.walk([&](tensor::DimOp op) {
    std::optional<int64_t> dim = op.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(op.getSource().getType());
    if (!dim || !type || *dim < 0 || *dim >= type.getRank() || !type.isDynamicDim(*dim))
      return;
    OpFoldResult extent = getExtent(op.getSource(), *dim, getArgumentExtent);
    if (!extent)
      return;
    OpBuilder builder(op);
    op.replaceAllUsesWith(getValueOrCreateConstantIndexOp(builder, op.getLoc(), extent));
    op.erase();
  });
}
