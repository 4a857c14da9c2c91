// The arithmetic of grids and shards.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/shards.h"
}

using namespace rondo_test;

namespace {

void expectShards(int64_t length, std::vector<int64_t> sizes) {
  int64_t offset = 0;
  for (size_t part = 0; part < sizes.size(); ++part) {
    shard_range shard = shard_of(length, static_cast<int64_t>(sizes.size()), static_cast<int64_t>(part));
    EXPECT_EQ(shard.offset, offset) << "part " << part << " of " << length;
    EXPECT_EQ(shard.size, sizes[part]) << "part " << part << " of " << length;
    offset += sizes[part];
  }
  EXPECT_EQ(offset, length);
}

TEST(Shards, AreCeilDivBlocks) {
  expectShards(64, {16, 16, 16, 16});
  expectShards(61, {16, 16, 16, 13});
  expectShards(5, {2, 2, 1, 0});
  expectShards(1, {1, 0, 0});
  expectShards(0, {0, 0});
  expectShards(9, {2, 2, 2, 2, 1, 0, 0, 0});
  expectShards(7, {7});
}

manifest_grid grid(std::vector<int64_t> sizes) {
  static const char *const names[] = {"a", "b", "c"};
  manifest_grid grid = {};
  grid.name = "g";
  for (int64_t size : sizes) {
    grid.axes[grid.axis_count] = {names[grid.axis_count], size};
    ++grid.axis_count;
  }
  return grid;
}

TEST(Grid, BindsItsDynamicSize) {
  auto context = makeContext();
  grid_shape shape = {};
  manifest_grid dynamic = grid({2, 0, 3});
  ASSERT_EQ(grid_bind(context.get(), &dynamic, 24, &shape), RONDO_OK);
  EXPECT_EQ(shape.sizes[1], 4);
  EXPECT_EQ(grid_bind(context.get(), &dynamic, 25, &shape), RONDO_INVALID_ARGUMENT);
  EXPECT_STREQ(rondo_last_error(context.get()), "grid 'g' ('a' = 2, 'b' = ?, 'c' = 3) needs a multiple of 6 ranks, but "
                                                "the communicator has 25: create it with such a number");
}

TEST(Grid, ChecksItsStaticSize) {
  auto context = makeContext();
  grid_shape shape = {};
  manifest_grid fixed = grid({2, 2});
  ASSERT_EQ(grid_bind(context.get(), &fixed, 4, &shape), RONDO_OK);
  EXPECT_EQ(grid_bind(context.get(), &fixed, 3, &shape), RONDO_INVALID_ARGUMENT);
  EXPECT_STREQ(
      rondo_last_error(context.get()),
      "grid 'g' ('a' = 2, 'b' = 2) needs 4 ranks, but the communicator has 3: create it with 4, or compile the "
      "program with a grid size of ?");
  manifest_grid huge = grid({INT64_MAX, 2});
  EXPECT_EQ(grid_bind(context.get(), &huge, 3, &shape), RONDO_INVALID_ARGUMENT);
  manifest_grid none = grid({});
  EXPECT_EQ(grid_bind(context.get(), &none, 1, &shape), RONDO_OK);
  EXPECT_EQ(grid_bind(context.get(), &none, 2, &shape), RONDO_INVALID_ARGUMENT);
}

TEST(Grid, NumbersRanksInRowMajorOrder) {
  grid_shape shape = {3, {2, 3, 4}};
  for (int64_t rank = 0; rank < 24; ++rank) {
    EXPECT_EQ(grid_coordinate(&shape, rank, 0), rank / 12);
    EXPECT_EQ(grid_coordinate(&shape, rank, 1), rank / 4 % 3);
    EXPECT_EQ(grid_coordinate(&shape, rank, 2), rank % 4);
  }
  EXPECT_EQ(grid_neighbour(&shape, 3, 2, 1), 0);
  EXPECT_EQ(grid_neighbour(&shape, 0, 2, -1), 3);
  EXPECT_EQ(grid_neighbour(&shape, 9, 1, 1), 1);
  EXPECT_EQ(grid_neighbour(&shape, 1, 1, -1), 9);
  EXPECT_EQ(grid_neighbour(&shape, 5, 0, 1), 17);
  EXPECT_EQ(grid_neighbour(&shape, 5, 1, -3), 5);
  EXPECT_EQ(grid_neighbour(&shape, 5, 1, 7), 9);
}

TEST(Grid, SeveralAxesShardOneDimension) {
  grid_shape shape = {3, {2, 3, 4}};
  manifest_dimension dimension = {};
  dimension.axis_count = 2;
  dimension.axes[0] = 2; // the major one
  dimension.axes[1] = 0;
  EXPECT_EQ(dimension_parts(&dimension, &shape), 8);
  EXPECT_EQ(dimension_part(&dimension, &shape, 0), 0);
  EXPECT_EQ(dimension_part(&dimension, &shape, 12), 1);
  EXPECT_EQ(dimension_part(&dimension, &shape, 3), 6);
  EXPECT_EQ(dimension_part(&dimension, &shape, 15), 7);
  int copies = 0;
  for (int64_t rank = 0; rank < 24; ++rank)
    copies += dimension_first_copy(&dimension, &shape, rank);
  EXPECT_EQ(copies, 8);
  EXPECT_FALSE(dimension_first_copy(&dimension, &shape, 4));
}

} // namespace
