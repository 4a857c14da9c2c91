//===- ProgramKernels.h - The CUDA kernels of a program -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All kernels of a program are in one gpu.module: attention and merges as declarations with their configuration, the
// others as functions with a linalg op. From its text follows the code, so that it serves as the key of a cache.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_PROGRAMKERNELS_H
#define RONDO_CODEGEN_KERNELS_PROGRAMKERNELS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::rondo::cuda {

/// The name of the gpu.module.
inline constexpr StringLiteral kProgramKernels = "rondo_kernels";

/// The attribute of a declaration that holds its AttendKernelAttr or MergeKernelAttr.
inline constexpr StringLiteral kConfigurationAttr = "rondo.configuration";

enum class ImageKind { Ptx, Cubin };

struct ImageOptions {
  ImageKind kind = ImageKind::Cubin;
  std::string ptxas; ///< its path; empty: look for it
};

/// Generates the code of the kernels that rondo-lower-kernels-cuda collected in `module`: PTX, or machine code for
/// sm_90a. It comes from the cache if it is there. `module` stays as it is.
FailureOr<std::string> createImage(ModuleOp module, const ImageOptions &options);

/// Replaces the gpu.module by constants: its image, and the rondo_cuda_code that describes it.
LogicalResult embedKernels(ModuleOp module, const ImageOptions &options);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_PROGRAMKERNELS_H
