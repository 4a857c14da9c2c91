// Several threads a rank: the team by itself, and runs whose kernels a team shares.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

extern "C" {
#include "runtime/src/team.h"
}

#include <atomic>
#include <chrono>
#include <thread>

using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

// With and without spinning: the tests must not depend on the number of processors.
class Team : public testing::TestWithParam<bool> {
protected:
  struct Destroy {
    void operator()(team *team) const { team_destroy(team); }
  };
  std::unique_ptr<team, Destroy> make(int threads) {
    team *made = nullptr;
    EXPECT_EQ(team_create(threads, GetParam(), &made), 0);
    return std::unique_ptr<team, Destroy>(made);
  }
};

struct Counts {
  std::vector<std::atomic<int>> ofParts;
  std::atomic<int> underway{0};
  explicit Counts(int parts) : ofParts(static_cast<size_t>(parts)) {}
};

void countPart(int64_t part, int64_t parts, const void *opaque) {
  auto &counts = *static_cast<Counts *const *>(opaque);
  EXPECT_EQ(parts, static_cast<int64_t>(counts->ofParts.size()));
  ++counts->ofParts[static_cast<size_t>(part)];
}

/// Returns when every part has begun, which takes a thread for each.
void meet(int64_t, int64_t parts, const void *opaque) {
  auto &counts = *static_cast<Counts *const *>(opaque);
  ++counts->underway;
  while (counts->underway < parts)
    std::this_thread::yield();
}

TEST_P(Team, RunsEveryPartOfEveryJobOnce) {
  for (int threads : {1, 2, 3, 8}) {
    auto team = make(threads);
    Counts counts(threads);
    Counts *argument = &counts;
    for (int job = 1; job <= 2000; ++job) {
      team_run(team.get(), countPart, &argument);
      for (const std::atomic<int> &count : counts.ofParts)
        ASSERT_EQ(count, job) << threads << " threads";
    }
  }
}

TEST_P(Team, RunsThePartsAtTheSameTime) {
  for (int threads : {2, 5}) {
    auto team = make(threads);
    for (int job = 0; job < 20; ++job) {
      Counts counts(threads);
      Counts *argument = &counts;
      team_run(team.get(), meet, &argument);
      EXPECT_EQ(counts.underway, threads);
    }
  }
}

TEST_P(Team, SleepsBetweenJobs) {
  auto team = make(4);
  Counts counts(4);
  Counts *argument = &counts;
  team_run(team.get(), countPart, &argument);
  std::this_thread::sleep_for(50ms); // the helpers go to sleep
  int64_t before = team_processor_time(team.get());
  std::this_thread::sleep_for(200ms);
  EXPECT_LT(team_processor_time(team.get()) - before, 1000000);
  team_run(team.get(), countPart, &argument);
  EXPECT_EQ(counts.ofParts[3], 2);
}

TEST_P(Team, MayEndWithoutAJob) {
  for (int i = 0; i < 20; ++i)
    make(3);
}

INSTANTIATE_TEST_SUITE_P(Spinning, Team, testing::Bool());

class Threads : public RingSum {
protected:
  static Options options(int ranks, int threads) {
    Options options(ranks);
    options.threads_per_rank = threads;
    return options;
  }
};

TEST_F(Threads, DoNotChangeResults) {
  for (int threads : {2, 3, 11}) { // ring_sum has 8 columns: some threads get none
    for (int ranks : {1, 3}) {
      auto communicator = makeCommunicator(context.get(), options(ranks, threads));
      for (int64_t length : {0, 1, 2, 61})
        expectRightRun(communicator.get(), length);
    }
  }
}

TEST_F(Threads, ServeManyRuns) {
  auto communicator = makeCommunicator(context.get(), options(2, 2));
  for (int i = 0; i < 200; ++i)
    expectRightRun(communicator.get(), 17);
}

TEST_F(Threads, ServeTheRankThatStandsForAll) {
  Options options(4, RONDO_COMMUNICATOR_LOOPBACK);
  options.threads_per_rank = 2;
  auto communicator = makeCommunicator(context.get(), options);
  EXPECT_EQ(runRows(communicator.get(), 40), RONDO_OK) << error();
  EXPECT_GT(statistics(communicator.get(), 0).compute, 0);
}

TEST_F(Threads, KernelsAreOneEventEach) {
  auto communicator = makeCommunicator(context.get(), options(2, 3));
  ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK);
  expectRightRun(communicator.get(), 61);
  int kernels = 0;
  auto count = [](const rondo_trace_event *event, void *kernels) {
    *static_cast<int *>(kernels) += event->kind == RONDO_TRACE_KERNEL;
  };
  ASSERT_EQ(rondo_trace_events(context.get(), communicator.get(), count, &kernels), RONDO_OK);
  EXPECT_EQ(kernels, 2 * 4); // pack, accumulate twice, finish
}

TEST_F(Threads, FailOnce) {
  Options faulty = options(3, 2);
  faulty.inject = "fail@1,accumulate,1";
  auto communicator = makeCommunicator(context.get(), faulty);
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_RANK_FAILED);
  EXPECT_EQ(error(), "rank 1 failed in 'accumulate' in step 1 (injected)");
  expectRightRun(communicator.get(), 61);
}

TEST_F(Threads, StallOnce) {
  Options faulty = options(4, 2);
  faulty.inject = "stall@1,accumulate,1";
  faulty.timeout_s = 0.3;
  auto communicator = makeCommunicator(context.get(), faulty);
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_TIMED_OUT);
  EXPECT_NE(error().find("rank 1 stalled in 'accumulate' in step 1?"), std::string::npos) << error();
  expectRightRun(communicator.get(), 61);
}

} // namespace
