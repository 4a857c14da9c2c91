//===- Pipeline.cpp - From kernels to the LLVM dialect --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cpu/Pipeline.h"

llvm::StringRef mlir::rondo::cpu::getBranchesPipeline() {
  // bf16 has no arithmetic of its own on most CPUs, and LLVM would call a library for its conversions: so it is
  // computed in float32 and converted by integer operations, before anything reaches LLVM.
  return "func.func(convert-linalg-to-loops,"
         "math-extend-to-supported-types{extra-types=f16 target-type=f32},"
         "arith-emulate-unsupported-floats{source-types=bf16 target-type=f32},"
         "arith-expand{include-bf16=true}),"
         "convert-vector-to-scf,lower-affine,canonicalize,cse,convert-scf-to-cf";
}

llvm::StringRef mlir::rondo::cpu::getLlvmPipeline() {
  return "expand-strided-metadata,lower-affine,arith-expand,convert-math-to-llvm,convert-math-to-libm,"
         "convert-vector-to-llvm,convert-index-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,"
         "convert-cf-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts,canonicalize,cse";
}
