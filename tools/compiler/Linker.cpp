//===- Linker.cpp - Makes a program of an object file ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/Compiler.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

FailureOr<std::string> rondo::findLinker(Location loc, StringRef linker) {
  if (!linker.empty()) {
    if (auto found = llvm::sys::findProgramByName(linker))
      return *found;
    return emitError(loc) << "cannot find the linker '" << linker
                          << "'; expected the name or path of a C compiler driver, such as gcc";
  }
  for (StringRef candidate : {"cc", "gcc", "clang"})
    if (auto found = llvm::sys::findProgramByName(candidate))
      return *found;
  return emitError(loc) << "no linker to write the program: none of cc, gcc, clang is in PATH; install one, name one "
                           "with --linker, or stop at --emit=obj";
}

LogicalResult rondo::linkProgram(Location loc, StringRef driver, StringRef objectPath, StringRef programPath,
                                 StringRef logPath) {
  // Undefined symbols are errors: a program needs libc and libm alone. No build identifier or path enters the file.
  SmallVector<StringRef> arguments{
      driver,        "-shared",         "-nostartfiles",       "-o", programPath, objectPath, "-lm",
      "-Wl,-z,defs", "-Wl,--as-needed", "-Wl,--build-id=none", "-s"};
  std::optional<StringRef> redirects[] = {std::nullopt, logPath, logPath};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(driver, arguments, std::nullopt, redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  auto log = llvm::MemoryBuffer::getFile(logPath);
  uint64_t size = 0;
  bool isWritten = !llvm::sys::fs::file_size(programPath, size) && size > 0;
  if (status == 0 && isWritten)
    return success();
  InFlightDiagnostic diagnostic = emitError(loc) << "linking with '" << driver << "' failed: ";
  if (!message.empty())
    diagnostic << message;
  else if (status != 0)
    diagnostic << "it ended with status " << status;
  else
    diagnostic << "it wrote no program";
  if (log && !(*log)->getBuffer().empty())
    diagnostic.attachNote() << (*log)->getBuffer().trim();
  return diagnostic;
}
