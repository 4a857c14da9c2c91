// Which kernel is chosen, and what none can do: no GPU, emulated or not.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/src/cuda_attend.h"

#include <gtest/gtest.h>

namespace {

constexpr rondo_kernel_traits kGrid = {384, 200000, 1, 2, 192, 0, 0, 1, 0, 0, 0, 0};
constexpr rondo_kernel_traits kPersistent = {384, 200000, 1, 2, 192, 0, 1, 0, 0, 0, 0, 0};
constexpr rondo_kernel_traits kPlain = {384, 100000, 1, 2, 64, 0, 0, 1, 0, 0, 1, 0};
constexpr int32_t kMultiprocessors = 132;

rondo_attend_facts makeFacts(int64_t group, int64_t queries, int64_t keys) {
  rondo_attend_facts facts = {};
  facts.problem = {1, 8, group, queries, keys, 128, 128, 0, false};
  facts.query_by_head = facts.result_by_head = facts.inputs_aligned = facts.output_aligned = true;
  return facts;
}

/// The persistent kernel writes results, the grid's partial ones.
struct Choice {
  explicit Choice(const rondo_attend_facts &facts, bool hasMerge = true) {
    const rondo_attend_candidate candidates[] = {{&kPersistent, true, false}, {&kGrid, false, hasMerge}};
    choice = rondo_choose_attend(&facts, candidates, 2, kMultiprocessors);
  }
  ~Choice() { rondo_free_tile_table(&choice.table); }
  rondo_attend_choice choice;
};

TEST(CudaChoice, ScaledRowsAreMerged) {
  rondo_cuda_kernel attend = {}, merge = {};
  attend.output = merge.input = RONDO_ELEMENT_F16;
  attend.traits = kGrid;
  EXPECT_TRUE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).writes_output);
  EXPECT_TRUE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).has_merge);
  EXPECT_FALSE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_BF16).writes_output);
  EXPECT_FALSE(rondo_get_attend_candidate(&attend, nullptr, RONDO_ELEMENT_F16).has_merge);
  attend.traits.scaled_rows = 1;
  EXPECT_FALSE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).writes_output);
  EXPECT_FALSE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).has_merge);
  merge.traits.scaled_rows = 1;
  EXPECT_TRUE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).has_merge);
  attend.traits.scaled_rows = 0;
  EXPECT_FALSE(rondo_get_attend_candidate(&attend, &merge, RONDO_ELEMENT_F16).has_merge);
}

TEST(CudaChoice, ManyRowsArePersistent) {
  Choice many(makeFacts(1, 8192, 8192));
  EXPECT_EQ(many.choice.candidate, 0);
  EXPECT_TRUE(many.choice.direct);
  EXPECT_NE(many.choice.table.words, nullptr);
}

TEST(CudaChoice, FewRowsAreSplit) {
  Choice few(makeFacts(4, 16, 76848));
  EXPECT_EQ(few.choice.candidate, 1);
  EXPECT_FALSE(few.choice.direct);
  EXPECT_GT(few.choice.splits.splits, 1);
  EXPECT_EQ(few.choice.table.words, nullptr);
}

TEST(CudaChoice, NoKeysNeedTheGrid) {
  Choice none(makeFacts(1, 16, 0));
  EXPECT_EQ(none.choice.candidate, 1);
  Choice alone(makeFacts(1, 16, 0), /*hasMerge=*/false);
  EXPECT_EQ(alone.choice.candidate, -1);
  EXPECT_EQ(alone.choice.refusal, RONDO_NO_KEYS);
}

TEST(CudaChoice, Packings) {
  rondo_attend_facts facts = makeFacts(4, 8192, 8192);
  EXPECT_FALSE(Choice(facts).choice.by_position);
  facts.query_by_head = false;
  EXPECT_TRUE(Choice(facts).choice.by_position);
  facts.problem.group = 65;
  Choice apart(facts);
  EXPECT_EQ(apart.choice.candidate, -1);
  EXPECT_EQ(apart.choice.refusal, RONDO_HEADS_APART);
  // Partial results are packed by head, whatever the results are.
  rondo_attend_facts results = makeFacts(65, 16, 100000);
  results.result_by_head = false;
  Choice partial(results);
  EXPECT_EQ(partial.choice.candidate, 1);
  EXPECT_FALSE(partial.choice.by_position);
}

