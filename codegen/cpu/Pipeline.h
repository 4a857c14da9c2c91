//===- Pipeline.h - From kernels to the LLVM dialect ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The upstream passes between ours and LLVM, as text for parsePassPipeline on a module.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_PIPELINE_H
#define RONDO_CODEGEN_CPU_PIPELINE_H

#include "llvm/ADT/StringRef.h"

namespace mlir::rondo::cpu {

/// Loops, vectors and structured control flow to blocks and branches; host code is lowered there, since a failed call
/// of the runtime leaves its function by a branch.
llvm::StringRef getBranchesPipeline();

/// The rest of the way to the LLVM dialect.
llvm::StringRef getLlvmPipeline();

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_PIPELINE_H
