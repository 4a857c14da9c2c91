//===- Merge.h - The kernel for sm_90a that merges partial results --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Combines the partial results that splits of the keys gave, and one that arrives from another rank; cuda_abi.h
// describes what it is launched with. It is bound by memory.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_MERGE_H
#define RONDO_CODEGEN_KERNELS_MERGE_H

#include "codegen/kernels/ElementFormat.h"
#include "runtime/include/rondo/cuda_abi.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>

namespace mlir::rondo::cuda {

struct MergeConfiguration {
  ElementFormat partial = ElementFormat::F16; ///< of the partial results
  ElementFormat output = ElementFormat::BF16;
  std::optional<ElementFormat> arriving; ///< of the one that arrives, if there is one
  int64_t features = 128;                ///< of V and O; up to 256
  int64_t unroll = 8;                    ///< partial results that are loaded at once
  bool dependentLaunch = false;
};

/// Says what is wrong with a configuration; empty if nothing is.
std::string getMergeError(const MergeConfiguration &configuration);
std::string getMergeName(const MergeConfiguration &configuration);
rondo_kernel_traits getMergeTraits(const MergeConfiguration &configuration);

/// Adds the kernel to a gpu.module. The configuration has no error.
void emitMerge(Operation *gpuModule, const MergeConfiguration &configuration);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_MERGE_H