TEST(CudaChoice, MisalignedTensors) {
  rondo_attend_facts facts = makeFacts(1, 100, 100);
  facts.inputs_aligned = false;
  EXPECT_EQ(Choice(facts).choice.refusal, RONDO_NOT_ALIGNED);
  const rondo_attend_candidate candidates[] = {{&kGrid, true, false}, {&kPlain, true, false}};
  EXPECT_EQ(rondo_choose_attend(&facts, candidates, 2, kMultiprocessors).candidate, 1);
  // O that cannot be written by rows goes through a merge.
  facts = makeFacts(1, 8192, 8192);
  facts.output_aligned = false;
  EXPECT_FALSE(Choice(facts).choice.direct);
  EXPECT_EQ(Choice(facts, /*hasMerge=*/false).choice.refusal, RONDO_NO_MERGE);
}

TEST(CudaChoice, LimitsOfTileTables) {
  auto fits = [](const rondo_attend_facts &facts) {
    Choice persistent(facts, /*hasMerge=*/false);
    return persistent.choice.candidate == 0 || persistent.choice.refusal != RONDO_TABLE_TOO_LARGE;
  };
  rondo_attend_facts heads = makeFacts(1, 300, 300);
  heads.problem.heads = 256;
  EXPECT_TRUE(fits(heads));
  heads.problem.heads = 257;
  EXPECT_FALSE(fits(heads));
  rondo_attend_facts batches = makeFacts(1, 300, 300);
  batches.problem.batches = 257;
  EXPECT_FALSE(fits(batches));
  EXPECT_TRUE(fits(makeFacts(1, 4096, int64_t(65535) * 192)));
  EXPECT_FALSE(fits(makeFacts(1, 4096, int64_t(65535) * 192 + 1)));
  rondo_attend_facts tiles = makeFacts(1, int64_t(65536) * 128 + 1, 200);
  tiles.problem.heads = 1;
  EXPECT_FALSE(fits(tiles));
}

TEST(CudaChoice, LargestCounts) {
  EXPECT_EQ(Choice(makeFacts(1, int64_t(1) << 31, 100)).choice.refusal, RONDO_TOO_LARGE);
  EXPECT_EQ(Choice(makeFacts(1, 100, int64_t(1) << 31)).choice.refusal, RONDO_TOO_LARGE);
  rondo_attend_facts grid = makeFacts(1, 1, 100);
  grid.problem.heads = 65536;
  EXPECT_EQ(Choice(grid).choice.refusal, RONDO_TOO_LARGE);
}

TEST(CudaChoice, SameLengthsSameChoice) {
  for (int64_t queries : {1, 63, 500, 3000}) {
    Choice first(makeFacts(4, queries, 5000)), second(makeFacts(4, queries, 5000));
    EXPECT_EQ(first.choice.candidate, second.choice.candidate);
    EXPECT_EQ(first.choice.splits.splits, second.choice.splits.splits);
  }
}

/// A tensor in [B, H, S, D] order.
cuda_tensor makeTensor(uint64_t address, int64_t heads, int64_t rows, int64_t headStride, int64_t rowStride) {
  return {address, {1, heads, rows, 128}, {heads * headStride, headStride, rowStride, 1}};
}

TEST(CudaAttend, Facts) {
  cuda_attention a = {};
  a.query = a.output = makeTensor(1024, 8, 10, 1280, 128);
  a.key = a.value = makeTensor(4096, 2, 10, 1280, 128);
  a.lse = {0, {1, 8, 10}, {80, 10, 1}};
  a.output_type = RONDO_ELEMENT_BF16;
  rondo_attend_facts facts = cuda_attend_facts(&a);
  EXPECT_EQ(facts.problem.group, 4);
  EXPECT_TRUE(facts.query_by_head && facts.result_by_head && facts.inputs_aligned && facts.output_aligned);
  a.query = makeTensor(1024, 8, 10, 128, 1024); // [B, S, H, D]
  EXPECT_FALSE(cuda_attend_facts(&a).query_by_head);
  a.query.sizes[2] = a.output.sizes[2] = a.lse.sizes[2] = 1; // one row: any heads are a matrix
  EXPECT_TRUE(cuda_attend_facts(&a).query_by_head);
  a.value.address += 2;
  EXPECT_FALSE(cuda_attend_facts(&a).inputs_aligned);
  char text[256];
  cuda_attend_describe_alignment(&a, text, sizeof text);
  EXPECT_STREQ(text, "value begins at address 0x1002, which is no multiple of 16");
  a.value.address -= 2;
  a.key.strides[1] = 1281;
  EXPECT_FALSE(cuda_attend_facts(&a).inputs_aligned);
  a.key.sizes[1] = a.value.sizes[1] = 1; // nobody goes by that stride
  EXPECT_TRUE(cuda_attend_facts(&a).inputs_aligned);
  a.key.strides[2] = 0;
  EXPECT_FALSE(cuda_attend_facts(&a).inputs_aligned);
}

} // namespace
