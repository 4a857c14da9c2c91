//===- Build.h - Compiles programs inside the fuzzer ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_BUILD_H
#define RONDO_TEST_FUZZ_BUILD_H

#include "tools/compiler/Compiler.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace rondo::fuzz {

/// Collects what is reported to a context.
class Diagnostics {
public:
  explicit Diagnostics(mlir::MLIRContext &context);
  ~Diagnostics();
  bool hasError() const { return errors; }
  const std::string &text() const { return log; }

private:
  mlir::MLIRContext &context;
  mlir::DiagnosticEngine::HandlerID handler;
  bool errors = false;
  std::string log;
};

/// A context with every dialect, without threads.
std::unique_ptr<mlir::MLIRContext> createContext();

/// Makes each pass manager check the IR after each pass by itself, so that one which leaves wrong IR is told from one
/// that refuses. `culprit` receives the pass's name.
std::function<mlir::LogicalResult(mlir::PassManager &)> watchPasses(std::string &culprit);

/// The folder of this process's temporary files; removed at its end.
const std::string &temporaryFolder();

/// Links an object with ld.lld or a compatible linker at `linker`. What a program needs of libc and libm it finds in
/// this process. Returns false, with the linker's output, on failure.
bool link(const std::string &linker, llvm::StringRef object, const std::string &path, std::string &output);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_BUILD_H
