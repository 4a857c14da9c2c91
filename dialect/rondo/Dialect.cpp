//===- Dialect.cpp - Registration of the rondo dialect --------------------------------------------------*- C++ -*-===//
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

/// Verifies a sharding on an argument or a result of type `type` of `op`; `what` names it.
static LogicalResult verifyShardingOn(Operation *op, const Twine &what, Type type, NamedAttribute attribute) {
  if (attribute.getName() != RondoDialect::kShardingAttr)
    return op->emitError() << "unknown attribute '" << attribute.getName() << "' on " << what << "; expected '"
                           << RondoDialect::kShardingAttr << "'";
  auto sharding = dyn_cast<ShardingAttr>(attribute.getValue());
  if (!sharding)
    return op->emitError() << "expected a #rondo.sharding on " << what << ", but got " << attribute.getValue();
  auto tensor = dyn_cast<ShapedType>(type); // a memref after bufferisation
  if (!tensor || !isa<RankedTensorType, MemRefType>(type)) // sharding_c4
    return op->emitError() << "sharding on " << what << " needs a ranked tensor, but its type is " << type;
  if (sharding.getRank() != tensor.getRank()) // sharding_c3
    return op->emitError() << "sharding of " << what << " has " << sharding.getRank() << " dimensions, but its type "
                           << type << " has " << tensor.getRank();
  GridOp grid = GridOp::lookup(op, sharding.getGrid());
  if (!grid) // sharding_c2
    return op->emitError() << "sharding of " << what << " names the grid " << sharding.getGrid()
                           << ", which does not exist; declare it, for example rondo.grid " << sharding.getGrid()
                           << " = [\"seq\" = 4]";
  for (int64_t dim = 0; dim < sharding.getRank(); ++dim)
    for (StringRef axis : sharding.getAxes(dim))
      if (!grid.getAxisNumber(axis)) { // sharding_c2
        InFlightDiagnostic diagnostic = op->emitError()
                                        << "sharding of " << what << " names the axis \"" << axis << "\", which grid "
                                        << sharding.getGrid() << " does not have";
        diagnostic.attachNote(grid.getLoc()) << "its axes are " << grid.getAxisNames();
        return diagnostic;
      }
  return success();
}

LogicalResult RondoDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argument,
                                                     NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function) // sharding_c4
    return op->emitError() << "'" << attribute.getName() << "' belongs on the arguments of a function";
  return verifyShardingOn(op, "argument " + Twine(argument), function.getArgumentTypes()[argument], attribute);
}

LogicalResult RondoDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned result,
                                                        NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function) // sharding_c4
    return op->emitError() << "'" << attribute.getName() << "' belongs on the results of a function";
  return verifyShardingOn(op, "result " + Twine(result), function.getResultTypes()[result], attribute);
}
