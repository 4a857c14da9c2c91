//===- row_oracle.h - One row of dense attention in float64 ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_ROW_ORACLE_H
#define RONDO_TEST_EXECUTION_ROW_ORACLE_H

#include "test/execution/kernels/shard.h"

namespace rondo::test {

/// What attention gives for one query, by its definition, and what the error of arithmetic is measured by.
struct OracleRow {
  std::vector<double> output;
  double lse;
  double largestLogit;           ///< in magnitude, of those that are finite
  double largestProduct;         ///< the largest sum of |q| |k| behind a finite logit, scaled
  std::vector<double> magnitude; ///< the output if V were |V|
};

/// Attention of one query to the first `visible` keys. `keys` and `values` are row-major.
OracleRow attendRow(const double *query, const double *keys, const double *values, int64_t visible, int64_t features,
                    int64_t valueFeatures, double scale);

/// The relative error that is allowed: rounding to the output's element type, or float32 arithmetic, where the
/// uncertainty of large logits adds to it.
double tolerance(Element output, double largestLogit);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_ROW_ORACLE_H
