//===- RankProgram.cpp - Lengths, ranks and extents in one rank's program -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/RankProgram.h"

#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::rondo;

std::string rondo::getLengthName(unsigned number) { return "s" + std::to_string(number); }

static Operation *createAnchor(Block *entry, Location loc) {
  OpBuilder builder = OpBuilder::atBlockBegin(entry);
  return arith::ConstantIndexOp::create(builder, loc, 0);
}

RankProgram::RankProgram(const Dimensions &dimensions, GridOp grid, Block *entry, ValueRange lengths)
    : dimensions(dimensions), grid(grid), loc(entry->getParentOp()->getLoc()), anchor(createAnchor(entry, loc)),
      builder(anchor), lengths(lengths) {
  for (auto [number, length] : llvm::enumerate(lengths))
    addSymbol(getLengthName(number), length);
}

RankProgram::~RankProgram() { anchor->erase(); }

AffineExpr RankProgram::addSymbol(std::string name, Value value) {
  symbols.push_back({std::move(name), value});
  return getAffineSymbolExpr(symbols.size() - 1, builder.getContext());
}

Value RankProgram::getConstant(int64_t value) {
  Value &constant = constants[value];
  if (!constant)
    constant = arith::ConstantIndexOp::create(builder, loc, value);
  return constant;
}

const RankProgram::AxisValues &RankProgram::getAxis(StringRef axis) {
  auto [entry, isNew] = axes.try_emplace(axis);
  AxisValues &values = entry->second;
  if (!isNew)
    return values;
  auto gridName = FlatSymbolRefAttr::get(grid.getSymNameAttr());
  StringAttr name = builder.getStringAttr(axis);
  values.index = spmd::AxisIndexOp::create(builder, loc, gridName, name);
  if (int64_t size = grid.getAxisSize(axis); !ShapedType::isDynamic(size)) {
    values.size = getConstant(size);
    values.sizeFormula = builder.getAffineConstantExpr(size);
  } else { // at most one axis of a grid is, so one name will do
    values.size = spmd::AxisSizeOp::create(builder, loc, gridName, name);
    values.sizeFormula = addSymbol("n", values.size);
  }
  return values;
}

RankProgram::Blocks RankProgram::getBlocks(ArrayRef<StringRef> axes) {
  Blocks blocks;
  for (StringRef axis : axes) {
    const AxisValues &values = getAxis(axis);
    if (!blocks.count) {
      blocks = {values.size, values.index, values.sizeFormula};
      continue;
    }
    blocks.own =
        arith::AddIOp::create(builder, loc, arith::MulIOp::create(builder, loc, blocks.own, values.size), values.index);
    blocks.count = arith::MulIOp::create(builder, loc, blocks.count, values.size);
    blocks.countFormula = blocks.countFormula * values.sizeFormula;
  }
  return blocks;
}

Value RankProgram::getLength(const DimensionClass &dimension) {
  return dimension.isDynamic() ? lengths[*dimension.length] : getConstant(dimension.extent);
}

AffineExpr RankProgram::getLengthFormula(const DimensionClass &dimension) {
  return dimension.isDynamic() ? builder.getAffineSymbolExpr(*dimension.length)
                               : builder.getAffineConstantExpr(dimension.extent);
}

OpFoldResult RankProgram::getLocalExtent(const DimensionClass &dimension) {
  if (!dimension.isSharded())
    return dimension.isDynamic() ? OpFoldResult(getLength(dimension)) : builder.getIndexAttr(dimension.extent);
  if (dimension.cut == Cut::Paired)
    return builder.getIndexAttr(dimension.extent / dimensions.getNumBlocks(dimension));
  Value &size = shardSizes[&dimension];
  if (!size) {
    Blocks blocks = getBlocks(dimension.axes);
    size = spmd::ShardSizeOp::create(builder, loc, blocks.own, blocks.count, getLength(dimension));
  }
  return size;
}

AffineExpr RankProgram::getLocalExtentFormula(const DimensionClass &dimension) {
  AffineExpr length = getLengthFormula(dimension);
  return dimension.isSharded() ? length.ceilDiv(getBlocks(dimension.axes).countFormula) : length;
}

SmallVector<OpFoldResult> RankProgram::getLocalExtents(ArrayRef<Dimension> shape) {
  return llvm::map_to_vector(shape, [&](Dimension dimension) {
    return getLocalExtent(dimensions.getClass(dimension.value, dimension.index));
  });
}

SmallVector<OpFoldResult> RankProgram::getLocalExtents(Value globalValue) {
  SmallVector<Dimension> shape;
  for (int64_t dim = 0; dim < cast<RankedTensorType>(globalValue.getType()).getRank(); ++dim)
    shape.push_back({globalValue, dim});
  return getLocalExtents(shape);
}
