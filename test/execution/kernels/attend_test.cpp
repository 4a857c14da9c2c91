//===- attend_test.cpp - rondo.attend on CPUs against float64 -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attend_case.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

using namespace rondo::test;

/// Every feature size in every element type; lengths, groups, layouts and placements take turns, so that all values of
/// each meet.
TEST(Attend, AgreesForEveryFeatureSizeAndElementType) {
  const int64_t features[] = {1, 3, 5, 8, 16, 64, 80, 96, 128, 192, 255, 256};
  const int64_t lengths[] = {1, 2, 3, 7, 13, 16, 17, 61, 127, 257};
  const int64_t groups[] = {1, 4, 7};
  int turn = 0;
  for (Element element : {Element::F32, Element::F16, Element::BF16})
    for (int64_t size : features) {
      AttendCase test;
      test.kernel = {element, Element::F32, size, size, false};
      for (int repetition = 0; repetition < 3; ++repetition, ++turn) {
        test.group = groups[turn % 3];
        test.queries = lengths[turn * 3 % 10];
        test.keys = lengths[(turn * 7 + 4) % 10];
        test.keyHeads = 1 + turn % 2;
        test.batch = 1 + turn / 2 % 2;
        test.layout = turn % 4 < 2 ? Layout::HeadMajor : Layout::SequenceMajor;
        test.flush = turn % 2 ? Flush::Start : Flush::End;
        test.parts = 1 + turn % 3;
        checkAttend(test);
      }
    }
}

TEST(Attend, AgreesForEveryPairOfLengths) {
  const int64_t lengths[] = {0, 1, 2, 3, 7, 13, 16, 17, 61, 127, 257};
  int turn = 0;
  for (int64_t queries : lengths)
    for (int64_t keys : lengths) {
      AttendCase test;
      test.kernel = {Element::F32, Element::F32, 16, 16, false};
      test.queries = queries;
      test.keys = keys;
      test.group = turn++ % 2 ? 4 : 1;
      test.flush = turn % 2 ? Flush::Start : Flush::End;
      checkAttend(test);
    }
}

TEST(Attend, AgreesWithValuesOfAnotherFeatureSize) {
  for (auto [keyFeatures, valueFeatures] : {std::pair{64, 80}, {80, 5}, {3, 256}, {256, 33}}) {
    AttendCase test;
    test.kernel = {Element::F32, Element::F32, keyFeatures, valueFeatures, false};
    test.queries = 13;
    test.keys = 127;
    checkAttend(test);
    test.layout = Layout::SequenceMajor;
    test.flush = Flush::Start;
    checkAttend(test);
  }
}

TEST(Attend, WritesEveryElementType) {
  for (Element element : {Element::F16, Element::BF16})
    for (int64_t size : {3, 64, 96}) {
      AttendCase test;
      test.kernel = {element, element, size, size, false};
      test.keys = 61;
      checkAttend(test);
    }
}

TEST(Attend, AgreesOnPortableTarget) {
  for (Element element : {Element::F32, Element::F16, Element::BF16})
    for (int64_t size : {5, 128}) {
      AttendCase test;
      test.cpu = portableCpu();
      test.kernel = {element, element, size, size, size == 5};
      test.queries = 61;
      test.keys = 127;
      test.group = 4;
      checkAttend(test);
    }
}

TEST(Attend, HidesKeysBeyondTheDiagonal) {
  const int64_t offsets[] = {-300, -64, -17, -1, 0, 1, 5, 96, 300};
  for (auto [queries, keys] : {std::pair{17, 257}, {127, 127}, {257, 61}, {1, 1}, {16, 7}})
    for (int64_t offset : offsets)
      for (int64_t group : {1, 7}) {
        AttendCase test;
        test.kernel = {Element::F32, Element::F32, 16, 16, true};
        test.queries = queries;
        test.keys = keys;
        test.group = group;
        test.queryStart = 1000 + offset;
        test.keyStart = 1000 + keys;
        test.diagonal = keys;
        checkAttend(test);
      }
}

