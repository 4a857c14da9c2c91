// Runs on ranks that are threads: every number of ranks, every kind of shard, both streams, and what is counted.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

using namespace rondo_test;

namespace {

class Run : public RingSum {};

TEST_F(Run, EveryNumberOfRanksAndLength) {
  for (int ranks = 1; ranks <= 8; ++ranks) {
    auto communicator = makeCommunicator(context.get(), Options(ranks));
    for (int64_t length : {0, 1, 2, 7, 8, 61, 64})
      expectRightRun(communicator.get(), length);
  }
}

TEST_F(Run, ManyRanks) { expectRightRun(makeCommunicator(context.get(), Options(100)).get(), 250); }

TEST_F(Run, ManyRunsOnOneCommunicator) {
  auto communicator = makeCommunicator(context.get(), Options(3));
  for (int64_t i = 0; i < 200; ++i)
    expectRightRun(communicator.get(), i * 13 % 50);
}

TEST_F(Run, StridedTensors) {
  auto communicator = makeCommunicator(context.get(), Options(4));
  Tensor<float> x({10, columns}), wide({10, 2 * columns});
  fill(x);
  int64_t extents[] = {10, columns}, strides[] = {2 * columns, 1};
  wide.dl.shape = extents;
  wide.dl.strides = strides;
  wide.dl.byte_offset = 12;
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&wide.dl};
  ASSERT_EQ(rondo_run(context.get(), program.get(), "ring_sum", communicator.get(), inputs, 1, outputs, 1), RONDO_OK)
      << error();
  std::vector<float> expectedValues(wide.values.size()), y = expected(x);
  for (size_t row = 0; row < 10; ++row)
    for (size_t column = 0; column < columns; ++column)
      expectedValues[row * 2 * columns + column + 3] = y[row * columns + column];
  EXPECT_EQ(wide.values, expectedValues);
}

TEST_F(Run, PlacedShards) {
  auto communicator = makeCommunicator(context.get(), Options(4));
  Tensor<float> x({5, columns}), y({5, columns});
  fill(x);
  int64_t rows[] = {2, 2, 1, 0}, begin = 0;
  int64_t shapes[4][2];
  DLTensor xs[4], ys[4];
  const DLTensor *inputs[4];
  DLTensor *outputs[4];
  for (int rank = 0; rank < 4; begin += rows[rank++]) {
    shapes[rank][0] = rows[rank];
    shapes[rank][1] = columns;
    xs[rank] = x.dl;
    ys[rank] = y.dl;
    xs[rank].shape = ys[rank].shape = shapes[rank];
    xs[rank].data = rows[rank] ? &x.values[static_cast<size_t>(begin * columns)] : nullptr;
    ys[rank].data = rows[rank] ? &y.values[static_cast<size_t>(begin * columns)] : nullptr;
    inputs[rank] = &xs[rank];
    outputs[rank] = &ys[rank];
  }
  ASSERT_EQ(rondo_run_shards(context.get(), program.get(), nullptr, communicator.get(), inputs, 1, outputs, 1),
            RONDO_OK)
      << error();
  EXPECT_EQ(y.values, expected(x));
}

TEST_F(Run, Reference) {
  Tensor<double> x({9, columns}), y({9, columns});
  fill(x);
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&y.dl};
  ASSERT_EQ(rondo_run_reference(context.get(), program.get(), nullptr, inputs, 1, outputs, 1), RONDO_OK) << error();
  EXPECT_EQ(y.values, expected(x));
}

TEST_F(Run, CountsBytesAndMessages) {
  auto communicator = makeCommunicator(context.get(), Options(4));
  expectRightRun(communicator.get(), 61);
  // Blocks of 16, 16, 16 and 13 rows. Each rank sends three of them: its own, then those of its predecessors.
  const int64_t rows[] = {16 + 13 + 16, 16 + 16 + 13, 16 + 16 + 16, 13 + 16 + 16};
  for (int rank = 0; rank < 4; ++rank) {
    rondo_rank_statistics counted = statistics(communicator.get(), rank);
    EXPECT_EQ(counted.bytes_sent, rows[rank] * rowBytes) << "rank " << rank;
    EXPECT_EQ(counted.messages_sent, 3);
    EXPECT_EQ(counted.arena_bytes, (2 * 16 + 1) * rowBytes);
    EXPECT_GT(counted.total, 0);
    EXPECT_GT(counted.compute, 0);
    EXPECT_GE(counted.total, counted.compute + counted.exposed);
    EXPECT_EQ(counted.exposed_tail, 0);
  }
  expectRightRun(communicator.get(), 2);
  EXPECT_EQ(statistics(communicator.get(), 0).bytes_sent, rowBytes); // rank 3 and 2 have nothing to pass on
}

TEST_F(Run, AloneSendsNothing) {
  auto communicator = makeCommunicator(context.get(), Options(1));
  expectRightRun(communicator.get(), 5);
  EXPECT_EQ(statistics(communicator.get(), 0).bytes_sent, 0);
  EXPECT_EQ(statistics(communicator.get(), 0).messages_sent, 0);
}

class Grid2d : public testing::TestWithParam<int> {};

/// Both streams, both axes, more exchanges than the queue holds, and a kernel on the communication stream.
TEST_P(Grid2d, UsesBothStreams) {
  const int64_t ranks = GetParam(), columns = ranks / 2, length = 13;
  auto context = makeContext();
  auto program = loadFixture(context.get(), "grid2d");
  auto communicator = makeCommunicator(context.get(), Options(GetParam()));
  Tensor<uint16_t> x({length});
  Tensor<float> y({length, 4}), expected({length, 4});
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&y.dl};
  ASSERT_EQ(rondo_run(context.get(), program.get(), nullptr, communicator.get(), inputs, 1, outputs, 1), RONDO_OK)
      << rondo_last_error(context.get());
  int64_t block = (length + ranks - 1) / ranks;
  for (int64_t i = 0; i < length; ++i) {
    int64_t part = i / block, column = part / 2, row = part % 2; // "col" is the major axis of y's rows
    float *values = &expected.values[static_cast<size_t>(4 * i)];
    values[0] = static_cast<float>(row);
    values[1] = static_cast<float>(column);
    values[2] = static_cast<float>((row + 1) % 2);
    values[3] = static_cast<float>((column + 1) % columns);
  }
  EXPECT_EQ(y.values, expected.values);
  rondo_rank_statistics counted;
  ASSERT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), 0, &counted), RONDO_OK);
  EXPECT_EQ(counted.bytes_sent, 4 * (101 + (columns > 1))); // an axis of size 1 has nobody to send to
  EXPECT_GT(counted.exposed_tail, 0);
  EXPECT_GE(counted.exposed, counted.exposed_tail);
}

INSTANTIATE_TEST_SUITE_P(Ranks, Grid2d, testing::Values(2, 4, 6, 8));

TEST(Grid2dRanks, MustFit) {
  auto context = makeContext();
  auto program = loadFixture(context.get(), "grid2d");
  auto communicator = makeCommunicator(context.get(), Options(3));
  EXPECT_EQ(rondo_run(context.get(), program.get(), nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_STREQ(rondo_last_error(context.get()), "grid 'plane' ('row' = 2, 'col' = ?) needs a multiple of 2 ranks, but "
                                                "the communicator has 3: create it with such a number");
}

} // namespace
