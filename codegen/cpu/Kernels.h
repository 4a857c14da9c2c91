//===- Kernels.h - The code of kernels on CPUs ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function emits, before `op`, what `op` computes on memrefs, for part `part` of `parts` equal parts: a contiguous
// range of independent pieces of work, so that results do not depend on how many parts there are.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_KERNELS_H
#define RONDO_CODEGEN_CPU_KERNELS_H

#include "codegen/cpu/Tiles.h"
#include "dialect/rondo/Rondo.h"

#include "mlir/IR/Builders.h"

namespace mlir::rondo::cpu {

/// Which part of a kernel's work to do; both of type index.
struct WorkPart {
  Value part;
  Value parts;
};

LogicalResult emitAttend(OpBuilder &builder, AttendOp op, WorkPart work, const CpuTarget &target);
LogicalResult emitMerge(OpBuilder &builder, MergeOp op, WorkPart work, const CpuTarget &target);

/// memref.copy and linalg's ops: element-wise ones are split by rows and vectorised; any other is done by part 0 alone.
LogicalResult emitStructured(OpBuilder &builder, Operation *op, WorkPart work, const CpuTarget &target);

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_KERNELS_H
