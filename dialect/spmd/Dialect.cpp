//===- Dialect.cpp - Registration of the spmd dialect, and its type -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::spmd;

#include "dialect/spmd/SpmdDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/spmd/SpmdTypes.cpp.inc"

void SpmdDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/spmd/SpmdTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/spmd/SpmdOps.cpp.inc"
      >();
}

Operation *SpmdDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

// <1x32x?x128xf32>
Type PendingType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  if (parser.parseLess() || parser.parseDimensionList(shape) || parser.parseType(elementType) || parser.parseGreater())
    return {};
  return get(parser.getContext(), shape, elementType);
}

void PendingType::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << (getShape().empty() ? "" : "x") << getElementType() << '>';
}

#define GET_OP_CLASSES
#include "dialect/spmd/SpmdOps.cpp.inc"
