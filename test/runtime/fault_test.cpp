// Faults: whatever a rank does wrong ends the run on every rank, with an error that says who and where; and the
// communicator serves the next run.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

#include <chrono>

using namespace rondo_test;

namespace {

double seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

/* ---- Injected faults ---- */

class Injection : public RingSum {
protected:
  Handle<rondo_communicator> communicatorWith(const std::string &inject, int ranks = 4, double timeout = 0.5) {
    Options options(ranks);
    options.inject = inject.c_str();
    options.timeout_s = timeout;
    return makeCommunicator(context.get(), options);
  }
};

TEST_F(Injection, FailureAtEveryOperation) {
  for (int rank = 0; rank < 4; ++rank) {
    for (int step = 0; step < 4; ++step) {
      std::string where = std::to_string(rank) + ",accumulate," + std::to_string(step);
      auto communicator = communicatorWith("fail@" + where, 4, 60);
      EXPECT_EQ(runRows(communicator.get(), 61), RONDO_RANK_FAILED);
      EXPECT_EQ(error(), "rank " + std::to_string(rank) + " failed in 'accumulate' in step " + std::to_string(step) +
                             " (injected)");
      expectRightRun(communicator.get(), 61);
    }
    for (int step = 0; step < 3; ++step) {
      auto communicator = communicatorWith("fail@" + std::to_string(rank) + ",block," + std::to_string(step), 4, 60);
      EXPECT_EQ(runRows(communicator.get(), 61), RONDO_RANK_FAILED);
      EXPECT_EQ(error(), "rank " + std::to_string(rank) + " failed in exchange 'block' with rank " +
                             std::to_string((rank + 1) % 4) + " in step " + std::to_string(step) + " (injected)");
      expectRightRun(communicator.get(), 61);
    }
  }
}

TEST_F(Injection, StallOfAKernelIsTheWaitingRanksError) {
  auto communicator = communicatorWith("stall@1,accumulate,1");
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_TIMED_OUT);
  EXPECT_GE(seconds(begin), 0.5);
  // Rank 1 had begun its exchange of step 1 before the kernel; it is missed in step 2.
  EXPECT_EQ(error().find("rank 2: no progress in exchange 'block' with rank 1 in step 2 within 0.5 s"), 0u) << error();
  EXPECT_NE(error().find("(rank 1 stalled in 'accumulate' in step 1?)"), std::string::npos) << error();
  expectRightRun(communicator.get(), 61);
}

TEST_F(Injection, StallOfAnExchangeIsTheWaitingRanksError) {
  for (int rank = 0; rank < 3; ++rank) {
    auto communicator = communicatorWith("stall@" + std::to_string(rank) + ",block,1", 3);
    EXPECT_EQ(runRows(communicator.get(), 61), RONDO_TIMED_OUT);
    EXPECT_NE(error().find("no progress in exchange 'block' with rank " + std::to_string(rank) + " in step 1"),
              std::string::npos)
        << error();
    EXPECT_NE(error().find("(rank " + std::to_string(rank) + " stalled in 'block' in step 1?)"), std::string::npos)
        << error();
    expectRightRun(communicator.get(), 61);
  }
}

TEST_F(Injection, StallThatNobodyWaitsFor) {
  auto communicator = communicatorWith("stall@2,finish,3");
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_TIMED_OUT);
  EXPECT_EQ(error(), "rank 2: no progress in 'finish' in step 3 within 0.5 s");
  auto alone = communicatorWith("stall@0,pack,0", 1);
  EXPECT_EQ(runRows(alone.get(), 61), RONDO_TIMED_OUT);
  EXPECT_EQ(error(), "rank 0: no progress in 'pack' in step 0 within 0.5 s");
}

TEST_F(Injection, StallInLoopback) {
  Options options(4, RONDO_COMMUNICATOR_LOOPBACK);
  options.inject = "stall@0,block,2";
  options.timeout_s = 0.5;
  auto communicator = makeCommunicator(context.get(), options);
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_TIMED_OUT);
  EXPECT_EQ(error(), "rank 0: no progress in 'block' in step 2 within 0.5 s");
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_OK) << error();
}

TEST_F(Injection, ThatMeetsNothingIsAnError) {
  auto communicator = communicatorWith("fail@1,acumulate,1");
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the injection 'fail@1,acumulate,1' met nothing: rank 1 of 'ring_sum' has no 'acumulate' in step "
                     "1");
}

