//===- cases.h - Attentions that run in the emulator ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launchers, inputs and the float64 reference are those of the GPU tests; only the driver is another one.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EXECUTION_PTX_CASES_H
#define RONDO_TEST_EXECUTION_PTX_CASES_H

#include "test/gpu/Data.h"

#include <functional>
#include <iosfwd>

namespace ptx_test {

struct Shape {
  int64_t batches, heads, group, queries, keys;
  bool byPosition;
  int64_t diagonal; ///< causal kernels
  int32_t splits;   ///< kernels that write partial results
  bool arriving;    ///< likewise
};
std::ostream &operator<<(std::ostream &stream, const Shape &shape);

/// Shapes that the kernel can compute: tails of rows and of keys, grouped queries, rows that see nothing; some are the
/// same for all kernels, some are not.
std::vector<Shape> getShapes(const gpu::Kernel &kernel);

/// Kernels that overlap with others write partial results, which another kernel merges.
inline bool writesPartials(const gpu::Kernel &kernel) { return kernel.traits.dependent_launch; }

/// Whether `merge` merges what `attend` writes.
bool fits(const gpu::Kernel &merge, const gpu::Kernel &attend);
/// A kernel that merges what `attend` writes; preferably one that takes what arrives, if that is wanted. Null if there
/// is none.
const gpu::Kernel *findMerge(const std::vector<gpu::Kernel> &kernels, const gpu::Kernel &attend, bool arriving);

/// What is not usual about a run.
struct Expectation {
  std::function<void(gpu::Case &)> prepare = [](gpu::Case &) {}; ///< changes inputs
  double lseBound = 1e-4;
  bool everyColumn = false; ///< the bound of O holds for each feature by itself
};

/// Runs one shape, with `merge` if `attend` writes partial results, and compares all rows with float64. Says what is
/// wrong; nothing if it is right.
std::string runShape(const gpu::Kernel &attend, const gpu::Kernel *merge, const Shape &shape,
                     const Expectation &expectation = {});

} // namespace ptx_test

#endif // RONDO_TEST_EXECUTION_PTX_CASES_H
