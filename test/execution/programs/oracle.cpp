//===- oracle.cpp - Dense attention in float64, and how near a result must come to it -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace rondo::test;

int64_t rondo::test::visibleKeys(Mask mask, int64_t row, int64_t queries, int64_t keys) {
  if (mask == Mask::None)
    return keys;
  int64_t diagonal = mask == Mask::TopLeft ? 0 : keys - queries;
  return std::min(std::max<int64_t>(row + diagonal + 1, 0), keys);
}

Attended rondo::test::attend(const Global &query, const Global &key, const Global &value, Mask mask, double scale) {
  int64_t batches = query.size(0), heads = query.size(1), queries = query.size(2), group = heads / key.size(1);
  if (!scale)
    scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  Attended result{Global({batches, heads, queries, value.size(3)}), Global({batches, heads, queries}), 0};
  for (int64_t batch = 0; batch < batches; ++batch)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < queries; ++row) {
        int64_t keyHead = head / group;
        OracleRow expected = attendRow(query.row({batch, head, row, 0}), key.row({batch, keyHead, 0, 0}),
                                       value.row({batch, keyHead, 0, 0}), visibleKeys(mask, row, queries, key.size(2)),
                                       query.size(3), value.size(3), scale);
        std::copy(expected.output.begin(), expected.output.end(), &result.output.at({batch, head, row, 0}));
        result.lse.at({batch, head, row}) = expected.lse;
        result.largestLogit = std::max(result.largestLogit, expected.largestLogit);
      }
  return result;
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

/// The 2-norm of a tensor's finite elements, or of their difference from another's.
static double normOf(const Global &tensor, const Global *other = nullptr) {
  double sum = 0;
  for (size_t i = 0; i < tensor.values().size(); ++i)
    if (!isSpecial(tensor.values()[i]))
      sum += std::pow(tensor.values()[i] - (other ? other->values()[i] : 0), 2);
  return std::sqrt(sum);
}

void rondo::test::expectWithin(const Global &actual, const Global &expected, double bound, const char *what) {
  if (!checkSpecialValues(actual, expected, what))
    return;
  double error = normOf(expected, &actual);
  EXPECT_LE(error, bound) << what << " has an error of norm " << error << "; expected at most " << bound
                          << ", where its own norm is " << normOf(expected);
}

void rondo::test::expectNear(const Global &actual, const Global &expected, double tolerance, const char *what) {
  expectWithin(actual, expected, tolerance * normOf(expected), what);
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
