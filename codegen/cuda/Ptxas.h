//===- Ptxas.h - From PTX to machine code ---------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs NVIDIA's assembler, and keeps its results in a cache.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_PTXAS_H
#define RONDO_CODEGEN_CUDA_PTXAS_H

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace mlir::rondo::cuda {

struct PtxasOptions {
  std::string path;           ///< of ptxas; empty: look for it
  std::string cacheDirectory; ///< see Cache::open
};

struct Cubin {
  std::string image;
  /// What ptxas said of it: registers, stack, barriers.
  std::string report;
};

/// Assembles PTX for sm_90a. Fails, naming the kernel, if registers are spilled, or if ptxas warns that it could not
/// keep wgmma asynchronous or ignored a register budget (C75xx): such a kernel is right, but slow. The same PTX,
/// assembled by the same ptxas, comes from the cache the next time.
FailureOr<Cubin> assemblePtx(Location loc, StringRef ptx, const PtxasOptions &options);

/// Says which ptxas would be used, and how: what its results depend on besides the PTX. Fails if there is none.
FailureOr<std::string> identifyPtxas(Location loc, const PtxasOptions &options);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_PTXAS_H
