//===- PtxEmission.h - From a gpu.module to PTX ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_CUDA_PTXEMISSION_H
#define RONDO_CODEGEN_CUDA_PTXEMISSION_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::rondo::cuda {

/// Translates the gpu.module of `module`, which must be its only operation, to PTX for sm_90a. `module` is lowered to
/// the llvm dialect on the way. The same module always gives the same text.
FailureOr<std::string> emitPtx(ModuleOp module);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_PTXEMISSION_H
