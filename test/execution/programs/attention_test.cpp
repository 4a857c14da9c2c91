//===- attention_test.cpp - Element types, heads, feature sizes, masks and schedules --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace rondo::test;

namespace {
AttentionProgram makeProgram(std::string schedule, Element element, std::pair<int64_t, int64_t> heads,
                             std::pair<int64_t, int64_t> features, Mask mask = Mask::None, bool overlap = true) {
  AttentionProgram program;
  program.schedule = std::move(schedule);
  program.element = element;
  std::tie(program.heads, program.keyHeads) = heads;
  std::tie(program.keyFeatures, program.valueFeatures) = features;
  program.mask = mask;
  program.overlap = overlap;
  // Programs with a log-sum-exp and without take turns.
  program.lse = (program.keyFeatures + program.valueFeatures) % 3 != 1;
  return program;
}

/// Every value of every property, each several times in other company.
std::vector<AttentionProgram> makePrograms() {
  using std::pair;
  constexpr Element f32 = Element::F32, f16 = Element::F16, bf16 = Element::BF16;
  pair<int64_t, int64_t> one{1, 1}, groupOf4{8, 2}, groupOf7{7, 1};
  return {
      makeProgram("query-ring", f32, one, {64, 80}, Mask::None),
      makeProgram("query-ring", f32, groupOf4, {128, 128}, Mask::TopLeft, false),
      makeProgram("query-ring", f32, groupOf7, {5, 1}, Mask::BottomRight),
      makeProgram("query-ring", f16, groupOf4, {80, 80}, Mask::BottomRight),
      makeProgram("query-ring", f16, groupOf7, {256, 64}, Mask::None, false),
      makeProgram("query-ring", bf16, groupOf7, {128, 5}, Mask::TopLeft),
      makeProgram("query-ring", bf16, one, {1, 256}, Mask::None, false),
      makeProgram("kv-ring", f32, groupOf4, {80, 128}, Mask::BottomRight, false),
      makeProgram("kv-ring", f32, groupOf7, {1, 64}, Mask::None),
      makeProgram("kv-ring", f32, one, {256, 5}, Mask::TopLeft),
      makeProgram("kv-ring", f16, one, {5, 5}, Mask::TopLeft, false),
      makeProgram("kv-ring", f16, groupOf4, {128, 1}, Mask::None),
      makeProgram("kv-ring", bf16, groupOf4, {64, 64}, Mask::BottomRight),
      makeProgram("kv-ring", bf16, groupOf7, {80, 256}, Mask::None, false),
      makeProgram("auto", f32, groupOf4, {64, 64}, Mask::None),
      makeProgram("auto", f16, groupOf7, {128, 128}, Mask::TopLeft),
      makeProgram("auto", bf16, one, {5, 80}, Mask::BottomRight, false),
  };
}

class Attention : public testing::TestWithParam<AttentionProgram> {
protected:
  static void SetUpTestSuite() { compileAhead(makePrograms()); }
};
} // namespace

/// Lengths and ranks meet in every order over all programs; layouts take turns.
TEST_P(Attention, Agrees) {
  const int64_t lengths[] = {1, 2, 3, 5, 7, 13, 16, 17, 31, 61};
  int64_t turn = 7 * GetParam().keyFeatures + GetParam().valueFeatures;
  for (int64_t ranks = 1; ranks <= 8; ++ranks, ++turn)
    checkAttention(GetParam(), {lengths[turn * 3 % 10], lengths[(turn * 7 + 4) % 10], ranks, 1 + turn / 2 % 2,
                                turn % 4 < 2 ? Layout::HeadMajor : Layout::SequenceMajor});
}

/// More queries than keys, more keys than queries; no queries, no keys, neither.
TEST_P(Attention, AgreesForUnevenLengths) {
  for (auto [queries, keys, ranks] : {std::tuple{101, 6, 3}, {6, 101, 4}, {9, 0, 2}, {0, 9, 5}, {0, 0, 3}})
    checkAttention(GetParam(), {queries, keys, ranks, 1, keys % 2 ? Layout::SequenceMajor : Layout::HeadMajor});
}

static std::string nameOf(const testing::TestParamInfo<AttentionProgram> &info) {
  const AttentionProgram &program = info.param;
  std::string text = program.schedule + "_" + name(program.element) + "_" + std::to_string(program.heads) + "_" +
                     std::to_string(program.keyHeads) + "_" + std::to_string(program.keyFeatures) + "_" +
                     std::to_string(program.valueFeatures) +
                     (program.mask == Mask::None      ? ""
                      : program.mask == Mask::TopLeft ? "_top_left"
                                                      : "_bottom_right") +
                     (program.overlap ? "" : "_no_overlap");
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}
INSTANTIATE_TEST_SUITE_P(Programs, Attention, testing::ValuesIn(makePrograms()), nameOf);
