// The processes of an MPI job that use the runtime: each is a rank and makes the same calls. Run by mpirun on 4
// processes; with --application-mpi the application has initialised MPI and hands in a communicator of its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

#include <chrono>
#include <cstring>
#include <thread>

#include <mpi.h>

using namespace rondo_test;

namespace {

bool applicationMpi = false;

/// A job's communicator, its place in it, and its shards of ring_sum's tensors.
class Job : public RingSum {
protected:
  void SetUp() override { communicator = create(); }

  Options options() const {
    Options options(0, RONDO_COMMUNICATOR_MPI);
    options.timeout_s = 20;
    options.mpi_communicator = applicationMpi ? &given : nullptr;
    return options;
  }
  Handle<rondo_communicator> create(const char *inject = nullptr, double timeout = 20) {
    Options wanted = options();
    wanted.inject = inject;
    wanted.timeout_s = timeout;
    Handle<rondo_communicator> created = makeCommunicator(context.get(), wanted);
    EXPECT_EQ(rondo_communicator_info_get(context.get(), created.get(), &info), RONDO_OK) << error();
    return created;
  }
  int64_t rows(int64_t length) const {
    int64_t block = (length + info.ranks - 1) / info.ranks, begin = std::min(info.first_rank * block, length);
    return std::min(begin + block, length) - begin;
  }
  int64_t offset(int64_t length) const {
    return std::min<int64_t>(info.first_rank * ((length + info.ranks - 1) / info.ranks), length);
  }

  /// Runs on this rank's shard of `shardRows` rows; `y` receives its shard.
  rondo_status runShard(rondo_communicator *on, Tensor<float> &x, Tensor<float> &y,
                        const rondo_program *what = nullptr) {
    const DLTensor *inputs[] = {&x.dl};
    DLTensor *outputs[] = {&y.dl};
    return rondo_run_shards(context.get(), what ? what : program.get(), nullptr, on, inputs, 1, outputs, 1);
  }
  rondo_status runRowsOfShard(int64_t shardRows) {
    Tensor<float> x({shardRows, columns}), y({shardRows, columns});
    return runShard(communicator.get(), x, y);
  }
  void expectRightShards(rondo_communicator *on, int64_t length) {
    Tensor<float> whole({length, columns});
    fill(whole);
    Tensor<float> x({rows(length), columns}), y({rows(length), columns});
    auto begin = whole.values.begin() + offset(length) * columns;
    std::copy(begin, begin + rows(length) * columns, x.values.begin());
    ASSERT_EQ(runShard(on, x, y), RONDO_OK) << error();
    std::vector<float> right = expected(whole);
    EXPECT_TRUE(std::equal(y.values.begin(), y.values.end(), right.begin() + offset(length) * columns));
  }

  MPI_Comm given = MPI_COMM_WORLD;
  rondo_communicator_info info = {};
  Handle<rondo_communicator> communicator;
};

TEST_F(Job, KnowsItsPlace) {
  EXPECT_EQ(info.ranks, 4);
  EXPECT_EQ(info.local_ranks, 1);
  EXPECT_EQ(info.failed_rank, -1);
  rondo_launch launch;
  ASSERT_EQ(rondo_launch_get(context.get(), &launch), RONDO_OK) << error();
  EXPECT_STREQ(launch.launcher, "mpirun");
  EXPECT_EQ(launch.rank, info.first_rank);
  EXPECT_EQ(launch.ranks, info.ranks);
}

TEST_F(Job, RunsOnPlacedShards) {
  for (int64_t length : {61, 0, 1, 3, 4, 5, 100, 1001})
    expectRightShards(communicator.get(), length);
}

/// Every process holds the whole tensors, and works on its part.
TEST_F(Job, RunsOnWholeTensors) {
  for (int64_t length : {61, 0, 3}) {
    Tensor<float> x({length, columns}), y({length, columns});
    fill(x);
    std::fill(y.values.begin(), y.values.end(), -1.0f);
    ASSERT_EQ(run(communicator.get(), x, y), RONDO_OK) << error();
    std::vector<float> right = expected(x);
    for (int64_t row = 0; row < length; ++row) {
      bool mine = row >= offset(length) && row < offset(length) + rows(length);
      for (int64_t column = 0; column < columns; ++column) {
        size_t at = size_t(row * columns + column);
        EXPECT_EQ(y.values[at], mine ? right[at] : -1.0f);
      }
    }
  }
}

TEST_F(Job, CountsWhatItSends) {
  expectRightShards(communicator.get(), 64);
  rondo_rank_statistics mine = statistics(communicator.get(), info.first_rank);
  EXPECT_EQ(mine.messages_sent, 3);
  EXPECT_EQ(mine.bytes_sent, 3 * 16 * rowBytes);
  rondo_rank_statistics other;
  EXPECT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), (info.first_rank + 1) % 4, &other),
            RONDO_INVALID_ARGUMENT);
}

