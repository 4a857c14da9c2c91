//===- global.h - Tensors of the global program, and who holds which part of them -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_GLOBAL_H
#define RONDO_TEST_EXECUTION_PROGRAMS_GLOBAL_H

#include "test/execution/kernels/shard.h"

#include <random>

namespace rondo::test {

/// A whole tensor in float64, row-major.
class Global {
public:
  explicit Global(std::vector<int64_t> sizes, double value = 0);
  /// Normally distributed values that `element` represents exactly.
  static Global random(Element element, std::vector<int64_t> sizes, std::mt19937 &generator, double deviation = 1);

  const std::vector<int64_t> &sizes() const { return extents; }
  int64_t size(int64_t dimension) const { return extents[dimension]; }
  double &at(const std::vector<int64_t> &indices) { return elements[offset(indices)]; }
  double at(const std::vector<int64_t> &indices) const { return elements[offset(indices)]; }
  /// The elements whose last index varies, for given values of all others.
  const double *row(const std::vector<int64_t> &indices) const { return elements.data() + offset(indices); }
  std::vector<double> &values() { return elements; }
  const std::vector<double> &values() const { return elements; }

private:
  size_t offset(const std::vector<int64_t> &indices) const;

  std::vector<int64_t> extents;
  std::vector<double> elements;
};

/// The nearest value that `element` represents; of two, the even one.
double rounded(Element element, double value);

struct Axis {
  std::string name;
  int64_t size; ///< 0: bound at run time
};
using Grid = std::vector<Axis>;
/// The axes that shard each dimension, the major one first.
using Sharding = std::vector<std::vector<std::string>>;

/// The same grid with every size known.
Grid bind(Grid grid, int64_t ranks);

/// What one rank holds of a tensor.
struct Part {
  std::vector<int64_t> offsets, sizes;
};
Part partOf(const std::vector<int64_t> &sizes, const Sharding &sharding, const Grid &grid, int64_t rank);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_GLOBAL_H
