//===- run_test.cpp - The same bits each time; loopback -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

using namespace rondo::test;

namespace {
class Runs : public testing::TestWithParam<const char *> {
protected:
  AttentionProgram program(bool overlap = true) const {
    AttentionProgram program;
    program.schedule = GetParam();
    program.keyFeatures = program.valueFeatures = 32;
    program.overlap = overlap;
    return program;
  }
};
} // namespace

TEST_P(Runs, GiveTheSameBitsEachTime) {
  for (int64_t ranks : {1, 3, 8}) {
    AttentionTensors first = runAttention(program(), {61, 127, ranks, 2});
    for (int repetition = 0; repetition < 5; ++repetition) {
      AttentionTensors again = runAttention(program(), {61, 127, ranks, 2});
      EXPECT_EQ(first.output.values(), again.output.values()) << ranks << " ranks";
      EXPECT_EQ(first.lse.values(), again.lse.values()) << ranks << " ranks";
    }
  }
}

/// Overlap changes when transfers run, not what is computed; the layout changes no arithmetic either.
TEST_P(Runs, GiveTheSameBitsWithoutOverlapAndInAnyLayout) {
  for (int64_t ranks : {1, 2, 5, 8}) {
    AttentionTensors overlapped = runAttention(program(), {61, 127, ranks});
    AttentionTensors synchronous = runAttention(program(/*overlap=*/false), {61, 127, ranks});
    AttentionTensors sequenceMajor = runAttention(program(), {61, 127, ranks, 1, Layout::SequenceMajor});
    EXPECT_EQ(overlapped.output.values(), synchronous.output.values()) << ranks << " ranks";
    EXPECT_EQ(overlapped.lse.values(), synchronous.lse.values()) << ranks << " ranks";
    EXPECT_EQ(overlapped.output.values(), sequenceMajor.output.values()) << ranks << " ranks";
  }
}

/// Over a slow link every transfer is under way while ranks compute; over none it is done at once. A buffer that is
/// overwritten too early or read too early shows in one of them.
TEST_P(Runs, GiveTheSameBitsOverASlowLink) {
  AttentionProgram attention = program();
  for (int64_t ranks : {2, 3, 8}) {
    AttentionTensors fast = runAttention(attention, {61, 127, ranks}), slow(attention, {61, 127, ranks});
    run(attention.get(), "attention", bind(attention.grid, ranks), slow.inputs(attention, Layout::HeadMajor),
        slow.outputs(attention, Layout::HeadMajor), {/*latencyMicroseconds=*/2000});
    EXPECT_EQ(fast.output.values(), slow.output.values()) << ranks << " ranks";
    EXPECT_EQ(fast.lse.values(), slow.lse.values()) << ranks << " ranks";
  }
}

/// Views of whole tensors have the strides of those.
TEST_P(Runs, GiveTheSameBitsOnViewsOfWholeTensors) {
  AttentionProgram attention = program();
  for (Layout layout : {Layout::HeadMajor, Layout::SequenceMajor})
    for (int64_t ranks : {1, 4, 7}) {
      AttentionTensors shards = runAttention(attention, {61, 127, ranks, 2}), views(attention, {61, 127, ranks, 2});
      runGlobal(attention.get(), "attention", bind(attention.grid, ranks), views.inputs(attention, layout),
                views.outputs(attention, layout));
      EXPECT_EQ(shards.output.values(), views.output.values()) << ranks << " ranks";
      EXPECT_EQ(shards.lse.values(), views.lse.values()) << ranks << " ranks";
    }
}

/// All ranks against one, both without an oracle.
TEST_P(Runs, AgreeWithOneRank) {
  AttentionTensors one = runAttention(program(), {61, 127, 1});
  for (int64_t ranks = 2; ranks <= 8; ++ranks) {
    AttentionTensors several = runAttention(program(), {61, 127, ranks});
    expectNear(several.output, one.output, 2 * tolerance(Element::F32, 5), "output");
    expectEachNear(several.lse, one.lse, 2 * tolerance(Element::F32, 5), "LSE");
  }
}

/// One rank does all steps of an 8-rank program. It has only its own blocks, so its result is no result; but it writes
/// all of it, and sends what the schedule says.
TEST_P(Runs, CompleteOnTheLoopbackCommunicator) {
  for (bool overlap : {true, false})
    for (int64_t ranks : {1, 2, 8}) {
      AttentionProgram attention = program(overlap);
      AttentionTensors tensors(attention, {64, 128, ranks});
      rondo_rank_statistics statistics =
          runLoopback(attention.get(), "attention", bind(attention.grid, ranks),
                      tensors.inputs(attention, Layout::HeadMajor), tensors.outputs(attention, Layout::HeadMajor));
      int64_t queryBytes = 8 * (64 / ranks) * 32 * 4, resultBytes = 8 * (64 / ranks) * (32 * 4 + 4);
      int64_t keyBytes = 2 * 2 * (128 / ranks) * 32 * 4;
      bool circulatesQueries = std::string(GetParam()) == "query-ring";
      int64_t expected = circulatesQueries ? (ranks - 1) * queryBytes + ranks * resultBytes : (ranks - 1) * keyBytes;
      EXPECT_EQ(statistics.bytes_sent, ranks == 1 ? 0 : expected) << ranks << " ranks";
      EXPECT_GT(statistics.compute, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(, Runs, testing::Values("query-ring", "kv-ring"),
                         [](const auto &info) { return std::string(info.index ? "kv_ring" : "query_ring"); });
