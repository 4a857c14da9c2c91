//===- Target.h - What programs are compiled for --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TOOLS_COMPILER_TARGET_H
#define RONDO_TOOLS_COMPILER_TARGET_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace mlir::rondo {

/// Kernels run on CPUs or on GPUs; host code always runs on a CPU.
struct Target {
  enum class Kind { Cpu, Cuda };

  Kind kind = Kind::Cpu;
  std::string cpu = "native"; ///< or the name of a CPU or level, such as x86-64-v3

  bool isCuda() const { return kind == Kind::Cuda; }
};

/// The target of the name `target`: cpu, cpu:NAME or cuda:sm_90a. `cpu`, if not empty, is the CPU for a target whose
/// name does not tell it; by default that is this machine's, or for CUDA one that every machine with such a GPU has.
/// Fails at `loc`.
FailureOr<Target> parseTarget(Location loc, StringRef target, StringRef cpu);

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMPILER_TARGET_H
