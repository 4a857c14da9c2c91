//===- Elementwise.h - CUDA kernels of linalg's operations ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies, fills, conversions, sums and the like: one element of the result at a time, the next one by the next thread.
// What they are launched with: rondo/cuda_abi.h.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_ELEMENTWISE_H
#define RONDO_CODEGEN_KERNELS_ELEMENTWISE_H

#include "runtime/include/rondo/cuda_abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::rondo::cuda {

rondo_kernel_traits getElementwiseTraits();

/// Slots of 8 bytes that an argument of this type takes in the argument block: a memref is pointer, offset, sizes and
/// strides.
int64_t getSlotCount(Type type);

/// Replaces `function`, in a gpu.module, by a kernel of the same name. The function takes part and parts, which are not
/// used, and operands; its body is one linalg op on memrefs, and constants.
LogicalResult emitElementwise(func::FuncOp function);

/// Lowers the arithmetic of element-wise kernels to what PTX has, in f32 where elements are narrower. Fails at an op
/// for which CUDA's libdevice would be needed.
LogicalResult lowerElementwiseMath(ModuleOp module);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ELEMENTWISE_H
