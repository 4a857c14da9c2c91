//===- oracle.h - Dense attention in float64, and how near a result must come to it ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_ORACLE_H
#define RONDO_TEST_EXECUTION_PROGRAMS_ORACLE_H

#include "global.h"

#include "test/execution/row_oracle.h"

namespace rondo::test {

enum class Mask { None, TopLeft, BottomRight };

/// How many of the first keys a row sees.
int64_t visibleKeys(Mask mask, int64_t row, int64_t queries, int64_t keys);

struct Attended {
  Global output, lse;
  double largestLogit; ///< in magnitude, of those that are finite
};

/// Attention of [batch, head, sequence, feature] by its definition. `scale` 0 stands for 1 / sqrt(D).
Attended attend(const Global &query, const Global &key, const Global &value, Mask mask, double scale = 0);

/// Expects NaNs and infinities at the same places, and an error (2-norm) of at most `bound` elsewhere.
void expectWithin(const Global &actual, const Global &expected, double bound, const char *what);
/// The same with a bound of `tolerance` times the norm of what is expected.
void expectNear(const Global &actual, const Global &expected, double tolerance, const char *what);
/// The same with the error of each element relative to max(1, |element|): for log-sum-exp, whose size means nothing.
void expectEachNear(const Global &actual, const Global &expected, double tolerance, const char *what);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_ORACLE_H
