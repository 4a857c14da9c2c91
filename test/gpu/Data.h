//===- Data.h - Random inputs, and attention in float64 -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_GPU_DATA_H
#define RONDO_TEST_GPU_DATA_H

#include "test/gpu/Kernels.h"

#include <functional>
#include <memory>

namespace gpu {

/// A tensor on both sides.
struct Tensor {
  Tensor(Format format, int64_t elements);

  /// Nearly normal numbers with a deviation of `deviation`; the same seed gives the same numbers.
  void fillRandom(uint64_t seed, float deviation);
  /// Normal numbers.
  void fillNormal(uint64_t seed);
  void upload();
  void download();
  double get(int64_t index) const;
  void set(int64_t index, float value);

  Format format;
  int64_t elements;
  std::vector<unsigned char> host;
  std::unique_ptr<Buffer> device;
};

/// Calls body(i) for i in [0, count) on all cores.
void parallelFor(int64_t count, const std::function<void(int64_t)> &body);

/// What inputs are drawn from: nearly normal numbers (wider for queries), or normal ones.
enum class Numbers { NearlyNormal, Normal };

/// An attention with its inputs, and what may arrive from elsewhere.
struct Case {
  Case(const rondo_attend_problem &problem, Format format, bool causal, double scale, uint64_t seed,
       Numbers numbers = Numbers::NearlyNormal);
  /// Adds partial results of other keys; some of their rows are empty.
  void addArriving(Format format, uint64_t seed);

  int64_t getRows() const { return problem.batches * problem.heads * problem.group * problem.query_count; }
  /// The index of feature 0 of row `row`, numbered in the order [B, H, S], in a tensor of the case's layout.
  int64_t getIndex(int64_t row, int64_t features) const;
  /// FLOPs of the visible pairs.
  double getFlops() const;

  rondo_attend_problem problem;
  bool causal;
  double scale;
  Tensor queries, keys, values;
  std::unique_ptr<Tensor> arrivingOutput, arrivingLse;
};

/// How far a result is from float64, over some rows.
struct Errors {
  double relativeRms = 0; // of O, where float64 is finite
  double columnRms = 0;   // the same, of the worst feature
  double lse = 0;         // largest absolute error
  int64_t wrong = 0;      // elements that are NaN or infinite where float64 is not, or the reverse, or not 0 or -inf in
                          // rows without keys
};

/// Some rows of a case, in float64.
struct Reference {
  Reference(const Case &data, int64_t maximalRows);

  struct Row {
    int64_t index; // in the order [B, H, S]
    std::vector<double> output;
    double lse;
  };
  std::vector<Row> rows;
};

Errors compare(const Case &data, const Reference &reference, const Tensor &output, const Tensor &lse);
inline Errors compare(const Case &data, const Tensor &output, const Tensor &lse, int64_t maximalRows) {
  return compare(data, Reference(data, maximalRows), output, lse);
}

} // namespace gpu

#endif // RONDO_TEST_GPU_DATA_H
