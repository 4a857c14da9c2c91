//===- semantics_test.cpp - Large logits, NaNs, infinities, and rows that see no key --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace rondo::test;

namespace {
/// Each test runs under both rings and on several numbers of ranks.
class Semantics : public testing::TestWithParam<const char *> {
protected:
  static AttentionProgram makeProgram(const char *schedule, Mask mask) {
    AttentionProgram program;
    program.schedule = schedule;
    program.heads = 4;
    program.keyHeads = 2;
    program.keyFeatures = program.valueFeatures = 32;
    program.mask = mask;
    return program;
  }

  static void SetUpTestSuite() {
    std::vector<AttentionProgram> programs;
    for (const char *schedule : {"query-ring", "kv-ring"})
      for (Mask mask : {Mask::None, Mask::TopLeft, Mask::BottomRight})
        programs.push_back(makeProgram(schedule, mask));
    compileAhead(programs);
  }

  void checkOnSomeRanks(Mask mask, AttentionCase test) const {
    for (int64_t ranks : {1, 2, 3, 4, 7}) {
      test.ranks = ranks;
      test.layout = ranks % 2 ? Layout::HeadMajor : Layout::SequenceMajor;
      checkAttention(makeProgram(GetParam(), mask), test);
    }
  }
};
} // namespace

TEST_P(Semantics, LargeLogitsStayExact) {
  AttentionCase test{13, 61, 1};
  test.logits = 30;
  checkOnSomeRanks(Mask::None, test);
  checkOnSomeRanks(Mask::BottomRight, test);
}

/// A running maximum that began at 0 would add a phantom key of weight exp(10).
TEST_P(Semantics, LogitsAllAboutMinusTenGainNoPhantomKey) {
  AttentionCase test{13, 29, 1};
  test.edit = [](Global &query, Global &key, Global &) {
    double magnitude = std::sqrt(10 / std::sqrt(32.0));
    for (double &element : query.values())
      element = rounded(Element::F32, magnitude * (1 + element / 100));
    for (double &element : key.values())
      element = rounded(Element::F32, -magnitude * (1 + element / 100));
  };
  checkOnSomeRanks(Mask::None, test);
}

/// top_left: the keys beyond the last query are seen by nobody; bottom_right: the first queries see no key, and whole
/// shards of them may not.
TEST_P(Semantics, RowsThatSeeNoKeyAreEmpty) {
  for (auto [queries, keys] : {std::pair{61, 13}, {13, 61}, {64, 1}, {1, 64}, {9, 8}, {7, 0}})
    for (Mask mask : {Mask::TopLeft, Mask::BottomRight})
      checkOnSomeRanks(mask, {queries, keys, 1});
}

TEST_P(Semantics, NaNInAVisibleKeyShows) {
  for (int64_t place : {0, 17, 36}) {
    AttentionCase test{13, 37, 1};
    test.edit = [=](Global &, Global &key, Global &) { key.at({0, 1, place, 3}) = NAN; };
    checkOnSomeRanks(Mask::None, test);
    test.edit = [=](Global &, Global &, Global &value) { value.at({0, 0, place, 3}) = NAN; };
    checkOnSomeRanks(Mask::None, test);
  }
}

TEST_P(Semantics, NaNInAQueryStaysInItsRow) {
  AttentionCase test{13, 37, 1};
  test.edit = [](Global &query, Global &, Global &) { query.at({0, 2, 11, 0}) = NAN; };
  checkOnSomeRanks(Mask::None, test);
}

/// Rows that see the key give NaN, all others what they would give without it.
TEST_P(Semantics, NaNInAMaskedKeyDoesNotLeak) {
  for (Mask mask : {Mask::TopLeft, Mask::BottomRight})
    for (auto [queries, keys] : {std::pair{29, 29}, {29, 17}, {17, 29}})
      for (int64_t place : {1, 12, 16}) {
        AttentionCase test{queries, keys, 1};
        test.edit = [=](Global &, Global &key, Global &) { key.at({0, 0, place, 5}) = NAN; };
        checkOnSomeRanks(mask, test);
        test.edit = [=](Global &, Global &, Global &value) { value.at({0, 1, place, 5}) = NAN; };
        checkOnSomeRanks(mask, test);
      }
}

/// Of one key's infinity the rows make scores of either sign: +inf gives NaN, -inf no weight.
TEST_P(Semantics, InfiniteScoresGiveNaNOrNoWeight) {
  for (int64_t place : {0, 20, 36}) {
    AttentionCase test{13, 37, 1};
    test.edit = [=](Global &, Global &key, Global &) { key.at({0, 1, place, 3}) = INFINITY; };
    checkOnSomeRanks(Mask::None, test);
    checkOnSomeRanks(Mask::BottomRight, test);
  }
}

TEST_P(Semantics, RowsWhoseScoresAreAllMinusInfinityAreEmpty) {
  AttentionCase test{13, 37, 1};
  test.edit = [](Global &query, Global &key, Global &) {
    for (int64_t row = 0; row < key.size(2); ++row)
      key.at({0, 0, row, 0}) = 1;
    query.at({0, 0, 3, 0}) = -INFINITY;
    query.at({0, 1, 12, 0}) = -INFINITY;
  };
  checkOnSomeRanks(Mask::None, test);
}

/// A partial result that is empty takes no part in the merge, first or last.
TEST_P(Semantics, AShardWhoseScoresAreAllMinusInfinityHasNoWeight) {
  for (auto [first, last] : {std::pair{0, 20}, {10, 30}, {20, 37}}) {
    AttentionCase test{13, 37, 1};
    test.edit = [first = first, last = last](Global &query, Global &key, Global &) {
      for (int64_t head = 0; head < query.size(1); ++head)
        for (int64_t row = 0; row < query.size(2); ++row)
          query.at({0, head, row, 0}) = 1;
      for (int64_t row = first; row < last; ++row)
        key.at({0, 0, row, 0}) = -INFINITY;
    };
    checkOnSomeRanks(Mask::None, test);
  }
}

INSTANTIATE_TEST_SUITE_P(, Semantics, testing::Values("query-ring", "kv-ring"),
                         [](const auto &info) { return std::string(info.index ? "kv_ring" : "query_ring"); });
