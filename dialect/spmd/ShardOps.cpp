//===- ShardOps.cpp - Axes of the grid, and how a length is cut over ranks ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::spmd;

//===--------------------------------------------------------------------------------------------------------------===//
// axis_c1
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult AxisSizeOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return rondo::GridOp::verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

LogicalResult AxisIndexOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return rondo::GridOp::verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

LogicalResult ShiftStartOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return rondo::GridOp::verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Axes of static size
//===--------------------------------------------------------------------------------------------------------------===//

// These are canonicalisations, not folds, since they look at the grid, which is another op.

/// The size of an axis, if its grid gives it one.
static std::optional<int64_t> getStaticAxisSize(Operation *op, FlatSymbolRefAttr gridName, StringRef axis) {
  rondo::GridOp grid = rondo::GridOp::lookup(op, gridName);
  if (!grid || !grid.getAxisNumber(axis) || ShapedType::isDynamic(grid.getAxisSize(axis)))
    return std::nullopt;
  return grid.getAxisSize(axis);
}

LogicalResult AxisSizeOp::canonicalize(AxisSizeOp op, PatternRewriter &rewriter) {
  std::optional<int64_t> size = getStaticAxisSize(op, op.getGridAttr(), op.getAxis());
  if (!size)
    return failure();
  rewriter.replaceOpWithNewOp<arith::ConstantIndexOp>(op, *size);
  return success();
}

LogicalResult AxisIndexOp::canonicalize(AxisIndexOp op, PatternRewriter &rewriter) {
  if (getStaticAxisSize(op, op.getGridAttr(), op.getAxis()) != 1)
    return failure();
  rewriter.replaceOpWithNewOp<arith::ConstantIndexOp>(op, 0);
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Blocks
//===--------------------------------------------------------------------------------------------------------------===//

int64_t spmd::shardSizeMax(int64_t ranks, int64_t length) { return llvm::divideCeil(length, ranks); }

int64_t spmd::shardOffset(int64_t rank, int64_t ranks, int64_t length) {
  return std::min(rank * shardSizeMax(ranks, length), length);
}

int64_t spmd::shardSize(int64_t rank, int64_t ranks, int64_t length) {
  return shardOffset(rank + 1, ranks, length) - shardOffset(rank, ranks, length);
}

/// The constant that `operand` is, if it is one and at least `minimum`.
static std::optional<int64_t> getConstant(Attribute operand, int64_t minimum) {
  auto constant = dyn_cast_or_null<IntegerAttr>(operand);
  if (!constant || constant.getInt() < minimum)
    return std::nullopt;
  return constant.getInt();
}

/// Evaluates an op of a rank, a number of ranks and a length, if all are constants in range.
static OpFoldResult foldShardOp(Operation *op, ArrayRef<Attribute> operands,
                                function_ref<int64_t(int64_t, int64_t, int64_t)> evaluate) {
  std::optional<int64_t> rank = getConstant(operands[0], 0), ranks = getConstant(operands[1], 1),
                         length = getConstant(operands[2], 0);
  if (!rank || !ranks || !length || *rank >= *ranks)
    return {};
  return Builder(op).getIndexAttr(evaluate(*rank, *ranks, *length));
}

// On one rank the shard is the whole.
OpFoldResult ShardSizeOp::fold(FoldAdaptor adaptor) {
  if (getConstant(adaptor.getRanks(), 1) == 1)
    return getLength();
  return foldShardOp(*this, adaptor.getOperands(), shardSize);
}

// On one rank, and on the first of several, the shard begins with the whole.
OpFoldResult ShardOffsetOp::fold(FoldAdaptor adaptor) {
  if (getConstant(adaptor.getRanks(), 1) == 1 || getConstant(adaptor.getRank(), 0) == 0)
    return Builder(*this).getIndexAttr(0);
  return foldShardOp(*this, adaptor.getOperands(), shardOffset);
}

OpFoldResult ShardSizeMaxOp::fold(FoldAdaptor adaptor) {
  std::optional<int64_t> ranks = getConstant(adaptor.getRanks(), 1), length = getConstant(adaptor.getLength(), 0);
  if (ranks == 1)
    return getLength();
  if (!ranks || !length)
    return {};
  return Builder(*this).getIndexAttr(shardSizeMax(*ranks, *length));
}
