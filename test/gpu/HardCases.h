//===- HardCases.h - Attentions that have gone wrong somewhere ------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_GPU_HARDCASES_H
#define RONDO_TEST_GPU_HARDCASES_H

#include "test/gpu/Data.h"

namespace gpu {

/// What the scores are like.
enum class Scores {
  Normal,
  Negative,   ///< all near minus the root of the features: a running maximum that starts at 0 loses them
  Positive,   ///< all near 100: exp overflows without a maximum
  Huge,       ///< of either sign, hundreds: one key takes all the weight
  Equal,      ///< all 0
  HiddenNaNs, ///< normal, and the keys that no row sees hold NaN, as do their values
};

struct HardCase {
  const char *name;
  int64_t batches, heads, group, queries, keys, diagonal;
  Scores scores;
  bool causal; ///< for causal kernels only
};

extern const HardCase kHardCases[];
extern const int kHardCaseCount;

/// The problem of a case, with the kernel's features.
rondo_attend_problem getProblem(const HardCase &hard, const Kernel &kernel, bool byPosition);

/// Overwrites the inputs so that the scores are as they shall be.
void setScores(Case &data, Scores scores);

/// What LSE may be off by: it is as exact as float32 is at the size of the scores.
double getLseBound(Scores scores);

} // namespace gpu

#endif // RONDO_TEST_GPU_HARDCASES_H
