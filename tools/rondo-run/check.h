// Compares the outputs of a run with the dense evaluation in float64. rondo-run --help states the rules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_CHECK_H
#define RONDO_RUN_CHECK_H

#include "tools/rondo-run/tensor.h"

#include <string>

namespace rondo::run {

enum class Measure {
  RelativeNorm, // ||o - r|| / ||r||, and a looser bound on each element, so that no single wrong one hides in the norm
  LogSumExp     // the largest |o - r| / max(|r|, 1): a log-sum-exp may be near 0 by cancellation
};

/// In which measure, and within what bound, an output must agree with its reference.
struct Tolerance {
  Measure measure;
  double bound;
};

/// How much larger than the bound of the norm the error of one element may be, relative to max(|r|, rms(r)).
constexpr double elementFactor = 16;

/// The default tolerance of an output of `type` with `dimensions` dimensions, when no logit exceeds `logitBound`: in
/// f32 a logit of magnitude L is off by 2^-24 L, which is the relative error of its exponential.
Tolerance defaultTolerance(ElementType type, size_t dimensions, double logitBound);

struct Comparison {
  Tolerance tolerance;
  double error = 0;        // in the measure; over the elements where both are finite
  double elementError = 0; // the largest of a single element
  int64_t worst = -1;      // where that is; -1: nowhere
  int64_t mismatches = 0;  // elements that are NaN or infinite where the reference is not, or otherwise
  int64_t firstMismatch = -1;

  bool passed() const;
};

/// `reference` has type f64 and the shape of `output`.
Comparison compare(const HostTensor &output, const HostTensor &reference, Tolerance tolerance);

/// What is wrong, for a comparison that did not pass.
std::string failureText(const Comparison &comparison, const HostTensor &output, const HostTensor &reference);

} // namespace rondo::run
#endif // RONDO_RUN_CHECK_H
