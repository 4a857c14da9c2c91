// Binds the lengths that a program leaves open: by --length, and by the shapes of input files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_LENGTHS_H
#define RONDO_RUN_LENGTHS_H

#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/options.h"

#include <map>

namespace rondo::run {

class LengthBinder {
public:
  explicit LengthBinder(const FunctionSpec &function) : function(function) {}

  Status bindOptions(const std::vector<Named<int64_t>> &lengths);
  /// Compares the shape of the file for `tensor` with the program's, and binds the lengths that it determines.
  Status bindFile(const TensorSpec &tensor, const std::string &path, const std::vector<int64_t> &shape);
  /// An error that names them if lengths are still open.
  Status checkComplete() const;

  std::map<std::string, int64_t> lengths() const;
  /// The extents; all lengths are bound.
  std::vector<int64_t> resolve(const std::vector<Extent> &shape) const;

private:
  struct Bound {
    int64_t value;
    std::string origin; // what bound it, for errors
  };

  const FunctionSpec &function;
  std::map<std::string, Bound> bound;
};

} // namespace rondo::run
#endif // RONDO_RUN_LENGTHS_H
