// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/check.h"

#include "tools/rondo-run/text.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rondo::run {

constexpr size_t logSumExpDimensions = 3; // batch, head, sequence

Tolerance defaultTolerance(ElementType type, size_t dimensions, double logitBound) {
  double logitError = std::ldexp(logitBound, -24);
  switch (type) {
  case ElementType::F16:
    return {Measure::RelativeNorm, 6e-4};
  case ElementType::BF16:
    return {Measure::RelativeNorm, 4e-3};
  case ElementType::F32:
  case ElementType::F64:
    break;
  }
  if (dimensions == logSumExpDimensions)
    return {Measure::LogSumExp, 1e-5 + logitError};
  return {Measure::RelativeNorm, 4e-6 + logitError};
}

bool Comparison::passed() const {
  if (mismatches != 0 || !(error <= tolerance.bound))
    return false;
  return tolerance.measure == Measure::LogSumExp || elementError <= elementFactor * tolerance.bound;
}

/// What the best possible output is where the reference overflows the output's type: infinite.
static double representable(double reference, ElementType type) {
  if (std::fabs(reference) < overflowBound(type) || std::isnan(reference))
    return reference;
  return std::copysign(std::numeric_limits<double>::infinity(), reference);
}

/// Whether NaN and infinities are in the same places.
static bool sameKind(double output, double reference) {
  if (std::isfinite(reference))
    return std::isfinite(output);
  return std::isnan(reference) ? std::isnan(output) : output == reference;
}

namespace {

/// Euclidean norms over the elements where both are finite.
struct Norms {
  double difference = 0;
  double reference = 0;
  double rms = 0; // of the reference
};

} // namespace

static Norms norms(const HostTensor &output, const HostTensor &reference) {
  double difference = 0, square = 0;
  int64_t finite = 0;
  for (int64_t i = 0; i < output.count(); ++i) {
    double o = output.load(i), r = reference.load(i);
    if (!std::isfinite(o) || !std::isfinite(r))
      continue;
    difference += (o - r) * (o - r);
    square += r * r;
    ++finite;
  }
  return {std::sqrt(difference), std::sqrt(square), finite ? std::sqrt(square / double(finite)) : 0};
}

/// 0 / 0 is no error; anything else over 0 an infinite one.
static double ratio(double error, double scale) { return error == 0 ? 0 : error / scale; }

Comparison compare(const HostTensor &output, const HostTensor &reference, Tolerance tolerance) {
  Comparison comparison;
  comparison.tolerance = tolerance;
  Norms norm = norms(output, reference);
  double floor = tolerance.measure == Measure::LogSumExp ? 1 : norm.rms;
  for (int64_t i = 0; i < output.count(); ++i) {
    double o = output.load(i), r = representable(reference.load(i), output.type());
    if (!sameKind(o, r)) {
      if (comparison.mismatches++ == 0)
        comparison.firstMismatch = i;
      continue;
    }
    if (!std::isfinite(r))
      continue;
    double error = ratio(std::fabs(o - r), std::max(std::fabs(r), floor));
    if (error > comparison.elementError) {
      comparison.elementError = error;
      comparison.worst = i;
    }
  }
  comparison.error =
      tolerance.measure == Measure::LogSumExp ? comparison.elementError : ratio(norm.difference, norm.reference);
  return comparison;
}

std::string failureText(const Comparison &comparison, const HostTensor &output, const HostTensor &reference) {
  auto element = [&](int64_t index) {
    return concat(output.load(index), " at ", coordinatesText(output.shape(), index), ", reference ",
                  reference.load(index));
  };
  if (comparison.mismatches)
    return concat(
        comparison.mismatches, " of ", output.count(),
        " elements differ from the reference in being NaN or infinite; the first: ", element(comparison.firstMismatch));
  std::string worst = comparison.worst < 0 ? "" : concat("; the worst element: ", element(comparison.worst));
  if (!(comparison.error <= comparison.tolerance.bound))
    return concat("error ", errorText(comparison.error), " exceeds tolerance ", errorText(comparison.tolerance.bound),
                  worst);
  return concat("an element's error ", errorText(comparison.elementError), " exceeds ", elementFactor, " x tolerance ",
                errorText(comparison.tolerance.bound), worst);
}

} // namespace rondo::run
