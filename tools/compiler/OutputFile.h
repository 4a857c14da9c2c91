//===- OutputFile.h - Files that are complete or not there ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TOOLS_COMPILER_OUTPUTFILE_H
#define RONDO_TOOLS_COMPILER_OUTPUTFILE_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallString.h"

namespace mlir::rondo {

/// A file that is written under a temporary name, next to `path`, and takes that name once it is complete. Errors name
/// `path` and are reported at `loc`.
class OutputFile {
public:
  /// Creates the temporary file. Fails if `path` cannot be written, or is something other than a regular file.
  /// `removeOnSignal`: an interrupt of the process removes the temporary file too. Installs signal handlers.
  static FailureOr<OutputFile> create(Location loc, StringRef path, bool removeOnSignal);
  OutputFile(OutputFile &&other) : loc(other.loc), path(other.path), temporaryPath(other.temporaryPath) {
    other.temporaryPath.clear();
  }
  /// Removes the temporary file, unless it was kept.
  ~OutputFile();

  /// Where to write, for another process too.
  StringRef getTemporaryPath() const { return temporaryPath; }
  LogicalResult write(StringRef content);
  /// Gives the file its name.
  LogicalResult keep();

private:
  OutputFile(Location loc, StringRef path, StringRef temporaryPath)
      : loc(loc), path(path), temporaryPath(temporaryPath) {}

  Location loc;
  SmallString<128> path, temporaryPath;
};

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMPILER_OUTPUTFILE_H
