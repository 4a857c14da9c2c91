//===- lengths_test.cpp - One binary at many lengths and numbers of ranks; programs of static shape -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace rondo::test;

namespace {
using Choice = std::pair<const char *, Mask>;
constexpr Choice choices[] = {{"query-ring", Mask::None},
                              {"query-ring", Mask::BottomRight},
                              {"kv-ring", Mask::None},
                              {"kv-ring", Mask::TopLeft},
                              {"auto", Mask::None}};

class Lengths : public testing::TestWithParam<Choice> {
protected:
  static AttentionProgram makeProgram(const Choice &choice) {
    AttentionProgram program;
    std::tie(program.schedule, program.mask) = choice;
    program.heads = 4;
    program.keyHeads = 1;
    program.keyFeatures = program.valueFeatures = 16;
    return program;
  }

  static void SetUpTestSuite() {
    std::vector<AttentionProgram> programs;
    for (const Choice &choice : choices)
      programs.push_back(makeProgram(choice));
    compileAhead(programs);
  }
};
} // namespace

/// Lengths of one row, fewer rows than ranks, primes, none at all; on every number of ranks from 1 to 8.
TEST_P(Lengths, AreBoundAtRunTime) {
  const std::pair<int64_t, int64_t> lengths[] = {{1, 1},    {1, 61}, {61, 1}, {2, 3},    {5, 7},    {7, 5},  {13, 127},
                                                 {127, 13}, {8, 64}, {64, 8}, {257, 31}, {31, 257}, {0, 17}, {17, 0}};
  int turn = 0;
  for (int64_t ranks = 1; ranks <= 8; ++ranks)
    for (auto [queries, keys] : lengths) {
      checkAttention(makeProgram(GetParam()),
                     {queries, keys, ranks, 1 + turn % 3, turn % 2 ? Layout::SequenceMajor : Layout::HeadMajor});
      ++turn;
    }
}

INSTANTIATE_TEST_SUITE_P(, Lengths, testing::ValuesIn(choices), [](const auto &info) {
  std::string name = info.param.first;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (info.param.second == Mask::None ? "" : "_causal");
});

/// Everything is known when the program is compiled, and no length divides by the number of ranks.
TEST(StaticShape, Agrees) {
  for (const char *schedule : {"query-ring", "kv-ring"})
    for (auto [queries, keys, ranks] : {std::tuple{61, 1601, 4}, {3, 5, 8}}) {
      AttentionProgram program;
      program.schedule = schedule;
      program.grid = {{"seq", ranks}};
      program.batch = 1;
      program.queries = queries;
      program.keys = keys;
      program.lse = false;
      checkAttention(program, {queries, keys, ranks});
    }
}

/// Lengths are static, the number of ranks is not.
TEST(StaticShape, AgreesOnAnyNumberOfRanks) {
  AttentionProgram program;
  program.batch = 2;
  program.queries = 13;
  program.keys = 29;
  program.mask = Mask::BottomRight;
  for (int64_t ranks = 1; ranks <= 8; ++ranks)
    checkAttention(program, {13, 29, ranks, 2});
}

/// Code for other processors than this one, and a scale of one's own.
TEST(PortableTarget, Agrees) {
  AttentionProgram program;
  program.cpu = "x86-64-v3";
  program.scale = -0.3125;
  program.keyFeatures = 80;
  checkAttention(program, {37, 101, 3, 1, Layout::SequenceMajor});
}
