//===- Run.h - An attention by some kernels, checked ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_GPU_RUN_H
#define RONDO_TEST_GPU_RUN_H

#include "test/gpu/Data.h"

namespace gpu {

/// What results may be off by: the largest absolute error of LSE, and the relative RMS error of O.
constexpr double kLseBound = 1e-4, kOutputBound = 3e-3, kHalfOutputBound = 5e-4;

/// A case that is computed by one attend kernel, and by a merge kernel if the former writes partial results.
class Run {
public:
  Run(Case &data, const Kernel &attend, const Kernel *merge, rondo_split_plan plan);

  void launch(Stream stream);
  /// Runs it on poisoned results and compares with float64. Prints a line if `verbose` or if it is wrong.
  bool check(Stream stream, const Reference &reference, bool verbose, double lseBound = kLseBound);
  bool check(Stream stream, int64_t maximalRows, bool verbose) {
    return check(stream, Reference(data, maximalRows), verbose);
  }
  std::string describe() const;
  std::string label() const { return attend.label + (merge ? "+" + merge->label : ""); }
  /// Whether O may be off by kHalfOutputBound only: there is no bf16 on either side.
  bool isHalf() const { return data.queries.format == Format::F16 && output.format == Format::F16; }
  Address getOutput() const { return output.device->address; }
  const Kernel &getAttend() const { return attend; }

  Errors errors; ///< of the last check

private:
  Case &data;
  const Kernel &attend;
  const Kernel *merge;
  rondo_split_plan plan;
  Tensor output, lse;
  std::unique_ptr<Tensor> partialOutput, partialLse, partialScales;
  std::unique_ptr<AttendLaunch> attendLaunch;
  std::unique_ptr<MergeLaunch> mergeLaunch;
};

/// A merge kernel for the partial results of `attend`, or null. If several fit, `number` chooses.
const Kernel *findMerge(const std::vector<Kernel> &kernels, const Kernel &attend, bool arriving, size_t number);

/// Kernels that overlap with others write partial results; the others write results.
inline bool writesPartials(const Kernel &kernel) { return kernel.traits.dependent_launch; }

/// 1 over the root of the features, with the kernel's sign.
double getScale(const Kernel &kernel);

/// Equal splits, as many as asked for; the last ones may be empty.
rondo_split_plan forceSplits(const rondo_attend_problem &problem, const Kernel &kernel, int64_t splits);

/// Kernels that can compute a case, each by its planned splits. Direct ones only where they fill most of the GPU.
std::vector<std::unique_ptr<Run>> getCandidates(const std::vector<Kernel> &kernels, Case &data);

} // namespace gpu

#endif // RONDO_TEST_GPU_RUN_H
