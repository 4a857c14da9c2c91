//===- row_oracle.cpp - One row of dense attention in float64 -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "row_oracle.h"

#include <cmath>

using namespace rondo::test;

/// The scaled products of a query with the first keys.
static std::vector<double> scoresOf(const double *query, const double *keys, int64_t visible, int64_t features,
                                    double scale, OracleRow &row) {
  std::vector<double> scores(visible, 0.0);
  for (int64_t j = 0; j < visible; ++j) {
    double magnitude = 0;
    for (int64_t d = 0; d < features; ++d) {
      double product = query[d] * keys[j * features + d];
      scores[j] += product;
      magnitude += std::fabs(product);
    }
    scores[j] *= scale;
    if (std::isfinite(scores[j])) {
      row.largestLogit = std::max(row.largestLogit, std::fabs(scores[j]));
      row.largestProduct = std::max(row.largestProduct, magnitude * std::fabs(scale));
    }
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

OracleRow rondo::test::attendRow(const double *query, const double *keys, const double *values, int64_t visible,
                                 int64_t features, int64_t valueFeatures, double scale) {
  std::vector<double> zeros(valueFeatures, 0.0);
  OracleRow row{zeros, -INFINITY, 0, 0, zeros};
  std::vector<double> scores = scoresOf(query, keys, visible, features, scale, row);
  double maximum = largest(scores), sum = 0;
  if (maximum == -INFINITY)
    return row;
  for (int64_t j = 0; j < visible; ++j) {
    double weight = std::exp(scores[j] - maximum);
    sum += weight;
    for (int64_t d = 0; d < valueFeatures; ++d) {
      row.output[d] += weight * values[j * valueFeatures + d];
      row.magnitude[d] += weight * std::fabs(values[j * valueFeatures + d]);
    }
  }
  for (int64_t d = 0; d < valueFeatures; ++d) {
    row.output[d] /= sum;
    row.magnitude[d] /= sum;
  }
  row.lse = maximum + std::log(sum);
  return row;
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
