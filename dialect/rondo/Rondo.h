//===- Rondo.h - The rondo dialect ----------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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

/// A dimension of an operand or of a result.
struct Dimension {
  Value value;
  int64_t index;
};

/// How axes may cut a group of dimensions: not at all; into ceil-div blocks; or in pairs: then the same axes cut all
/// paired groups of the op, each into equal blocks, whose number is static.
enum class Cut { Never, Blocks, Paired };

/// Dimensions of an op's operands and results that have one extent, and that the same axes must therefore shard.
struct DimensionGroup {
  StringRef name; // for errors: "batch", "query heads", ...
  Cut cut;
  SmallVector<Dimension> members;
};

/// One value of a partial state: its home, its name for traces and errors, which of its dimensions is the sequence of
/// its home, its element type, and for each of its dimensions an operand's that has the same extent.
struct PartialValue {
  Side home;
  StringRef name;
  int64_t sequenceDimension;
  Type elementType;
  SmallVector<Dimension> shape;
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
