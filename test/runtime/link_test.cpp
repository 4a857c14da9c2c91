// Emulated links and the loopback communicator. A busy machine may take longer, so times have lower bounds only.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

using namespace rondo_test;

namespace {

class Link : public RingSum {
protected:
  Options linked(int ranks, rondo_communicator_kind kind, double latency, double bandwidth) {
    Options options(ranks, kind);
    options.link_latency_us = latency;
    options.link_gb_per_s = bandwidth;
    return options;
  }
};

TEST_F(Link, TakesLatencyAndBandwidth) {
  // 3 exchanges of 64 rows of 32 bytes at 1 MB/s, each 10 ms late: 3 * (10 + 2.048) ms.
  for (auto kind : {RONDO_COMMUNICATOR_THREADS, RONDO_COMMUNICATOR_LOOPBACK}) {
    auto communicator = makeCommunicator(context.get(), linked(4, kind, 10000, 0.001));
    EXPECT_EQ(runRows(communicator.get(), 256), RONDO_OK) << error();
    rondo_rank_statistics measured = statistics(communicator.get(), 0);
    EXPECT_EQ(measured.bytes_sent, 3 * 64 * rowBytes);
    EXPECT_EQ(measured.messages_sent, 3);
    EXPECT_GE(measured.communication, 3 * 0.012048);
    EXPECT_GE(measured.total, 3 * 0.012048);
    EXPECT_GT(measured.exposed, 0);
  }
}

TEST_F(Link, LoopbackReckonsExactly) {
  auto communicator = makeCommunicator(context.get(), linked(4, RONDO_COMMUNICATOR_LOOPBACK, 1000, 0));
  EXPECT_EQ(runRows(communicator.get(), 256), RONDO_OK) << error();
  EXPECT_NEAR(statistics(communicator.get(), 0).communication, 0.003, 1e-9);
}

TEST_F(Link, LoopbackReceivesItsOwnSends) {
  auto communicator = makeCommunicator(context.get(), Options(4, RONDO_COMMUNICATOR_LOOPBACK));
  Tensor<float> x({8, columns}), y({8, columns});
  fill(x);
  ASSERT_EQ(run(communicator.get(), x, y), RONDO_OK) << error();
  // Rank 0 takes its own two rows for each block; the rows of the other ranks stay as they are.
  std::vector<float> expected(8 * columns);
  for (size_t i = 0; i < 2 * columns; ++i)
    expected[i] = x.values[i] + 4 * (x.values[i % columns] + x.values[i % columns + columns]);
  EXPECT_EQ(y.values, expected);
}

TEST_F(Link, LoopbackTakesOneShard) {
  auto communicator = makeCommunicator(context.get(), Options(4, RONDO_COMMUNICATOR_LOOPBACK));
  Tensor<float> x({2, columns}), y({2, columns});
  fill(x);
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&y.dl};
  ASSERT_EQ(rondo_run_shards(context.get(), program.get(), nullptr, communicator.get(), inputs, 1, outputs, 1),
            RONDO_OK)
      << error();
  EXPECT_EQ(y.values[0], x.values[0] + 4 * (x.values[0] + x.values[columns]));
  rondo_rank_statistics unused;
  EXPECT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), 1, &unused), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "there are no statistics of rank 1: ranks 0 to 0 run here");
}

TEST_F(Link, SlowerThanTheTimeOutIsRefusedAtOnce) {
  for (auto kind : {RONDO_COMMUNICATOR_THREADS, RONDO_COMMUNICATOR_LOOPBACK}) {
    auto communicator = makeCommunicator(context.get(), linked(2, kind, 0, 1e-9));
    EXPECT_EQ(runRows(communicator.get(), 8), RONDO_TIMED_OUT);
    EXPECT_NE(error().find("exchange 'block' with rank"), std::string::npos) << error();
    EXPECT_NE(error().find("in step 0 takes 128 s on the emulated link (128 bytes), but the time-out is 60 s"),
              std::string::npos)
        << error();
  }
}

} // namespace