/// A NaN in a key or value that a row does not see leaves the row alone; in those that it sees it shows.
TEST(Attend, LetsNaNsThroughFromVisibleKeysAlone) {
  for (bool causal : {false, true})
    for (bool inValue : {false, true})
      for (int64_t place : {0, 5, 100, 126}) {
        AttendCase test;
        test.kernel = {Element::F32, Element::F32, 16, 16, causal};
        test.queries = 127;
        test.keys = 127;
        test.group = 1;
        test.edit = [=](Shard &, Shard &key, Shard &value) { (inValue ? value : key).set({0, 0, place, 3}, NAN); };
        checkAttend(test);
      }
}

TEST(Attend, GivesTheIdentityForScoresOfMinusInfinity) {
  AttendCase test;
  test.kernel = {Element::F32, Element::F32, 8, 8, false};
  test.queries = 20;
  test.keys = 127;
  test.group = 1;
  // Row 3 scores -inf everywhere: it is empty, although V holds a NaN. The other rows take the NaN.
  test.edit = [](Shard &query, Shard &key, Shard &value) {
    key.forEach([&](const std::vector<int64_t> &at) { key.set(at, at[3] < 2 ? 1 : key.get(at)); });
    for (int64_t feature = 2; feature < 8; ++feature)
      query.set({0, 0, 3, feature}, 0);
    query.set({0, 0, 3, 0}, -INFINITY);
    query.set({0, 0, 3, 1}, 0);
    value.set({0, 0, 50, 2}, NAN);
  };
  checkAttend(test);
}

TEST(Attend, GivesNaNForAScoreOfPlusInfinity) {
  AttendCase test;
  test.kernel = {Element::F32, Element::F32, 8, 8, false};
  test.queries = 20;
  test.keys = 200;
  test.group = 1;
  test.edit = [](Shard &query, Shard &key, Shard &) {
    for (int64_t row = 0; row < 20; ++row)
      query.set({0, 0, row, 0}, row == 7 ? 1 : 0);
    key.set({0, 0, 150, 0}, INFINITY); // rows other than 7 score 0 * inf, which is NaN as well
  };
  checkAttend(test);
}

TEST(Attend, AgreesForLargeLogits) {
  for (int64_t keys : {61, 1601}) {
    AttendCase test;
    test.kernel = {Element::F32, Element::F32, 128, 128, false};
    test.queries = 16;
    test.keys = keys;
    test.logits = 30;
    checkAttend(test);
  }
}

/// A key too many, of score 0, would outweigh all others here; so would a maximum that began at 0.
TEST(Attend, AgreesForLogitsAllFarBelowZero) {
  for (double logit : {-10.0, -200.0}) {
    AttendCase test;
    test.kernel = {Element::F32, Element::F32, 64, 64, false};
    test.queries = 16;
    test.keys = 61;
    test.edit = [=](Shard &query, Shard &key, Shard &) {
      query.forEach([&](const std::vector<int64_t> &at) { query.set(at, 1 + query.get(at) / 100); });
      key.forEach([&](const std::vector<int64_t> &at) { key.set(at, logit / 8 + key.get(at) / 100); });
    };
    checkAttend(test);
  }
}

/// More parts than heads cut the rows of a head finer, which must not show.
TEST(Attend, GivesTheSameBitsForAnyNumberOfParts) {
  for (auto [keyHeads, group, queries, causal] :
       {std::tuple{3, 4, 127, false}, {1, 1, 250, false}, {1, 1, 20, false}, {1, 1, 250, true}, {1, 7, 40, true}}) {
    AttendCase test;
    test.kernel = {Element::F32, Element::F32, 16, 16, causal};
    test.queries = queries;
    test.keys = 300;
    test.group = group;
    test.keyHeads = keyHeads;
    checkAttend(test);
    std::vector<double> expected = runAttend(test);
    for (int64_t parts : {2, 3, 5, 40}) {
      test.parts = parts;
      EXPECT_EQ(runAttend(test), expected) << queries << " queries, " << parts << " parts";
    }
  }
}
