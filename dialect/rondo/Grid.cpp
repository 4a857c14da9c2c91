//===- Grid.cpp - rondo.grid: syntax, verification, lookup ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;

std::optional<unsigned> GridOp::getAxisNumber(StringRef axis) {
  for (auto [number, name] : llvm::enumerate(getAxisNames().getAsValueRange<StringAttr>()))
    if (name == axis)
      return number;
  return std::nullopt;
}

int64_t GridOp::getAxisSize(StringRef axis) {
  std::optional<unsigned> number = getAxisNumber(axis);
  assert(number && "the grid has no such axis");
  return getAxisSizes()[*number];
}

GridOp GridOp::lookup(Operation *from, FlatSymbolRefAttr name) {
  return SymbolTable::lookupNearestSymbolFrom<GridOp>(from, name);
}

LogicalResult GridOp::verifyAxis(Operation *user, FlatSymbolRefAttr name, StringRef axis,
                                 SymbolTableCollection &symbols) {
  auto grid = symbols.lookupNearestSymbolFrom<GridOp>(user, name);
  if (!grid)
    return user->emitOpError() << "names the grid " << name << ", which does not exist; declare it, for example "
                               << "rondo.grid " << name << " = [\"" << axis << "\" = 4]";
  if (grid.getAxisNumber(axis))
    return success();
  InFlightDiagnostic diagnostic = user->emitOpError()
                                  << "names the axis \"" << axis << "\", which grid " << name << " does not have";
  diagnostic.attachNote(grid.getLoc()) << "its axes are " << grid.getAxisNames();
  return diagnostic;
}

// rondo.grid @gpus = ["data" = 2, "seq" = ?]
ParseResult GridOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<Attribute> axisNames;
  SmallVector<int64_t> axisSizes;
  auto parseAxis = [&]() -> ParseResult {
    std::string axis;
    int64_t size = ShapedType::kDynamic;
    if (parser.parseString(&axis) || parser.parseEqual())
      return failure();
    if (failed(parser.parseOptionalQuestion()) && parser.parseInteger(size))
      return failure();
    axisNames.push_back(parser.getBuilder().getStringAttr(axis));
    axisSizes.push_back(size);
    return success();
  };
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) || parser.parseEqual() ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseAxis) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  Builder &builder = parser.getBuilder();
  result.addAttribute(getAxisNamesAttrName(result.name), builder.getArrayAttr(axisNames));
  result.addAttribute(getAxisSizesAttrName(result.name), builder.getDenseI64ArrayAttr(axisSizes));
  return success();
}

void GridOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " = [";
  llvm::interleaveComma(llvm::zip(getAxisNames(), getAxisSizes()), printer, [&](auto axis) {
    auto [name, size] = axis;
    printer << name << " = ";
    if (ShapedType::isDynamic(size))
      printer << '?';
    else
      printer << size;
  });
  printer << ']';
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getSymNameAttrName(), getAxisNamesAttrName(), getAxisSizesAttrName()});
}

LogicalResult GridOp::verify() {
  if (getAxisNames().empty()) // grid_c1
    return emitOpError("needs at least one axis, for example [\"seq\" = 4]");
  if (getAxisNames().size() != getAxisSizes().size()) // grid_c1
    return emitOpError() << "has " << getAxisNames().size() << " axis names, but " << getAxisSizes().size() << " sizes";
  llvm::StringSet<> seen;
  for (StringRef name : getAxisNames().getAsValueRange<StringAttr>()) { // grid_c1
    if (name.empty())
      return emitOpError("has an axis without a name");
    if (!seen.insert(name).second)
      return emitOpError() << "names the axis \"" << name << "\" twice";
  }
  int64_t dynamicSizes = 0, ranks = 1;
  for (auto [name, size] : llvm::zip(getAxisNames(), getAxisSizes())) {
    if (ShapedType::isDynamic(size))
      ++dynamicSizes;
    else if (size < 1) // grid_c2
      return emitOpError() << "gives axis " << name << " the size " << size << "; expected at least 1, or ?";
    else if (size > std::numeric_limits<int32_t>::max() / ranks) // grid_c2
      return emitOpError("has more than 2147483647 ranks");
    else
      ranks *= size;
  }
  if (dynamicSizes > 1) // grid_c3
    return emitOpError() << "has " << dynamicSizes
                         << " axes of size ?, but the number of ranks determines only one; give the others a size";
  return success();
}