/// Rank 0 has the events of all, on one clock: this is one host.
TEST_F(Job, GathersTraces) {
  ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK) << error();
  expectRightShards(communicator.get(), 64);
  double uncertainty = -1;
  ASSERT_EQ(rondo_trace_gather(context.get(), communicator.get(), &uncertainty), RONDO_OK) << error();
  EXPECT_EQ(uncertainty, 0);
  struct Exchange {
    int32_t rank, from;
    int64_t step, begin, end;
  };
  std::vector<Exchange> exchanges;
  auto visit = [](const rondo_trace_event *event, void *list) {
    EXPECT_GE(event->begin_ns, 0);
    if (event->kind == RONDO_TRACE_EXCHANGE)
      static_cast<std::vector<Exchange> *>(list)->push_back(
          {event->rank, event->from, event->step, event->begin_ns, event->end_ns});
  };
  ASSERT_EQ(rondo_trace_events(context.get(), communicator.get(), visit, &exchanges), RONDO_OK) << error();
  EXPECT_EQ(exchanges.size(), info.first_rank == 0 ? 4u * 3u : 3u);
  // Nothing arrives before it was sent.
  for (const Exchange &exchange : exchanges)
    for (const Exchange &other : exchanges)
      if (other.rank == exchange.from && other.step == exchange.step)
        EXPECT_GE(exchange.end, other.begin) << exchange.rank << " from " << other.rank << " in step " << exchange.step;
  EXPECT_EQ(rondo_trace_gather(context.get(), communicator.get(), nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("has been gathered already"), std::string::npos) << error();
  // A new recording begins anew; all must make one.
  if (info.first_rank != 2)
    ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK) << error();
  expectRightShards(communicator.get(), 5);
  EXPECT_EQ(rondo_trace_gather(context.get(), communicator.get(), nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("has been gathered already"), std::string::npos) << error();
  expectRightShards(communicator.get(), 5);
}

TEST_F(Job, NoTraceOfOneRank) {
  if (info.first_rank != 2)
    ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK) << error();
  expectRightShards(communicator.get(), 5);
  EXPECT_EQ(rondo_trace_gather(context.get(), communicator.get(), nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "rank 2 has recorded no trace: call rondo_trace_enable on every process");
  expectRightShards(communicator.get(), 5);
}

