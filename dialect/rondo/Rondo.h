//===- Rondo.h - The rondo dialect ----------------------------------------------------------------------*- C++ -*-===//
//
// Attention on global tensors and on local shards, grids and shardings, and the interface by which schedules see an op.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_DIALECT_RONDO_H
#define RONDO_DIALECT_RONDO_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/rondo/RondoDialect.h.inc"
#include "dialect/rondo/RondoEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/rondo/RondoAttrs.h.inc"

namespace mlir::rondo {

/// The two sequences of an attention.
enum class Side { Query, Key };

/// One value of a partial state: its home, its name for traces and errors, and which of its dimensions is the sequence
/// of its home.
struct PartialValue {
  Side home;
  StringRef name;
  int64_t sequenceDimension;
};

/// Where a block of queries and a block of keys lie in their global sequences. All are of type index.
struct BlockPositions {
  Value queryStart;
  Value keyStart;
  Value queryLength; // global
  Value keyLength;   // global
};

} // namespace mlir::rondo

#include "dialect/rondo/RondoInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialect/rondo/RondoOps.h.inc"

#endif // RONDO_DIALECT_RONDO_H
