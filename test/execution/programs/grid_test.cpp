//===- grid_test.cpp - Axes that shard batch and heads, several axes, replicated operands ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

using namespace rondo::test;

namespace {
class Grids : public testing::TestWithParam<const char *> {
protected:
  AttentionProgram program(Grid grid) const {
    AttentionProgram program;
    program.schedule = GetParam();
    program.keyFeatures = program.valueFeatures = 16;
    program.grid = std::move(grid);
    return program;
  }
};
} // namespace

TEST_P(Grids, ShardBatchHeadsAndSequences) {
  for (Mask mask : {Mask::None, Mask::BottomRight}) {
    AttentionProgram attention = program({{"data", 2}, {"head", 2}, {"seq", 2}});
    attention.batchAxes = {"data"};
    attention.headAxes = {"head"};
    attention.mask = mask;
    for (int64_t batch : {1, 2, 3}) // one rank of "data" may have fewer, or none
      for (auto [queries, keys] : {std::pair{13, 29}, {1, 7}, {7, 1}, {64, 64}})
        checkAttention(attention, {queries, keys, 8, batch, batch == 2 ? Layout::SequenceMajor : Layout::HeadMajor});
  }
}

/// The axis of the ring is not the fastest one, and its size is bound at run time.
TEST_P(Grids, BindOneSizeAtRunTime) {
  AttentionProgram attention = program({{"seq", 0}, {"data", 2}});
  attention.batchAxes = {"data"};
  for (int64_t ranks : {2, 4, 6, 8})
    for (auto [queries, keys, batch] : {std::tuple{13, 29, 3}, {2, 5, 2}, {31, 3, 1}})
      checkAttention(attention, {queries, keys, ranks, batch});
}

/// Static lengths and a static batch that do not divide by their axes.
TEST_P(Grids, ShardStaticShapes) {
  AttentionProgram attention = program({{"data", 2}, {"seq", 4}});
  attention.batchAxes = {"data"};
  attention.batch = 3;
  attention.queries = 13;
  attention.keys = 29;
  checkAttention(attention, {13, 29, 8, 3});
}

INSTANTIATE_TEST_SUITE_P(, Grids, testing::Values("query-ring", "kv-ring"),
                         [](const auto &info) { return std::string(info.index ? "kv_ring" : "query_ring"); });

/// The size of the batch's axis is bound, and each rank has one group of heads.
TEST(BatchAxis, IsBoundAtRunTime) {
  AttentionProgram attention;
  attention.grid = {{"head", 2}, {"data", 0}, {"seq", 2}};
  attention.batchAxes = {"data"};
  attention.headAxes = {"head"};
  for (int64_t ranks : {4, 8})
    for (int64_t batch : {1, 2, 5})
      checkAttention(attention, {13, 29, ranks, batch});
}

/// An axis that shards nothing: its ranks do the same work and come to the same bits.
TEST(UnusedAxis, GivesCopies) {
  AttentionProgram attention;
  attention.grid = {{"copy", 2}, {"seq", 0}};
  for (int64_t ranks : {2, 6})
    checkAttention(attention, {13, 29, ranks});
}

/// Heads over two axes, batch over two axes.
TEST(SeveralAxes, ShardOneDimension) {
  AttentionProgram program;
  program.keyHeads = 4;
  program.keyFeatures = program.valueFeatures = 16;
  program.grid = {{"a", 2}, {"b", 2}, {"seq", 2}};
  program.headAxes = {"b", "a"};
  checkAttention(program, {13, 29, 8});
  program.headAxes = {};
  program.batchAxes = {"b", "a"};
  checkAttention(program, {13, 29, 8, 3});
}

/// Nothing is sharded, or the queries alone: every rank has all keys, and nothing moves.
TEST(Local, NeedsNoCommunication) {
  for (Mask mask : {Mask::None, Mask::TopLeft}) {
    AttentionProgram program;
    program.schedule = "auto";
    program.mask = mask;
    program.keyFeatures = program.valueFeatures = 16;
    program.keyAxes = {};
    if (mask == Mask::None)
      program.queryAxes = {};
    for (int64_t ranks : {1, 3, 8})
      checkAttention(program, {13, 29, ranks, 2});
  }
}

/// Only batch and heads are sharded.
TEST(Local, TakesSlicesOfBatchAndHeads) {
  AttentionProgram program;
  program.schedule = "auto";
  program.keyFeatures = program.valueFeatures = 16;
  program.grid = {{"head", 2}, {"data", 0}};
  program.batchAxes = {"data"};
  program.headAxes = {"head"};
  program.queryAxes = program.keyAxes = {};
  for (int64_t ranks : {2, 4, 6})
    for (int64_t batch : {1, 2, 5})
      checkAttention(program, {13, 29, ranks, batch, Layout::SequenceMajor});
}
