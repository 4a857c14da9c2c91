//===- oracle.cpp - Dense attention in float64, and how near a result must come to it -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "oracle.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace rondo::test;

/// How many of the first keys a row sees.
static int64_t visibleKeys(Mask mask, int64_t row, int64_t queries, int64_t keys) {
  if (mask == Mask::None)
    return keys;
  int64_t diagonal = mask == Mask::TopLeft ? 0 : keys - queries;
  return std::min(std::max<int64_t>(row + diagonal + 1, 0), keys);
}

static std::vector<double> scoresOf(const double *query, const Global &key, int64_t batch, int64_t head, int64_t keys,
                                    double scale) {
  std::vector<double> scores(keys, 0.0);
  for (int64_t j = 0; j < keys; ++j) {
    const double *features = key.row({batch, head, j, 0});
    for (int64_t d = 0; d < key.size(3); ++d)
      scores[j] += query[d] * features[d];
    scores[j] *= scale;
  }
  return scores;
}

/// The largest score, and NaN if there is one.
static double largest(const std::vector<double> &scores) {
  double maximum = -INFINITY;
  for (double score : scores)
    maximum = std::isnan(score) || score > maximum ? score : maximum;
  return maximum;
}

/// Writes one row of the output and returns its log-sum-exp.
static double attendRow(const std::vector<double> &scores, const Global &value, int64_t batch, int64_t head,
                        double *output) {
  double maximum = largest(scores), sum = 0;
  if (maximum == -INFINITY)
    return -INFINITY;
  for (size_t j = 0; j < scores.size(); ++j) {
    double weight = std::exp(scores[j] - maximum);
    sum += weight;
    const double *features = value.row({batch, head, static_cast<int64_t>(j), 0});
    for (int64_t d = 0; d < value.size(3); ++d)
      output[d] += weight * features[d];
  }
  for (int64_t d = 0; d < value.size(3); ++d)
    output[d] /= sum;
  return maximum + std::log(sum);
}

Attended rondo::test::attend(const Global &query, const Global &key, const Global &value, Mask mask, double scale) {
  int64_t batches = query.size(0), heads = query.size(1), queries = query.size(2), group = heads / key.size(1);
  if (!scale)
    scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  Attended result{Global({batches, heads, queries, value.size(3)}), Global({batches, heads, queries}), 0};
  for (int64_t batch = 0; batch < batches; ++batch)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < queries; ++row) {
        std::vector<double> scores = scoresOf(query.row({batch, head, row, 0}), key, batch, head / group,
                                              visibleKeys(mask, row, queries, key.size(2)), scale);
        for (double score : scores)
          if (std::isfinite(score))
            result.largestLogit = std::max(result.largestLogit, std::fabs(score));
        result.lse.at({batch, head, row}) =
            attendRow(scores, value, batch, head / group, &result.output.at({batch, head, row, 0}));
      }
  return result;
}

double rondo::test::tolerance(Element output, double largestLogit) {
  switch (output) {
  case Element::F16:
    return 6e-4;
  case Element::BF16:
    return 4e-3;
  default:
    return 4e-6 + std::ldexp(largestLogit, -24);
  }
}

static bool isSpecial(double value) { return !std::isfinite(value); }

/// Both are NaN, or the same infinity; or neither is special.
static bool agreeOnSpecialValues(double actual, double expected) {
  if (!isSpecial(actual) && !isSpecial(expected))
    return true;
  return (std::isnan(actual) && std::isnan(expected)) || actual == expected;
}

static std::string indicesOf(const Global &global, size_t number) {
  std::string text;
  for (size_t i = global.sizes().size(); i-- > 0; number /= global.sizes()[i])
    text = std::to_string(number % global.sizes()[i]) + (text.empty() ? "" : ", ") + text;
  return "[" + text + "]";
}

/// Returns false, and says where, if the shapes or the special values differ.
static bool checkSpecialValues(const Global &actual, const Global &expected, const char *what) {
  EXPECT_EQ(actual.sizes(), expected.sizes()) << what;
  if (actual.sizes() != expected.sizes())
    return false;
  for (size_t i = 0; i < expected.values().size(); ++i)
    if (!agreeOnSpecialValues(actual.values()[i], expected.values()[i])) {
      ADD_FAILURE() << what << indicesOf(expected, i) << " is " << actual.values()[i] << "; expected "
                    << expected.values()[i];
      return false;
    }
  return true;
}

void rondo::test::expectNear(const Global &actual, const Global &expected, double tolerance, const char *what) {
  if (!checkSpecialValues(actual, expected, what))
    return;
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.values().size(); ++i)
    if (!isSpecial(expected.values()[i])) {
      error += std::pow(actual.values()[i] - expected.values()[i], 2);
      norm += std::pow(expected.values()[i], 2);
    }
  EXPECT_LE(std::sqrt(error), tolerance * std::sqrt(norm))
      << what << " has a relative error of " << std::sqrt(error / norm) << "; expected at most " << tolerance;
}

void rondo::test::expectEachNear(const Global &actual, const Global &expected, double tolerance, const char *what) {
  if (!checkSpecialValues(actual, expected, what))
    return;
  for (size_t i = 0; i < expected.values().size(); ++i) {
    double right = expected.values()[i], allowed = tolerance * std::max(1.0, std::fabs(right));
    if (!isSpecial(right) && std::fabs(actual.values()[i] - right) > allowed) {
      ADD_FAILURE() << what << indicesOf(expected, i) << " is " << actual.values()[i] << "; expected " << right
                    << " up to " << allowed;
      return;
    }
  }
}