TEST_F(Job, Gathers) {
  std::vector<int32_t> all(8, -1);
  int32_t mine[] = {info.first_rank, info.first_rank * info.first_rank};
  ASSERT_EQ(rondo_communicator_all_gather(context.get(), communicator.get(), mine, sizeof mine, all.data()), RONDO_OK);
  EXPECT_EQ(all, (std::vector<int32_t>{0, 0, 1, 1, 2, 4, 3, 9}));
  ASSERT_EQ(rondo_communicator_all_gather(context.get(), communicator.get(), nullptr, 0, nullptr), RONDO_OK);

  std::vector<char> data(size_t(info.first_rank) * 1000000 + 3, char('a' + info.first_rank));
  std::vector<std::vector<char>> room;
  std::vector<void *> places;
  std::vector<size_t> sizes;
  for (size_t rank = 0; rank < 4; ++rank) {
    room.emplace_back(rank * 1000000 + 3);
    places.push_back(room.back().data());
    sizes.push_back(room.back().size());
  }
  ASSERT_EQ(rondo_communicator_gather(context.get(), communicator.get(), data.data(), data.size(), places.data(),
                                      sizes.data()),
            RONDO_OK)
      << error();
  for (size_t rank = 0; info.first_rank == 0 && rank < 4; ++rank)
    EXPECT_EQ(room[rank], std::vector<char>(sizes[rank], char('a' + rank)));
}

/* ---- Ranks that differ: an error on all of them, and the communicator serves the next run ---- */

