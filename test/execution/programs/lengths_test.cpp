//===- lengths_test.cpp - One binary at many lengths and numbers of ranks; programs of static shape -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace rondo::test;

namespace {
using Choice = std::tuple<const char *, const char *, Mask>;
constexpr Choice choices[] = {{"query-ring", "1", Mask::None},    {"query-ring", "1", Mask::BottomRight},
                              {"query-ring", "2", Mask::None},    {"query-ring", "2", Mask::BottomRight},
                              {"query-ring", "2", Mask::TopLeft}, {"kv-ring", "auto", Mask::None},
                              {"kv-ring", "auto", Mask::TopLeft}, {"auto", "2", Mask::None}};

class Lengths : public testing::TestWithParam<Choice> {
protected:
  static AttentionProgram makeProgram(const Choice &choice) {
    AttentionProgram program;
    std::tie(program.schedule, program.homeParts, program.mask) = choice;
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

static std::string nameOf(const testing::TestParamInfo<Choice> &info) {
  auto [schedule, homeParts, mask] = info.param;
  std::string name = std::string(schedule) + (homeParts == std::string("2") ? "_two_home_parts" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (mask == Mask::None ? "" : mask == Mask::TopLeft ? "_top_left" : "_bottom_right");
}

INSTANTIATE_TEST_SUITE_P(, Lengths, testing::ValuesIn(choices), nameOf);

/// Everything is known when the program is compiled, and no length divides by the number of ranks.
TEST(StaticShape, Agrees) {
  for (auto [schedule, homeParts] : {std::pair("query-ring", "1"), {"query-ring", "2"}, {"kv-ring", "auto"}})
    for (auto [queries, keys, ranks] : {std::tuple{61, 1601, 4}, {3, 5, 8}}) {
      AttentionProgram program;
      program.schedule = schedule;
      program.homeParts = homeParts;
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
