//===- RankProgram.h - Lengths, ranks and extents in one rank's program ---------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// While partition emits one rank's function, this knows its lengths and its place in the grid, as values and as symbols
// of formulas, and from them the extents of every local tensor.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_RANKPROGRAM_H
#define RONDO_PASSES_RANKPROGRAM_H

#include "passes/Dimensions.h"
#include "passes/schedules/Schedule.h"

#include "llvm/ADT/StringMap.h"

namespace mlir::rondo {

class RankProgram {
public:
  /// `lengths` are the function's length arguments. Values of the grid are emitted at the begin of `entry`.
  RankProgram(const Dimensions &dimensions, GridOp grid, Block *entry, ValueRange lengths);
  ~RankProgram();
  RankProgram(const RankProgram &) = delete;

  const Dimensions &getDimensions() const { return dimensions; }
  GridOp getGrid() const { return grid; }

  /// How many blocks a list of axes makes, and which one is this rank's. The first axis is the major one.
  struct Blocks {
    Value count;
    Value own;
    AffineExpr countFormula;
  };
  Blocks getBlocks(ArrayRef<StringRef> axes);

  /// The global extent of a class.
  Value getLength(const DimensionClass &dimension);
  AffineExpr getLengthFormula(const DimensionClass &dimension);
  /// The extent of this rank's shard, and an upper bound that holds for every rank.
  OpFoldResult getLocalExtent(const DimensionClass &dimension);
  AffineExpr getLocalExtentFormula(const DimensionClass &dimension);

  SmallVector<OpFoldResult> getLocalExtents(ArrayRef<Dimension> shape);
  SmallVector<OpFoldResult> getLocalExtents(Value globalValue);

  ArrayRef<FormulaSymbol> getSymbols() const { return symbols; }

private:
  struct AxisValues {
    Value size, index;
    AffineExpr sizeFormula;
  };
  const AxisValues &getAxis(StringRef axis);
  Value getConstant(int64_t value);
  AffineExpr addSymbol(std::string name, Value value);

  const Dimensions &dimensions;
  GridOp grid;
  Location loc;
  Operation *anchor; // divides the values emitted here from the function's body
  OpBuilder builder; // before the anchor
  SmallVector<Value> lengths;
  SmallVector<FormulaSymbol> symbols; // first the lengths
  llvm::StringMap<AxisValues> axes;
  DenseMap<int64_t, Value> constants;
  DenseMap<const DimensionClass *, Value> shardSizes;
};

/// The name of the function's length of that number: s0, s1, ...
std::string getLengthName(unsigned number);

} // namespace mlir::rondo

#endif // RONDO_PASSES_RANKPROGRAM_H
