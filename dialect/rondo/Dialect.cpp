//===- Dialect.cpp - Registration of the rondo dialect --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::rondo;

#include "dialect/rondo/RondoDialect.cpp.inc"
#include "dialect/rondo/RondoInterfaces.cpp.inc"

void RondoDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialect/rondo/RondoOps.cpp.inc"
      >();
}

/// Verifies that `sharding`, of the value that `what` names, fits the value's type and the grids in scope of `op`.
static LogicalResult verifySharding(Operation *op, Location loc, const Twine &what, Type type, Attribute attribute) {
  auto sharding = dyn_cast<ShardingAttr>(attribute);
  if (!sharding)
    return emitError(loc) << "expected a #rondo.sharding on " << what << ", but got " << attribute;
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !isa<RankedTensorType, MemRefType>(type)) // sharding_c4
    return emitError(loc) << "sharding on " << what << " needs a ranked tensor, but its type is " << type;
  if (sharding.getRank() != shaped.getRank()) // sharding_c3
    return emitError(loc) << "sharding of " << what << " has " << sharding.getRank() << " dimensions, but its type "
                          << type << " has " << shaped.getRank();
  GridOp grid = GridOp::lookup(op, sharding.getGrid());
  if (!grid) // sharding_c2
    return emitError(loc) << "sharding of " << what << " names the grid " << sharding.getGrid()
                          << ", which does not exist; declare it, for example rondo.grid " << sharding.getGrid()
                          << " = [\"seq\" = 4]";
  for (int64_t dim = 0; dim < sharding.getRank(); ++dim)
    for (StringRef axis : sharding.getAxes(dim))
      if (!grid.getAxisNumber(axis)) { // sharding_c2
        InFlightDiagnostic diagnostic = emitError(loc) << "sharding of " << what << " names the axis \"" << axis
                                                       << "\", which grid " << sharding.getGrid() << " does not have";
        diagnostic.attachNote(grid.getLoc()) << "its axes are " << grid.getAxisNames();
        return diagnostic;
      }
  return success();
}

static LogicalResult emitUnknownAttribute(Location loc, const Twine &what, NamedAttribute attribute) {
  return emitError(loc) << "unknown attribute '" << attribute.getName().strref() << "' on " << what << "; expected '"
                        << RondoDialect::kShardingAttr << "'";
}

LogicalResult RondoDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argument,
                                                     NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function) // sharding_c4
    return op->emitError() << "'" << attribute.getName().strref() << "' belongs on the arguments of a function";
  Location loc = function.isExternal() ? op->getLoc() : function.getArgument(argument).getLoc();
  std::string what = ("argument " + Twine(argument)).str();
  if (attribute.getName() != kShardingAttr)
    return emitUnknownAttribute(loc, what, attribute);
  return verifySharding(op, loc, what, function.getArgumentTypes()[argument], attribute.getValue());
}

LogicalResult RondoDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned result,
                                                        NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function) // sharding_c4
    return op->emitError() << "'" << attribute.getName().strref() << "' belongs on the results of a function";
  std::string what = ("result " + Twine(result)).str();
  if (attribute.getName() != kShardingAttr)
    return emitUnknownAttribute(op->getLoc(), what, attribute);
  return verifySharding(op, op->getLoc(), what, function.getResultTypes()[result], attribute.getValue());
}

/// Verifies the shardings of an op's results.
static LogicalResult verifyShardings(Operation *op, Attribute attribute) {
  auto shardings = dyn_cast<ArrayAttr>(attribute);
  if (!shardings || shardings.size() != op->getNumResults())
    return op->emitError() << "expected '" << RondoDialect::kShardingsAttr << "' to have one entry for each of "
                           << op->getNumResults() << " results, but got " << attribute;
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    Attribute sharding = shardings[number];
    if (isa<UnitAttr>(sharding) && !isa<RankedTensorType>(result.getType()))
      continue;
    if (failed(verifySharding(op, op->getLoc(), "result " + Twine(number), result.getType(), sharding)))
      return failure();
  }
  return success();
}

LogicalResult RondoDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == kShardingAttr) // sharding_c4
    return op->emitError() << "'" << kShardingAttr << "' belongs on the arguments and results of a function, not on '"
                           << op->getName() << "'";
  if (attribute.getName() == kShardingsAttr)
    return verifyShardings(op, attribute.getValue());
  if (attribute.getName() == kReferenceAttr && !isa<FunctionOpInterface>(op))
    return op->emitError() << "'" << kReferenceAttr << "' belongs on a function, not on '" << op->getName() << "'";
  return success();
}
