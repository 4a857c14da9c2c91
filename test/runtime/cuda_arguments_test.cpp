// The arguments of kernels for tensors of more elements, and larger strides, than 32 bits count: nothing is launched.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/src/cuda_attend.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace {

struct Map {
  uint64_t address;
  std::vector<uint64_t> extents, strides;
};
std::vector<Map> maps;

cuda_result recordMap(rondo_tensor_map *, int, uint32_t rank, void *address, const uint64_t *extents,
                      const uint64_t *strides, const uint32_t *, const uint32_t *, int, int, int, int) {
  maps.push_back({reinterpret_cast<uint64_t>(address), {extents, extents + rank}, {strides, strides + rank - 1}});
  return CUDA_OK;
}

constexpr int64_t kKeys = 17000003, kQueries = 40000001, kFeatures = 128, kHeads = 8, kKeyHeads = 2, kGroup = 4;
constexpr uint64_t kBase = uint64_t(1) << 45;

/// [2, heads, rows, 128], contiguous.
cuda_tensor makeTensor(uint64_t address, int64_t heads, int64_t rows) {
  return {address, {2, heads, rows, kFeatures}, {heads * rows * kFeatures, rows * kFeatures, kFeatures, 1}};
}

class CudaArguments : public testing::Test {
protected:
  CudaArguments() {
    maps.clear();
    api.encode_tiled = recordMap;
    attention.query = makeTensor(kBase, kHeads, kQueries);
    attention.output = makeTensor(4 * kBase, kHeads, kQueries);
    attention.key = makeTensor(2 * kBase, kKeyHeads, kKeys);
    attention.value = makeTensor(3 * kBase, kKeyHeads, kKeys);
    attention.lse = {5 * kBase, {2, kHeads, kQueries}, {kHeads * kQueries, kQueries, 1}};
    attention.output_type = RONDO_ELEMENT_F16;
    attention.input_type = RONDO_ELEMENT_F16;
    attention.scale = 1;
    choice.splits = {3, 1000, 0};
  }

  void build() { ASSERT_EQ(cuda_attend_arguments(&api, &attention, &traits, &choice, 0, &arguments, grid), CUDA_OK); }

  cuda_api api = {};
  cuda_attention attention = {};
  rondo_kernel_traits traits = {384, 200000, 1, 2, 192, 0, 0, 1, 0, 0, 0, 0};
  rondo_attend_choice choice = {};
  rondo_attend_arguments arguments;
  unsigned grid[3] = {};
};

TEST_F(CudaArguments, OfTensorsBeyond32Bits) {
  build();
  EXPECT_EQ(arguments.output_batch_stride, 8 * 40000001LL * 128);
  EXPECT_EQ(arguments.output_head_stride, 4 * 40000001LL * 128);
  EXPECT_EQ(arguments.output_split_stride, 2 * 8 * 40000001LL * 128);
  EXPECT_EQ(arguments.lse_split_stride, 2 * 8 * 40000001LL);
  EXPECT_EQ(arguments.keys_count, 17000003);
  EXPECT_EQ(arguments.rows, 4 * 40000001);
  ASSERT_EQ(maps.size(), 3u);
  EXPECT_EQ(maps[0].extents, (std::vector<uint64_t>{128, 160000004, 1, 2, 2}));
  EXPECT_EQ(maps[0].strides[2], 4 * 40000001ULL * 128 * 2);
  EXPECT_EQ(maps[0].strides[3], 8 * 40000001ULL * 128 * 2);
  EXPECT_EQ(maps[1].extents, (std::vector<uint64_t>{128, 17000003, 2, 2}));
  EXPECT_EQ(maps[1].strides, (std::vector<uint64_t>{256, 17000003ULL * 256, 2 * 17000003ULL * 256}));
}

// Rows lie 2^33 elements apart.
TEST_F(CudaArguments, OfStridesBeyond32Bits) {
  choice.by_position = true;
  for (cuda_tensor *tensor : {&attention.query, &attention.key, &attention.value, &attention.output})
    tensor->strides[2] = int64_t(1) << 33;
  build();
  EXPECT_EQ(arguments.output_outer_stride, int64_t(1) << 33);
  EXPECT_EQ(arguments.plain_queries.strides[1], int64_t(1) << 33);
  EXPECT_EQ(arguments.plain_keys.strides[0], int64_t(1) << 33);
  EXPECT_EQ(arguments.plain_values.strides[0], int64_t(1) << 33);
  EXPECT_EQ(maps[1].strides[0], uint64_t(1) << 34);
}

// Kernels without maps, and causal ones, read these; they are the tensors of the maps.
TEST_F(CudaArguments, PlainTensorsAreAlwaysSet) {
  for (int32_t plain : {0, 1})
    for (bool byPosition : {false, true}) {
      maps.clear();
      traits.plain_loads = plain;
      choice.by_position = byPosition;
      build();
      EXPECT_EQ(maps.size(), plain ? 0u : 3u);
      EXPECT_EQ(arguments.plain_queries.address, kBase);
      EXPECT_EQ(arguments.plain_keys.address, 2 * kBase);
      EXPECT_EQ(arguments.plain_values.address, 3 * kBase);
      EXPECT_EQ(arguments.plain_queries.extents[1], byPosition ? kGroup : kGroup * kQueries);
      EXPECT_EQ(arguments.plain_queries.extents[2], byPosition ? kQueries : 1);
      EXPECT_EQ(arguments.plain_keys.extents[1], kKeys);
      EXPECT_EQ(arguments.plain_keys.strides[1], kKeys * kFeatures);
      EXPECT_EQ(arguments.plain_values.strides[2], kKeyHeads * kKeys * kFeatures);
    }
}

TEST_F(CudaArguments, OfMergesBeyond32Bits) {
  cuda_tensor output = makeTensor(kBase, 2, kQueries);
  rondo_merge_arguments merge = cuda_merge_arguments(&output, 2 * kBase, 3 * kBase, 4 * kBase, 5 * kBase, 3, true);
  EXPECT_EQ(merge.output_batch_stride, 2 * 40000001LL * 128);
  EXPECT_EQ(merge.arriving_head_stride, 40000001LL * 128);
  EXPECT_EQ(merge.rows, 4 * 40000001);
  EXPECT_EQ(merge.partial_scales, 5 * kBase);
}

} // namespace
