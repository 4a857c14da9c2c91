// Misuse of the public functions: an error each time, never a crash.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <set>
#include <thread>

using namespace rondo_test;

namespace {

class Api : public RingSum {
protected:
  /// Creating a communicator fails.
  void expectError(const Options &options, const std::string &text) {
    rondo_communicator *communicator = nullptr;
    EXPECT_EQ(rondo_communicator_create(context.get(), &options, &communicator), RONDO_INVALID_ARGUMENT) << text;
    EXPECT_EQ(communicator, nullptr);
    EXPECT_EQ(error(), text);
  }
};

TEST_F(Api, VersionAndNames) {
  EXPECT_EQ(rondo_version(), RONDO_VERSION_MAJOR * 1000 + RONDO_VERSION_MINOR);
  std::set<std::string> names;
  for (int status = RONDO_OK; status <= RONDO_SYSTEM_ERROR; ++status)
    names.insert(rondo_status_name(static_cast<rondo_status>(status)));
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(names.count("unknown status"), 0u);
}

TEST_F(Api, NullHandles) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  rondo_communicator_options options = Options(2);
  rondo_rank_statistics counted;
  rondo_program *loaded = nullptr;
  rondo_communicator *created = nullptr;
  EXPECT_EQ(rondo_context_create(nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_STREQ(rondo_last_error(nullptr), "the context is NULL");
  EXPECT_STREQ(rondo_program_manifest(nullptr), "");
  EXPECT_EQ(rondo_program_load(nullptr, "x", &loaded), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_program_load(context.get(), nullptr, &loaded), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_program_load(context.get(), "x", nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_communicator_create(nullptr, &options, &created), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_communicator_create(context.get(), nullptr, &created), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the communicator's options are NULL");
  EXPECT_EQ(rondo_communicator_create(context.get(), &options, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the communicator's out-parameter is NULL");
  EXPECT_EQ(rondo_run(nullptr, program.get(), nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run(context.get(), nullptr, nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run(context.get(), program.get(), nullptr, nullptr, nullptr, 0, nullptr, 0), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run(context.get(), program.get(), nullptr, communicator.get(), nullptr, 1, nullptr, 1),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the list of inputs is NULL");
  EXPECT_EQ(rondo_run_shards(nullptr, program.get(), nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_shards(context.get(), nullptr, nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_shards(context.get(), program.get(), nullptr, nullptr, nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_shards(context.get(), program.get(), nullptr, communicator.get(), nullptr, 1, nullptr, 1),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_reference(context.get(), nullptr, nullptr, nullptr, 0, nullptr, 0), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_reference(nullptr, program.get(), nullptr, nullptr, 0, nullptr, 0), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run_reference(context.get(), program.get(), nullptr, nullptr, 1, nullptr, 1), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_rank_statistics_get(nullptr, communicator.get(), 0, &counted), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_enable(nullptr, communicator.get(), 1), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_events(context.get(), communicator.get(), nullptr, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_events(context.get(), nullptr, nullptr, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_rank_statistics_get(context.get(), nullptr, 0, &counted), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), 0, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_enable(context.get(), nullptr, 1), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_write(context.get(), nullptr, "x"), RONDO_INVALID_ARGUMENT);
  rondo_context_destroy(nullptr);
  rondo_program_destroy(nullptr);
  rondo_communicator_destroy(nullptr);
}

TEST_F(Api, WrongOptions) {
  for (int ranks : {0, -1, 4097, INT32_MAX})
    expectError(Options(ranks), "a communicator of " + std::to_string(ranks) + " ranks: it should have 1 to 4096");
  Options options(2);
  const int unknown = 99; // C++ has no such value of the enumeration; C callers may
  memcpy(&options.kind, &unknown, sizeof unknown);
  expectError(options, "unknown kind of communicator: 99");
  options = Options(2);
  options.link_latency_us = -1;
  expectError(options, "link_latency_us is -1, but should be between 0 and 1e+09");
  options.link_latency_us = 0;
  options.link_gb_per_s = NAN;
  expectError(options, "link_gb_per_s is nan, but should be between 0 and 1e+09");
  options.link_gb_per_s = 0;
  options.timeout_s = INFINITY;
  expectError(options, "timeout_s is inf, but should be between 0 and 1e+09");
  options.timeout_s = 1;
  for (int threads : {0, -1, 257}) {
    options.threads_per_rank = threads;
    expectError(options, std::to_string(threads) + " threads for each rank: there should be 1 to 256");
  }
  options.threads_per_rank = 1;
  for (int margin : {1025, -2}) {
    options.sm_margin = margin;
    expectError(options, "sm_margin is " + std::to_string(margin) + ", but should be between 0 and 1024");
  }
  options.sm_margin = -1;
  options.size = 8;
  expectError(options, "the communicator options have size 8, but this runtime expects " +
                           std::to_string(sizeof(rondo_communicator_options)) +
                           ": initialise them with RONDO_COMMUNICATOR_OPTIONS_INIT");
}

TEST_F(Api, OptionsOfNccl) {
  Options options(2);
  options.nccl_ctas = 4;
  expectError(options, "options of NCCL were given, but the kind is not RONDO_COMMUNICATOR_NCCL");
  options.kind = RONDO_COMMUNICATOR_NCCL;
  options.nccl_communicator = &options;
  expectError(options, "nccl_communicator was given, and with it nccl_ctas, which it has already");
  options.nccl_communicator = nullptr;
  for (int ctas : {65, -2}) {
    options.nccl_ctas = ctas;
    expectError(options, "nccl_ctas is " + std::to_string(ctas) +
                             ", but should be between 0 and 64, or -1, and then it is chosen");
  }
  options.nccl_ctas = 0;
  options.rank = -2;
  expectError(options, "rank is -2: it should be that of this process, or -1");
  options.rank = 2;
  expectError(options, "this process is rank 2 of 2: ranks are less than their number, which is to be given with them");
  options.rank = -1;
  options.link_gb_per_s = 1;
  expectError(options, "an emulated link between processes: only the threads and loopback communicators have one");
}

TEST_F(Api, OptionsOfAnEarlierVersionLackThreads) {
  Options options(2);
  options.size = offsetof(rondo_communicator_options, threads_per_rank);
  options.threads_per_rank = -1; // beyond the end of that version's options
  expectRightRun(makeCommunicator(context.get(), options).get(), 31);
}

TEST_F(Api, UnknownFunctions) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  EXPECT_EQ(rondo_run(context.get(), program.get(), "rings", communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the program has no function 'rings'; it has 'ring_sum'");
  auto faults = loadFixture(context.get(), "faults");
  EXPECT_EQ(rondo_run(context.get(), faults.get(), nullptr, communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error().find("the program has 16 functions; name one of 'sleeps', 'works', "), 0u) << error();
  Tensor<double> x({3});
  const DLTensor *inputs[] = {&x.dl};
  EXPECT_EQ(rondo_run_reference(context.get(), faults.get(), "works", inputs, 1, nullptr, 0), RONDO_UNSUPPORTED);
  EXPECT_EQ(error(), "function 'works' was compiled without its reference");
}

TEST_F(Api, AnErrorLastsUntilTheNextCall) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  EXPECT_EQ(error(), "");
  EXPECT_EQ(rondo_trace_enable(context.get(), nullptr, 1), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the communicator is NULL");
  expectRightRun(communicator.get(), 3);
  EXPECT_EQ(error(), "");
}

TEST_F(Api, ACommunicatorBelongsToItsContext) {
  auto other = makeContext();
  auto communicator = makeCommunicator(other.get(), Options(2));
  EXPECT_EQ(runRows(communicator.get(), 3), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the communicator was made from another context");
}

TEST_F(Api, AContextServesOneThreadAtATime) {
  Options options(2);
  options.link_latency_us = 100000;
  auto communicator = makeCommunicator(context.get(), options);
  std::atomic<bool> done = false;
  std::thread runner([&] {
    EXPECT_EQ(runRows(communicator.get(), 4), RONDO_OK);
    done = true;
  });
  bool refused = false;
  while (!done && !refused) {
    rondo_rank_statistics counted;
    refused = rondo_rank_statistics_get(context.get(), communicator.get(), 0, &counted) == RONDO_INVALID_ARGUMENT;
    if (refused)
      EXPECT_EQ(error(), "the context is in use by another thread: use a context of its own for each thread");
    std::this_thread::yield();
  }
  runner.join();
  EXPECT_TRUE(refused);
  EXPECT_EQ(statistics(communicator.get(), 0).messages_sent, 1);
  EXPECT_EQ(error(), "");
}

TEST_F(Api, SeveralContextsAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this] {
      auto own = makeContext();
      auto communicator = makeCommunicator(own.get(), Options(3));
      Tensor<float> x({31, columns}), y({31, columns});
      fill(x);
      const DLTensor *inputs[] = {&x.dl};
      DLTensor *outputs[] = {&y.dl};
      for (int run = 0; run < 20; ++run) {
        EXPECT_EQ(rondo_run(own.get(), program.get(), nullptr, communicator.get(), inputs, 1, outputs, 1), RONDO_OK)
            << rondo_last_error(own.get());
        EXPECT_EQ(y.values, expected(x));
      }
    });
  }
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