TEST_F(Injection, MustBeWellFormed) {
  for (const char *text : {"", "fail", "fail@", "fail@1", "fail@1,x", "fail@1,x,", "fail@,x,1", "fail@1,,1",
                           "fail@-1,x,1", "fail@1,x,-1", "fail@1,x,1x", "fail@1x,x,1", "crash@1,x,1", "fail@ 1,x,1",
                           "fail@99999999999999999999,x,1", "fail@1,x,99999999999999999999", "stall@1;x;1"}) {
    Options options(4);
    options.inject = text;
    rondo_communicator *communicator = nullptr;
    EXPECT_EQ(rondo_communicator_create(context.get(), &options, &communicator), RONDO_INVALID_ARGUMENT) << text;
    EXPECT_EQ(error(), "cannot read the injection '" + std::string(text) +
                           "': it should be fail@rank,op,step or stall@rank,op,step");
  }
  Options options(4);
  options.inject = "fail@4,x,1";
  rondo_communicator *communicator = nullptr;
  EXPECT_EQ(rondo_communicator_create(context.get(), &options, &communicator), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the injection 'fail@4,x,1' names rank 4, but the last one is 3");
}

/* ---- Programs that break the rules ---- */

class Faults : public testing::Test {
protected:
  rondo_status run(const char *function, int64_t n, rondo_communicator *communicator) {
    Tensor<float> x({n});
    const DLTensor *inputs[] = {&x.dl};
    return rondo_run(context.get(), program.get(), function, communicator, inputs, 1, nullptr, 0);
  }
  rondo_status run(const char *function, int64_t n, double timeout) {
    Options options(3);
    options.timeout_s = timeout;
    auto communicator = makeCommunicator(context.get(), options);
    return run(function, n, communicator.get());
  }
  std::string error() const { return rondo_last_error(context.get()); }

  Handle<rondo_context> context = makeContext();
  Handle<rondo_program> program = loadFixture(context.get(), "faults");
};

TEST_F(Faults, BothEndsMustAgree) {
  EXPECT_EQ(run("unequal_sizes", 4, 60.), RONDO_RANK_FAILED);
  EXPECT_EQ(error(), "rank 2 expects 8 bytes of 'block' in step 0, but rank 1 sends 12 bytes of 'block'");
  EXPECT_EQ(run("unequal_sizes", 0, 60.), RONDO_OK) << error();
  EXPECT_EQ(run("unequal_counts", 4, 60.), RONDO_RANK_FAILED);
  EXPECT_NE(error().find("1 transfers"), std::string::npos) << error();
  EXPECT_NE(error().find("2 transfers"), std::string::npos) << error();
}

TEST_F(Faults, TheEntrysOwnFailureEndsAllRanks) {
  EXPECT_EQ(run("returns_n", 42, 60.), RONDO_RANK_FAILED);
  EXPECT_EQ(error(), "rank 1 failed in step 0: 'returns_n' returned 42");
}

TEST_F(Faults, ARankThatLeavesIsMissed) {
  EXPECT_EQ(run("leaves_early", 1, 0.1), RONDO_TIMED_OUT);
  EXPECT_EQ(error(),
            "rank 2: no progress in exchange 'block' with rank 1 in step 0 within 0.1 s (rank 1 has finished)");
}

TEST_F(Faults, RanksThatWaitInACircleAreFound) {
  EXPECT_EQ(run("crosses_streams", 1, 0.1), RONDO_TIMED_OUT);
  EXPECT_NE(error().find("no progress in exchange 'block' with rank"), std::string::npos) << error();
}

TEST_F(Faults, ASleepingKernelIsAStall) {
  EXPECT_EQ(run("sleeps", 400, 0.1), RONDO_TIMED_OUT);
  EXPECT_NE(error().find("with rank 1 in step 3 within 0.1 s (rank 1 stalled in 'sleep' in step 3?)"),
            std::string::npos)
      << error();
  EXPECT_EQ(run("sleeps", 200, 0.), RONDO_OK) << error();
}

TEST_F(Faults, ABusyKernelIsNoStall) { EXPECT_EQ(run("works", 1500, 1), RONDO_OK) << error(); }

TEST_F(Faults, ABusyHelperIsNoStall) {
  Options options(3);
  options.timeout_s = 1;
  options.threads_per_rank = 2;
  auto communicator = makeCommunicator(context.get(), options);
  EXPECT_EQ(run("others_work", 1500, communicator.get()), RONDO_OK) << error();
}

TEST_F(Faults, ALongTransferIsNoStall) {
  Options options(3);
  options.timeout_s = 1;
  options.link_latency_us = 800000;
  auto communicator = makeCommunicator(context.get(), options);
  // Rank 2 waits 0.6 s for the sender, then receives for 0.8 s.
  EXPECT_EQ(run("sleeps", 600, communicator.get()), RONDO_OK) << error();
}

TEST_F(Faults, MisuseOfTheTable) {
  struct {
    const char *function;
    rondo_status status;
    const char *text;
  } cases[] = {
      {"greedy", RONDO_OUT_OF_MEMORY, "no memory for its intermediate values (4611686018427387903 bytes)"},
      {"second_arena", RONDO_RANK_FAILED, "the program asks for a second arena in step 0"},
      {"negative_arena", RONDO_RANK_FAILED, "the program asks for an arena of negative size in step 0"},
      {"unknown_event", RONDO_RANK_FAILED, "the program awaits an event that it did not record in step 0"},
      {"unknown_stream", RONDO_RANK_FAILED, "the program dispatches to an unknown stream"},
      {"unknown_axis", RONDO_RANK_FAILED, "the program asks for the size of an axis that its grid does not have"},
      {"too_many_transfers", RONDO_UNSUPPORTED, "has 17 transfers; 1 to 16 are supported"},
      {"no_destination", RONDO_RANK_FAILED, "transfer 0 ('block') of an exchange in step 0 has no name, no memory"},
  };
  auto communicator = makeCommunicator(context.get(), Options(3));
  for (const auto &test : cases) {
    EXPECT_EQ(run(test.function, 1, communicator.get()), test.status) << test.function << ": " << error();
    EXPECT_NE(error().find(test.text), std::string::npos) << error();
    EXPECT_EQ(run("unequal_sizes", 0, communicator.get()), RONDO_OK) << "after " << test.function << ": " << error();
  }
}

} // namespace
