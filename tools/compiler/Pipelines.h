//===- Pipelines.h - The passes of a compilation, in order ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that says which passes turn which level of a program into the next. The tools and the C API share it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TOOLS_COMPILER_PIPELINES_H
#define RONDO_TOOLS_COMPILER_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <optional>
#include <string>

namespace mlir::rondo {

/// The levels of a program, from what users write to what a machine loads.
enum class Level {
  Rondo,        // global program, every sharding explicit
  Spmd,         // one rank's program on tensors, its transfers overlapped
  Exec,         // work on streams, on memrefs, in an arena
  Llvm,         // the LLVM dialect
  Object,       // an object file
  SharedObject, // a program
  Ptx,          // the CUDA kernels alone, as PTX
  Cubin,        // the same as machine code
};

struct PipelineOptions {
  std::string schedule = "auto";
  std::string homeParts = "auto"; // in which a query ring attends its home block: auto, 1, 2
  bool overlap = true;   // false: every transfer is waited for where it starts
  bool reference = true; // keep a float64 evaluation of every function, for --check
  unsigned vectorBits = 256;
  bool cuda = false;  // kernels for CUDA, not for the CPU
  std::string kernel; // CUDA kernels by hand (KernelOptions.h)
};

/// The name of a level, as in --emit.
StringRef getName(Level level);

/// The level of a module that a tool has read: the highest one of whose forms it shows a trace.
Level detectLevel(ModuleOp module);

/// Adds the passes that take a module from one level to the next, each arrow with the verifier that follows it.
void addGlobalPasses(OpPassManager &passes, const PipelineOptions &options);
void addSpmdPasses(OpPassManager &passes, const PipelineOptions &options);
void addExecPasses(OpPassManager &passes, const PipelineOptions &options);
/// CUDA only: afterwards the module's kernels must be embedded (embedKernels) before it is taken to the LLVM dialect.
void addCudaKernelPasses(OpPassManager &passes, const PipelineOptions &options);
/// The manifest must be on the module (kManifestAttr).
void addLlvmPasses(OpPassManager &passes, const PipelineOptions &options);

/// Registers `rondo-global-to-spmd` and `rondo-spmd-to-exec` for textual pipelines.
void registerPipelines();

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMPILER_PIPELINES_H