TEST_F(Job, DifferentLengths) {
  EXPECT_EQ(runRowsOfShard(info.first_rank == 1 ? 24 : 25), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(),
            "rank 1: input 'x' (dimension 0) is 24, but the shards of most ranks are blocks of 25: with blocks "
            "of that size only the last shards may be shorter");
  EXPECT_EQ(runRowsOfShard(info.first_rank == 3 ? 50 : 25), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(),
            "rank 3: input 'x' (dimension 0) is 50, but the shards of most ranks are blocks of 25: with blocks "
            "of that size only the last shards may be shorter");
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, DifferentWholeLengths) {
  EXPECT_EQ(runRows(communicator.get(), info.first_rank == 2 ? 60 : 61), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the ranks differ: length s0 (dimension 0 of x) is 60 on rank 2, but most ranks, such as 0, have "
                     "61: run the same program with the same lengths and options on every rank");
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, DifferentPrograms) {
  Handle<rondo_program> other = loadFixture(context.get(), "ring_sum_again");
  Tensor<float> x({4, columns}), y({4, columns});
  EXPECT_EQ(runShard(communicator.get(), x, y, info.first_rank == 0 ? other.get() : nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("the ranks differ: digest of the program's file is "), std::string::npos) << error();
  EXPECT_NE(error().find(" on rank 0, but most ranks, such as 1, have "), std::string::npos) << error();
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, DifferentCalls) {
  Tensor<float> x({info.first_rank == 2 ? 16 : 4, columns}), y({info.first_rank == 2 ? 16 : 4, columns});
  EXPECT_EQ(info.first_rank == 2 ? run(communicator.get(), x, y) : runShard(communicator.get(), x, y),
            RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("call is rondo_run on rank 2, but most ranks, such as 0, have rondo_run_shards"),
            std::string::npos)
      << error();
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, AWrongTensorOnOneRank) {
  Tensor<float> x({4, columns}), y({4, columns});
  if (info.first_rank == 3)
    x.dl.dtype.bits = 16;
  EXPECT_EQ(runShard(communicator.get(), x, y), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error().substr(0, 45), "rank 3: input 'x' has DLPack type (code 2, 16");
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, DifferentSizesOfAnAllGather) {
  char data[8] = {}, all[32];
  EXPECT_EQ(rondo_communicator_all_gather(context.get(), communicator.get(), data, info.first_rank == 2 ? 8 : 4, all),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "rank 2 gives 8 bytes to an all-gather, but rank 0 gives 4");
}

/// Calls that do not fit together end the communicator; with all processes alive another one can be made.
TEST_F(Job, DifferentKindsOfCalls) {
  char data[4] = {}, all[16];
  Tensor<float> x({4, columns}), y({4, columns});
  rondo_status status = info.first_rank == 1
                            ? rondo_communicator_all_gather(context.get(), communicator.get(), data, 4, all)
                            : runShard(communicator.get(), x, y);
  EXPECT_EQ(status, RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("every rank must make the same calls in the same order"), std::string::npos) << error();
  EXPECT_EQ(runShard(communicator.get(), x, y), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error().substr(0, 36), "the communicator has failed before (");
  communicator.reset();
  communicator = create();
  expectRightShards(communicator.get(), 61);
}

/* ---- Failures of one rank ---- */

TEST_F(Job, AFailureReachesAll) {
  communicator = create("fail@2,accumulate,1");
  EXPECT_EQ(runRowsOfShard(16), RONDO_RANK_FAILED);
  EXPECT_EQ(error(), "rank 2 failed in 'accumulate' in step 1 (injected)");
  ASSERT_EQ(rondo_communicator_info_get(context.get(), communicator.get(), &info), RONDO_OK);
  EXPECT_EQ(info.failed_rank, 2);
  communicator.reset();
  communicator = create();
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, AStallTimesOut) {
  communicator = create("stall@1,block,1", 0.5);
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(runRowsOfShard(16), RONDO_TIMED_OUT);
  EXPECT_NE(error().find("rank 1"), std::string::npos) << error();
  EXPECT_NE(error().find("'block'"), std::string::npos) << error();
  EXPECT_NE(error().find("step 1 within 0.5 s"), std::string::npos) << error();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

/// A slow rank is no silent one: its neighbours wait for it longer than the time-out.
TEST_F(Job, ALateRankIsAwaited) {
  communicator = create(nullptr, 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(info.first_rank == 2 ? 700 : 0));
  expectRightShards(communicator.get(), 61);
}

TEST_F(Job, AnInjectionThatMeetsNothing) {
  communicator = create("fail@3,accumulate,17");
  EXPECT_EQ(runRowsOfShard(16), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(),
            "rank 3: the injection 'fail@3,accumulate,17' met nothing: rank 3 of 'ring_sum' has no 'accumulate' in "
            "step 17");
}

/* ---- Options ---- */

TEST_F(Job, WrongOptions) {
  auto expectError = [&](const Options &wrong, const std::string &text) {
    rondo_communicator *none = nullptr;
    EXPECT_EQ(rondo_communicator_create(context.get(), &wrong, &none), RONDO_INVALID_ARGUMENT);
    EXPECT_EQ(none, nullptr);
    EXPECT_EQ(error(), text);
  };
  Options wrong = options();
  wrong.ranks = 3;
  expectError(wrong, "a communicator of 3 ranks, but MPI has 4 processes, each of which is a rank: start as many by "
                     "mpirun or srun, or give 0 to take what there is");
  wrong = options();
  wrong.link_gb_per_s = 1;
  expectError(wrong, "an emulated link between processes: only the threads and loopback communicators have one");
  wrong = options();
  wrong.kind = RONDO_COMMUNICATOR_THREADS;
  wrong.ranks = 2;
  wrong.mpi_communicator = &given;
  expectError(wrong, "an MPI communicator was given, but the kind is neither RONDO_COMMUNICATOR_MPI nor _NCCL");
}

/// Half of the processes, in another order.
TEST_F(Job, TheApplicationsCommunicator) {
  int rank = info.first_rank;
  MPI_Comm half;
  ASSERT_EQ(MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half), MPI_SUCCESS);
  Options wanted = options();
  wanted.mpi_communicator = &half;
  Handle<rondo_communicator> other = makeCommunicator(context.get(), wanted);
  ASSERT_EQ(rondo_communicator_info_get(context.get(), other.get(), &info), RONDO_OK);
  EXPECT_EQ(info.ranks, 2);
  EXPECT_EQ(info.first_rank, rank < 2);
  expectRightShards(other.get(), 61);
  other.reset();
  MPI_Comm_free(&half);
}

} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  applicationMpi = argc > 1 && std::strcmp(argv[1], "--application-mpi") == 0;
  int provided;
  if (applicationMpi)
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  int result = RUN_ALL_TESTS();
  if (applicationMpi)
    MPI_Finalize();
  return result;
}
