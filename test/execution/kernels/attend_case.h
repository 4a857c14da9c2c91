//===- attend_case.h - One attention, its kernel, and its float64 oracle --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_KERNELS_ATTEND_CASE_H
#define RONDO_TEST_EXECUTION_KERNELS_ATTEND_CASE_H

#include "jit.h"
#include "shard.h"

#include <functional>

namespace rondo::test {

/// What is static in a kernel.
struct AttendKernel {
  Element input;
  Element output;
  int64_t keyFeatures;
  int64_t valueFeatures;
  bool causal;
};

struct AttendCase {
  AttendKernel kernel;
  Cpu cpu = hostCpu();
  int64_t batch = 1, keyHeads = 1, group = 4, queries = 16, keys = 61;
  int64_t queryStart = 0, keyStart = 0, diagonal = 0;
  Layout layout = Layout::HeadMajor;
  Flush flush = Flush::End;
  int64_t parts = 1;
  double logits = 1;                                   ///< standard deviation of the scores
  std::function<void(Shard &, Shard &, Shard &)> edit; ///< changes Q, K, V after they are filled
};

/// The kernel `attend`, compiled once for all that ask: lengths, heads and strides are dynamic.
Module &attendModule(const AttendKernel &kernel, const Cpu &cpu);

/// Runs the kernel and compares O and LSE with a dense evaluation in float64.
void checkAttend(const AttendCase &test);
/// Runs the kernel and returns all of O, then all of LSE.
std::vector<double> runAttend(const AttendCase &test);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_KERNELS_ATTEND_CASE_H
