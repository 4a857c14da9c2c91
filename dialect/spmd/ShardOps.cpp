//===- ShardOps.cpp - Axes of the grid, and how a length is cut over ranks ------------------------------*- C++ -*-===//
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::spmd;

//===--------------------------------------------------------------------------------------------------------------===//
// axis_c1
//===--------------------------------------------------------------------------------------------------------------===//

static LogicalResult verifyAxis(Operation *op, FlatSymbolRefAttr gridName, StringRef axis,
                                SymbolTableCollection &symbols) {
  auto grid = symbols.lookupNearestSymbolFrom<rondo::GridOp>(op, gridName);
  if (!grid)
    return op->emitOpError() << "names the grid " << gridName << ", which does not exist";
  if (!grid.getAxisNumber(axis)) {
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "names the axis \"" << axis << "\", which grid " << gridName << " does not have";
    diagnostic.attachNote(grid.getLoc()) << "its axes are " << grid.getAxisNames();
    return diagnostic;
  }
  return success();
}

LogicalResult AxisSizeOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

LogicalResult AxisIndexOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

LogicalResult ShiftStartOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyAxis(*this, getGridAttr(), getAxis(), symbols);
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

/// Folds an op of a rank, a number of ranks and a length.
static OpFoldResult foldShardOp(Operation *op, ArrayRef<Attribute> operands,
                                function_ref<int64_t(int64_t, int64_t, int64_t)> evaluate) {
  auto rank = dyn_cast_or_null<IntegerAttr>(operands[0]), ranks = dyn_cast_or_null<IntegerAttr>(operands[1]),
       length = dyn_cast_or_null<IntegerAttr>(operands[2]);
  if (!rank || !ranks || !length || ranks.getInt() < 1)
    return {};
  return Builder(op).getIndexAttr(evaluate(rank.getInt(), ranks.getInt(), length.getInt()));
}

OpFoldResult ShardSizeOp::fold(FoldAdaptor adaptor) { return foldShardOp(*this, adaptor.getOperands(), shardSize); }
OpFoldResult ShardOffsetOp::fold(FoldAdaptor adaptor) { return foldShardOp(*this, adaptor.getOperands(), shardOffset); }

OpFoldResult ShardSizeMaxOp::fold(FoldAdaptor adaptor) {
  auto ranks = dyn_cast_or_null<IntegerAttr>(adaptor.getRanks()),
       length = dyn_cast_or_null<IntegerAttr>(adaptor.getLength());
  if (!ranks || !length || ranks.getInt() < 1)
    return {};
  return Builder(*this).getIndexAttr(shardSizeMax(ranks.getInt(), length.getInt()));
}
