//===- Pipeline.h - From kernels to the LLVM dialect ----------------------------------------------------*- C++ -*-===//
#ifndef RONDO_CODEGEN_CPU_PIPELINE_H
#define RONDO_CODEGEN_CPU_PIPELINE_H

#include "llvm/ADT/StringRef.h"

namespace mlir::rondo::cpu {

/// The upstream passes, as text for parsePassPipeline on a module, that take lowered kernels and host code (scf, arith,
/// math, memref, vector, func, the rest of linalg) to the LLVM dialect. The code calls nothing but libc and libm.
llvm::StringRef getLoweringPipeline();

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_PIPELINE_H
