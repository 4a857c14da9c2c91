//===- CudaCode.h - What a program for CUDA says of its kernels -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of rondo/cuda_abi.h: images, kernels, operations.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_HOST_CUDACODE_H
#define RONDO_CODEGEN_HOST_CUDACODE_H

#include "dialect/exec/Exec.h"

#include "mlir/IR/BuiltinOps.h"

#include "rondo/cuda_abi.h"

namespace mlir::rondo {

/// The symbol of the rondo_cuda_code, which the program's header points to.
inline constexpr StringLiteral kCudaCode = "rondo.cuda_code";

/// A kernel of the program: its name in the image, and all else that the runtime must know.
struct CudaKernel {
  std::string symbol;
  rondo_element input, output, arriving;
  rondo_kernel_traits traits;
};

/// Adds the rondo_cuda_code of a program whose kernels are all in one image: machine code, or PTX with its terminating
/// NUL.
void emitCudaCode(ModuleOp module, StringRef image, ArrayRef<CudaKernel> kernels);

/// Adds the rondo_cuda_operation `name`.
void emitCudaOperation(ModuleOp module, StringRef name, exec::CudaOperationAttr operation);

/// The number of f32, f16 or bf16.
rondo_element getElementNumber(Type type);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_CUDACODE_H
