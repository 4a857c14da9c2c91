//===- Spmd.h - The spmd dialect ------------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One rank's program: ranks, shards of a length, and asynchronous shifts along an axis.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_DIALECT_SPMD_H
#define RONDO_DIALECT_SPMD_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir {
class PatternRewriter;
} // namespace mlir

#include "dialect/spmd/SpmdDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/spmd/SpmdTypes.h.inc"

namespace mlir::spmd {
/// All communication, and the steps that it belongs to, is ordered: every rank must do it in the same order.
struct CommunicationResource : SideEffects::Resource::Base<CommunicationResource> {
  StringRef getName() final { return "<spmd communication>"; }
};

/// How a length is cut over ranks. With block = ceil(length / ranks), rank r holds [min(r * block, length),
/// min((r + 1) * block, length)): the last shards may be shorter, or empty.
int64_t shardSize(int64_t rank, int64_t ranks, int64_t length);
int64_t shardOffset(int64_t rank, int64_t ranks, int64_t length);
int64_t shardSizeMax(int64_t ranks, int64_t length);
} // namespace mlir::spmd

#define GET_OP_CLASSES
#include "dialect/spmd/SpmdOps.h.inc"

#endif // RONDO_DIALECT_SPMD_H
