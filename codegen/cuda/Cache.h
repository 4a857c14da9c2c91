//===- Cache.h - Generated code that is kept from one compilation to the next ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_CUDA_CACHE_H
#define RONDO_CODEGEN_CUDA_CACHE_H

#include "mlir/IR/Diagnostics.h"

#include <optional>
#include <string>

namespace mlir::rondo::cuda {

/// A directory of files whose names tell what they were made from. Several processes may use it at once.
class Cache {
public:
  /// `directory`: empty for RONDO_CACHE_DIR, XDG_CACHE_HOME/rondo or ~/.cache/rondo; "none" for a cache that keeps
  /// nothing. Fails at `loc` if it cannot be created.
  static FailureOr<Cache> open(Location loc, StringRef directory);

  /// The content of a file, if it is there.
  std::optional<std::string> find(StringRef name) const;
  LogicalResult store(Location loc, StringRef name, StringRef content) const;

private:
  explicit Cache(StringRef directory) : directory(directory) {}

  std::string directory; // empty: nothing is kept
};

/// A name for what was made from `parts`.
std::string getCacheKey(ArrayRef<std::string> parts);

/// Identifies a file without reading it: a new version changes its size or its time.
std::string describeFile(StringRef path);

/// Writes under a temporary name, then renames: readers see the whole file or none.
std::error_code writeWholeFile(StringRef name, StringRef content);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_CACHE_H
