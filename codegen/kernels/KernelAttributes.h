//===- KernelAttributes.h - Configurations of kernels as attributes -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between the compiler's passes a kernel is described by an attribute of the rondo dialect; its generator takes a plain
// structure. They say the same.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_KERNELATTRIBUTES_H
#define RONDO_CODEGEN_KERNELS_KERNELATTRIBUTES_H

#include "codegen/kernels/Attend.h"
#include "codegen/kernels/Merge.h"
#include "dialect/rondo/Rondo.h"

namespace mlir::rondo::cuda {

AttendKernelAttr getAttribute(MLIRContext *context, const AttendConfiguration &configuration);
MergeKernelAttr getAttribute(MLIRContext *context, const MergeConfiguration &configuration);

AttendConfiguration getConfiguration(AttendKernelAttr attribute);
MergeConfiguration getConfiguration(MergeKernelAttr attribute);

/// The format of f16, bf16 or f32.
ElementFormat getFormat(Type element);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_KERNELATTRIBUTES_H
