//===- OutputFile.cpp - Files that are complete or not there --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/OutputFile.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::rondo;
namespace fs = llvm::sys::fs;

static LogicalResult fail(Location loc, StringRef path, const Twine &reason) {
  return emitError(loc) << "cannot write '" << path << "': " << reason;
}

FailureOr<OutputFile> OutputFile::create(Location loc, StringRef path, bool removeOnSignal) {
  if (path.empty())
    return fail(loc, path, "expected the path of a file");
  if (fs::exists(path) && !fs::is_regular_file(path))
    return fail(loc, path, fs::is_directory(path) ? "Is a directory" : "it exists and is not a regular file");
  int descriptor = -1;
  SmallString<128> temporaryPath;
  const unsigned mode = fs::all_read | fs::all_write;
  if (std::error_code error = fs::createUniqueFile(path + ".%%%%%%.tmp", descriptor, temporaryPath, fs::OF_None, mode))
    return fail(loc, path, error.message());
  llvm::sys::Process::SafelyCloseFileDescriptor(descriptor);
  if (removeOnSignal)
    llvm::sys::RemoveFileOnSignal(temporaryPath);
  return OutputFile(loc, path, temporaryPath);
}

OutputFile::~OutputFile() {
  if (temporaryPath.empty())
    return;
  fs::remove(temporaryPath);
  llvm::sys::DontRemoveFileOnSignal(temporaryPath);
}

LogicalResult OutputFile::write(StringRef content) {
  std::error_code error;
  llvm::raw_fd_ostream stream(temporaryPath, error);
  if (!error) {
    stream << content;
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  return error ? fail(loc, path, error.message()) : success();
}

LogicalResult OutputFile::keep() {
  if (std::error_code error = fs::rename(temporaryPath, path))
    return fail(loc, path, error.message());
  llvm::sys::DontRemoveFileOnSignal(temporaryPath);
  temporaryPath.clear();
  return success();
}
