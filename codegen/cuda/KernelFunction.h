//===- KernelFunction.h - The shell of a CUDA kernel ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_CUDA_KERNELFUNCTION_H
#define RONDO_CODEGEN_CUDA_KERNELFUNCTION_H

#include "codegen/cuda/Emitter.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::rondo::cuda {

/// The kinds of parameters that cuda_abi.h uses.
enum class ParameterKind { TensorMap, PlainTensor, Pointer, I64, I32, F32, Block };

struct KernelShape {
  int64_t threads;
  int64_t cluster = 1;
  /// Registers are budgeted by hand (setmaxnreg): needs to know that one CTA fills an SM.
  bool ownsMultiprocessor = false;
  /// Of a parameter of kind Block, a structure by value.
  int64_t blockBytes = 0;
};

/// Adds an empty kernel to a gpu.module, and calls body(its parameters); `emit` is then at the start of the kernel.
void emitKernelFunction(Emitter &emit, Operation *gpuModule, StringRef name, const KernelShape &shape,
                        ArrayRef<ParameterKind> parameters, function_ref<void(ValueRange)> body);

/// The dynamic shared memory of the kernel that is being emitted, aligned to 1024 bytes.
Value emitDynamicSmem(Emitter &emit, Operation *gpuModule);

/// A gpu.module at the end of `module`.
Operation *createGpuModule(ModuleOp module, StringRef name);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_KERNELFUNCTION_H
