//===- Dialect.cpp - Registration of the spmd dialect, and its type -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
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

//===--------------------------------------------------------------------------------------------------------------===//
// Attributes of functions
//===--------------------------------------------------------------------------------------------------------------===//

static bool isNonEmptyString(Attribute attribute) {
  auto text = dyn_cast<StringAttr>(attribute);
  return text && !text.empty();
}

static bool isExtent(Attribute attribute) {
  auto number = dyn_cast<IntegerAttr>(attribute);
  return (number && number.getType().isSignlessInteger(64) && number.getInt() >= 0) || isNonEmptyString(attribute);
}

/// The argument of a function that is the length `name`, other than argument `except`.
static std::optional<unsigned> findLength(FunctionOpInterface function, Attribute name, int64_t except = -1) {
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (argument != except && function.getArgAttr(argument, "spmd.length") == name)
      return argument;
  return std::nullopt;
}

static LogicalResult verifyShape(FunctionOpInterface function, Location loc, ShapedType type, Attribute attribute) {
  auto shape = dyn_cast<ArrayAttr>(attribute);
  if (!shape || !llvm::all_of(shape, isExtent) || static_cast<int64_t>(shape.size()) != type.getRank()) // program_c1
    return emitError(loc) << "'spmd.shape' should have " << type.getRank()
                          << " extents, each an i64 that is not negative or the name of a length, but is " << attribute;
  for (Attribute extent : shape)
    if (isa<StringAttr>(extent) && !findLength(function, extent)) // program_c2
      return emitError(loc) << "'spmd.shape' names the length " << extent
                            << ", but no argument of the function has it as its 'spmd.length'";
  return success();
}

LogicalResult SpmdDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argument,
                                                    NamedAttribute attribute) {
  StringRef name = attribute.getName();
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "'" << name << "' belongs on the arguments of a function";
  Location loc = function.isExternal() ? op->getLoc() : function.getArgument(argument).getLoc();
  Type type = function.getArgumentTypes()[argument];
  auto shaped = dyn_cast<ShapedType>(type);
  if ((name == "spmd.shape" || name == "spmd.output") && !(shaped && isa<RankedTensorType, MemRefType>(type)))
    return emitError(loc) << "'" << name << "' is about a ranked tensor or memref, but argument " << argument
                          << " has type " << type; // program_c1, program_c3
  if (name == "spmd.shape")
    return verifyShape(function, loc, shaped, attribute.getValue());
  if (name == "spmd.output" && !isa<UnitAttr>(attribute.getValue())) // program_c3
    return emitError(loc) << "'spmd.output' should be a unit, but is " << attribute.getValue();
  if (name != "spmd.length")
    return success();
  if (!type.isIndex() || !isNonEmptyString(attribute.getValue())) // program_c2
    return emitError(loc) << "'spmd.length' should be the name of an argument of type index, but is "
                          << attribute.getValue() << " on one of type " << type;
  if (std::optional<unsigned> other = findLength(function, attribute.getValue(), argument)) // program_c2
    return emitError(loc) << "arguments " << *other << " and " << argument << " are both the length "
                          << attribute.getValue() << "; give each a name of its own";
  return success();
}

LogicalResult SpmdDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  bool isList = name == "spmd.schedules", isText = name == "spmd.communication_bytes" || name == "spmd.workspace_bytes";
  if ((isList || isText) && !isa<FunctionOpInterface>(op)) // program_c4
    return op->emitError() << "'" << name << "' belongs on a function, not on '" << op->getName() << "'";
  auto list = dyn_cast<ArrayAttr>(attribute.getValue());
  if (isList && !(list && llvm::all_of(list, llvm::IsaPred<StringAttr>))) // program_c4
    return op->emitError() << "'" << name << "' should be a list of strings, but is " << attribute.getValue();
  if (isText && !isa<StringAttr>(attribute.getValue())) // program_c4
    return op->emitError() << "'" << name << "' should be a string, but is " << attribute.getValue();
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Types
//===--------------------------------------------------------------------------------------------------------------===//

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
