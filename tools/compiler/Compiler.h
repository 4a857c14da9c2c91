//===- Compiler.h - From MLIR text to a program ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TOOLS_COMPILER_COMPILER_H
#define RONDO_TOOLS_COMPILER_COMPILER_H

#include "codegen/kernels/ProgramKernels.h"
#include "tools/compiler/Pipelines.h"
#include "tools/compiler/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <memory>

namespace llvm {
class TargetMachine;
}

namespace mlir::rondo {

struct CompilerOptions {
  PipelineOptions pipeline;
  std::string target = "cpu"; // or cpu:NAME, cuda:sm_90a
  std::string cpu;            // whose code the host runs; empty: see parseTarget
  cuda::ImageOptions image;   // of CUDA kernels
  std::string function;       // the only function to compile; empty: all
  std::string linker;         // the C compiler driver that links; empty: the first of cc, gcc, clang that is found
  std::function<LogicalResult(PassManager &)> configurePasses; // a tool's options, such as --mlir-print-ir-after-all
  bool removeOnSignal = false; // an interrupt removes what is half-written; installs signal handlers
};

/// Compiles programs for one target.
class Compiler {
public:
  /// Fails if the target or its CPU is unknown, or if options do not fit it, with an error at `loc`.
  static FailureOr<Compiler> create(Location loc, const CompilerOptions &options);
  ~Compiler();
  Compiler(Compiler &&);

  /// Lowers `module`, which may be at any level, to `level` if that is above its own: Llvm at most.
  LogicalResult lower(ModuleOp module, Level level);

  /// Compiles `module`, which may be at any level up to `level`, and writes the result to `output`: text, an
  /// object, or its CUDA kernels.
  LogicalResult compile(ModuleOp module, Level level, llvm::raw_pwrite_stream &output);

  /// Compiles `module` to text, an object or a program at `path`: complete, or not there.
  LogicalResult compileToFile(ModuleOp module, Level level, StringRef path);

private:
  Compiler(const CompilerOptions &options, const Target &target, std::unique_ptr<llvm::TargetMachine> machine);
  LogicalResult selectFunction(ModuleOp module);
  LogicalResult runPasses(ModuleOp module, void (*addPasses)(OpPassManager &, const PipelineOptions &));
  std::string getTargetName() const;
  LogicalResult emitKernels(ModuleOp module, Level level, llvm::raw_pwrite_stream &output);
  LogicalResult emitObject(ModuleOp module, llvm::raw_pwrite_stream &output);

  CompilerOptions options;
  Target target;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// Makes the passes report what they decided, and why: to `streamer` if that is given, and with `print` as remarks.
LogicalResult enableRemarks(MLIRContext &context,
                            std::unique_ptr<remark::detail::MLIRRemarkStreamerBase> streamer = nullptr,
                            bool print = true);

/// The path of the C compiler driver that links, by its name or path. `linker` may be empty: see CompilerOptions.
FailureOr<std::string> findLinker(Location loc, StringRef linker);

/// Links an object file into a program with a C compiler driver, whose output goes to `logPath`.
LogicalResult linkProgram(Location loc, StringRef driver, StringRef objectPath, StringRef programPath,
                          StringRef logPath);

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMPILER_COMPILER_H
