// Runs that are captured as graphs, and replayed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

#include "runtime/src/cuda_driver.h"

#include <dlfcn.h>

using namespace rondo_test;

namespace {

#define EXPECT_ERROR(words) EXPECT_NE(error().find(words), std::string::npos) << error()

Options withGraphs(int ranks, rondo_communicator_kind kind = RONDO_COMMUNICATOR_THREADS) {
  Options options(ranks, kind);
  options.graphs = 1;
  return options;
}

class CudaGraph : public Cuda {
protected:
  CudaGraph() {
    unsetenv("RONDO_EMULATOR_NO_CAPTURE");
    unsetenv("RONDO_EMULATOR_NO_UPDATE");
    program = load("cuda_d64");
  }

  void open(const Options &options) { communicator = makeCommunicator(context.get(), options); }

  std::unique_ptr<CudaAttention> make(const AttentionShape &shape) {
    return std::make_unique<CudaAttention>(context.get(), communicator.get(), shape);
  }

  rondo_status runOnce(CudaAttention &attention, const char *function = "attend") {
    attention.o.poison();
    attention.lse.poison();
    return run(program.get(), communicator.get(), attention, function);
  }

  void expectRuns(CudaAttention &attention, int count, bool causal = false) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(runOnce(attention), RONDO_OK) << error();
      attention.expectRight(causal);
    }
  }

  void expectCounts(int64_t captured, int64_t replayed) {
    int64_t captures = -1, replays = -1;
    ASSERT_EQ(rondo_communicator_graphs(context.get(), communicator.get(), &captures, &replays), RONDO_OK) << error();
    EXPECT_EQ(captures, captured);
    EXPECT_EQ(replays, replayed);
    EXPECT_EQ(rondo_communicator_graphs(context.get(), communicator.get(), nullptr, &replays), RONDO_INVALID_ARGUMENT);
  }

  rondo_rank_statistics statistics() {
    rondo_rank_statistics result = {};
    EXPECT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), 0, &result), RONDO_OK) << error();
    return result;
  }

  rondo_status runLoopback(CudaAttention &attention) {
    return rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), attention.inputs().data(), 3,
                            attention.outputs().data(), 2);
  }

  Handle<rondo_program> program;
  Handle<rondo_communicator> communicator;
};

TEST_F(CudaGraph, IsCapturedTheSecondTimeAndReplayedThen) {
  open(withGraphs(1));
  auto attention = make({1, 4, 2, 20, 50, 64});
  expectRuns(*attention, 1);
  expectCounts(0, 0);
  expectRuns(*attention, 1);
  expectCounts(1, 0);
  expectRuns(*attention, 3);
  expectCounts(1, 3);
}

TEST_F(CudaGraph, IsNotUnlessAskedFor) {
  open(Options(1));
  auto attention = make({1, 1, 1, 20, 50, 64});
  expectRuns(*attention, 3);
  expectCounts(0, 0);
}

// Many keys: results in parts, whose merge reads other addresses too. Few rows of one head: no splits.
TEST_F(CudaGraph, TakesTheAddressesOfEachRun) {
  for (const AttentionShape &shape :
       {AttentionShape{1, 1, 1, 20, 700, 64}, AttentionShape{2, 2, 1, 90, 50, 64}, AttentionShape{1, 2, 2, 3, 1, 64},
        AttentionShape{1, 2, 2, 5, 0, 64}, AttentionShape{1, 4, 2, 30, 300, 64, true}}) {
    open(withGraphs(1));
    auto one = make(shape), other = make(shape), third = make(shape);
    expectRuns(*one, 2);
    expectRuns(*other, 2);
    expectRuns(*third, 1);
    expectRuns(*one, 1);
    expectCounts(1, 4);
  }
}

TEST_F(CudaGraph, MayMixTensorsOfSeveralRuns) {
  open(withGraphs(1));
  auto one = make({1, 1, 1, 20, 60, 64}), other = make({1, 1, 1, 20, 60, 64});
  expectRuns(*one, 3);
  std::swap(one->o.dl, other->o.dl);
  ASSERT_EQ(runOnce(*one), RONDO_OK) << error();
  std::swap(one->o.dl, other->o.dl);
  std::swap(one->lse.dl, other->lse.dl);
  ASSERT_EQ(runOnce(*one), RONDO_OK) << error();
  std::swap(one->lse.dl, other->lse.dl);
  other->lse.download();
  EXPECT_EQ(other->lse.at(0, 0, 7), other->lse.at(0, 0, 7)) << "the last run's LSE is NaN";
  expectRuns(*other, 1);
  expectCounts(1, 4);
}

// Alignment and order of dimensions decide which kernels run.
TEST_F(CudaGraph, IsOfOneLayout) {
  open(withGraphs(1));
  auto contiguous = make({1, 4, 2, 20, 50, 64});
  auto headsInside = make({1, 4, 2, 20, 50, 64, true});
  auto padded = make({1, 4, 2, 20, 50, 64, false, 8});
  for (int i = 0; i < 3; ++i)
    for (CudaAttention *attention : {contiguous.get(), headsInside.get(), padded.get()})
      expectRuns(*attention, 1);
  expectCounts(3, 3);
}

TEST_F(CudaGraph, OfOutputsThatAreNotAligned) {
  program = load("cuda_d5");
  open(withGraphs(1));
  auto one = make({1, 2, 1, 20, 150, 5, false, 3, 1}), other = make({1, 2, 1, 20, 150, 5, false, 3, 1});
  expectRuns(*one, 3);
  expectRuns(*other, 1);
  expectCounts(1, 2);
}

TEST_F(CudaGraph, Causal) {
  program = load("cuda_d64_causal");
  open(withGraphs(1));
  auto one = make({1, 2, 1, 70, 90, 64}), other = make({1, 2, 1, 70, 90, 64});
  expectRuns(*one, 3, true);
  expectRuns(*other, 2, true);
  expectCounts(1, 3);
}

// A longer run moves the memory for results in parts: graphs that know its address go.
TEST_F(CudaGraph, GoesWithTheMemoryThatItUses) {
  open(withGraphs(1));
  auto small = make({1, 1, 1, 20, 400, 64}), large = make({1, 2, 1, 60, 700, 64});
  expectRuns(*small, 3);
  expectCounts(1, 1);
  expectRuns(*large, 1);
  expectRuns(*small, 2);
  expectCounts(2, 2);
  expectRuns(*large, 2);
  expectRuns(*small, 1);
  expectCounts(3, 4);
}

// Which graphs are kept follows from which were used last.
TEST_F(CudaGraph, TheOldestGoes) {
  open(withGraphs(1));
  std::vector<std::unique_ptr<CudaAttention>> attentions;
  for (int i = 0; i < 17; ++i)
    attentions.push_back(make({1, 1, 1, 3 + i, 20, 64}));
  for (int i = 0; i < 16; ++i)
    expectRuns(*attentions[size_t(i)], 2);
  expectCounts(16, 0);
  expectRuns(*attentions[0], 1);
  expectRuns(*attentions[16], 2);
  expectCounts(17, 1);
  expectRuns(*attentions[0], 1);
  expectCounts(17, 2);
  expectRuns(*attentions[1], 1); // was the oldest
  expectCounts(18, 2);
}

// More lengths than plans are kept: graphs go with the tile tables that they read.
TEST_F(CudaGraph, OutlivesNoPlan) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "1", 1); // persistent kernels win
  open(withGraphs(1));
  auto kept = make({1, 1, 1, 70, 130, 64});
  expectRuns(*kept, 3);
  for (int i = 0; i < 140; ++i) {
    auto passing = make({1, 1, 1, 1 + i, 64, 64});
    ASSERT_EQ(runOnce(*passing), RONDO_OK) << error();
  }
  expectRuns(*kept, 3);
  expectCounts(2, 2);
}

// A replay counts as a use of its plans.
TEST_F(CudaGraph, KeepsItsPlans) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "1", 1);
  open(withGraphs(1));
  auto kept = make({1, 1, 1, 70, 130, 64});
  expectRuns(*kept, 2);
  for (int i = 0; i < 140; ++i) {
    auto passing = make({1, 1, 1, 1 + i, 64, 64});
    ASSERT_EQ(runOnce(*passing), RONDO_OK) << error();
    if (i % 50 == 49)
      expectRuns(*kept, 1);
  }
  expectCounts(1, 2);
}

TEST_F(CudaGraph, RunsOnlyOnceWithoutOne) {
  open(withGraphs(1));
  for (int i = 0; i < 5; ++i)
    expectRuns(*make({1, 1, 1, 3 + i, 20, 64}), 1);
  expectCounts(0, 0);
}

// ---- Loopback: the link is a kernel of the graph, and what is sent at first lies in the caller's memory ----

TEST_F(CudaGraph, Loopback) {
  Options options = withGraphs(4, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 1;
  open(options);
  auto one = make({1, 1, 1, 20, 50, 64}), other = make({1, 1, 1, 20, 50, 64});
  ASSERT_EQ(runLoopback(*one), RONDO_OK) << error();
  rondo_rank_statistics first = statistics();
  one->o.download();
  std::vector<float> expected;
  for (int64_t s = 0; s < 20; ++s)
    expected.push_back(float(one->o.at(0, 0, s, 3)));
  for (int i = 0; i < 3; ++i) {
    one->o.poison();
    ASSERT_EQ(runLoopback(*one), RONDO_OK) << error();
    one->o.download();
    for (int64_t s = 0; s < 20; ++s)
      EXPECT_EQ(float(one->o.at(0, 0, s, 3)), expected[size_t(s)]);
  }
  expectCounts(1, 2);
  EXPECT_EQ(statistics().bytes_sent, first.bytes_sent);
  EXPECT_EQ(statistics().messages_sent, first.messages_sent);
  EXPECT_EQ(statistics().arena_bytes, first.arena_bytes);
  EXPECT_GT(statistics().total, 0);
  // Copies keep their addresses, so that others are other calls.
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(runLoopback(*other), RONDO_OK) << error();
  expectCounts(2, 3);
  ASSERT_EQ(runLoopback(*one), RONDO_OK) << error();
  expectCounts(2, 4);
}

TEST_F(CudaGraph, ThatHangsTimesOut) {
  Options options = withGraphs(2, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 1;
  options.timeout_s = 0.3;
  rondo_communicator *hanging = nullptr; // stays: it would wait for its GPU
  ASSERT_EQ(rondo_communicator_create(context.get(), &options, &hanging), RONDO_OK) << error();
  communicator.reset(hanging);
  CudaAttention &attention = *make({1, 1, 1, 8, 8, 64}).release();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(runLoopback(attention), RONDO_OK) << error();
  expectCounts(1, 1);
  setenv("RONDO_EMULATOR_HANG", "rondo_link", 1);
  EXPECT_EQ(runLoopback(attention), RONDO_TIMED_OUT);
  EXPECT_ERROR("rank 0: no progress in 'kv_ring' in step 0 within 0.3 s");
  EXPECT_EQ(runLoopback(attention), RONDO_TIMED_OUT);
  EXPECT_ERROR("still busy with a run that timed out");
  communicator.release();
  program.release();
  context.release();
}

// ---- What cannot be captured ----

TEST_F(CudaGraph, FailedCaptureEnds) {
  Options options = withGraphs(2, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 1;
  open(options);
  auto attention = make({1, 1, 1, 8, 8, 64});
  setenv("RONDO_EMULATOR_NO_CAPTURE", "rondo_link", 1);
  EXPECT_EQ(runLoopback(*attention), RONDO_OK) << error();
  EXPECT_EQ(runLoopback(*attention), RONDO_RANK_FAILED);
  EXPECT_ERROR("failed in exchange 'key+value' from rank 1 in step 0: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
  // Its streams are as they were; this call goes without a graph from now on, and others have theirs.
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(runLoopback(*attention), RONDO_OK) << error();
  expectCounts(0, 0);
  unsetenv("RONDO_EMULATOR_NO_CAPTURE");
  EXPECT_EQ(runLoopback(*attention), RONDO_OK) << error();
  expectCounts(0, 0);
  auto other = make({1, 1, 1, 9, 8, 64});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(runLoopback(*other), RONDO_OK) << error();
  expectCounts(1, 1);
}

// A driver that sets no parameters of some kernel: other addresses are another call.
TEST_F(CudaGraph, KeepsAddressesThatCannotBeSet) {
  open(withGraphs(1));
  auto one = make({1, 1, 1, 20, 700, 64}), other = make({1, 1, 1, 20, 700, 64});
  setenv("RONDO_EMULATOR_NO_UPDATE", "merge_f32_64_to_f16_u8_dependent", 1);
  expectRuns(*one, 3);
  expectCounts(1, 1);
  expectRuns(*other, 3);
  expectCounts(2, 2);
  expectRuns(*one, 1);
  expectCounts(2, 3);
}

TEST_F(CudaGraph, InjectedFaultsMeetOperations) {
  Options options = withGraphs(2, RONDO_COMMUNICATOR_LOOPBACK);
  options.inject = "fail@0,merge,1";
  open(options);
  auto attention = make({1, 1, 1, 8, 8, 64});
  EXPECT_EQ(runLoopback(*attention), RONDO_RANK_FAILED);
  EXPECT_ERROR("merge");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(runLoopback(*attention), RONDO_OK) << error();
  expectCounts(1, 1);
}

TEST_F(CudaGraph, TracesShowOperations) {
  open(withGraphs(1));
  auto attention = make({1, 1, 1, 20, 50, 64});
  expectRuns(*attention, 3);
  ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK) << error();
  expectRuns(*attention, 1);
  ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 0), RONDO_OK) << error();
  expectCounts(1, 1);
  int events = 0;
  auto count = [](const rondo_trace_event *, void *data) { ++*static_cast<int *>(data); };
  ASSERT_EQ(rondo_trace_events(context.get(), communicator.get(), count, &events), RONDO_OK) << error();
  EXPECT_GT(events, 0);
  expectRuns(*attention, 1);
  expectCounts(1, 2);
}

TEST_F(CudaGraph, IsMeasuredAsAWhole) {
  Options options = withGraphs(1);
  options.measure = 1;
  open(options);
  auto attention = make({1, 1, 1, 20, 50, 64});
  expectRuns(*attention, 1);
  EXPECT_GT(statistics().compute, 0);
  expectRuns(*attention, 2);
  expectCounts(1, 1);
  EXPECT_EQ(statistics().compute, 0);
  EXPECT_GT(statistics().total, 0);
}

// ---- Streams of the caller ----

template <typename... Arguments>
int call(const char *name, Arguments... arguments) {
  static void *library = dlopen("libcuda.so.1", RTLD_NOW);
  auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
  return function ? function(arguments...) : -1;
}

void *makeStream() {
  void *primary = nullptr, *stream = nullptr;
  EXPECT_EQ(call("cuDevicePrimaryCtxRetain", &primary, 0), 0);
  EXPECT_EQ(call("cuCtxSetCurrent", primary), 0);
  EXPECT_EQ(call("cuStreamCreate", &stream, 1u), 0);
  return stream;
}

TEST_F(CudaGraph, IsLaunchedIntoTheCallersStream) {
  open(withGraphs(1));
  auto one = make({1, 2, 1, 20, 50, 64}), other = make({1, 2, 1, 20, 50, 64});
  void *stream = makeStream(), *second = makeStream();
  for (void *used : {stream, second, static_cast<void *>(nullptr), stream}) {
    ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), 0, used), RONDO_OK) << error();
    for (CudaAttention *attention : {one.get(), one.get(), one.get(), other.get(), other.get()}) {
      ASSERT_EQ(runOnce(*attention), RONDO_OK) << error();
      if (used)
        ASSERT_EQ(call("cuStreamSynchronize", used), 0);
      attention->expectRight(false);
    }
  }
  expectCounts(1, 4 * 5 - 2);
}

// Each run comes after the one before it, in whatever stream that was.
TEST_F(CudaGraph, ComesInTheOrderOfRuns) {
  open(withGraphs(1));
  auto attention = make({1, 2, 1, 20, 500, 64});
  void *streams[] = {makeStream(), makeStream(), makeStream()};
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), 0, streams[i % 3]), RONDO_OK);
    ASSERT_EQ(run(program.get(), communicator.get(), *attention), RONDO_OK) << error();
  }
  attention->expectRight(false);
  ASSERT_EQ(rondo_communicator_unset_stream(context.get(), communicator.get(), 0), RONDO_OK);
  expectRuns(*attention, 1);
}

TEST_F(CudaGraph, LaunchDoesNotWait) {
  Options options = withGraphs(2, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 5;
  options.timeout_s = 0.2;
  rondo_communicator *hanging = nullptr; // stays: it would wait for its GPU
  ASSERT_EQ(rondo_communicator_create(context.get(), &options, &hanging), RONDO_OK) << error();
  communicator.reset(hanging);
  CudaAttention &attention = *make({1, 1, 1, 8, 8, 64}).release();
  void *stream = makeStream();
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), hanging, 0, stream), RONDO_OK) << error();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(runLoopback(attention), RONDO_OK) << error();
  ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
  setenv("RONDO_EMULATOR_HANG", "rondo_link", 1);
  ASSERT_EQ(runLoopback(attention), RONDO_OK) << error();
  EXPECT_EQ(call("cuStreamQuery", stream), 600);
  expectCounts(1, 2);
  communicator.release();
  program.release();
  context.release();
}

// ---- What is refused ----

TEST_F(CudaGraph, RanksOfOneProcess) {
  Options options = withGraphs(2);
  rondo_communicator *refused = nullptr;
  EXPECT_EQ(rondo_communicator_create(context.get(), &options, &refused), RONDO_UNSUPPORTED);
  EXPECT_ERROR("graphs with 2 ranks in one process, which wait for each other's events: make each rank a process");
  options = withGraphs(1, RONDO_COMMUNICATOR_MPI);
  EXPECT_EQ(rondo_communicator_create(context.get(), &options, &refused), RONDO_UNSUPPORTED);
  EXPECT_ERROR("graphs on a communicator of the kind mpi");
  options = Options(1);
  options.graphs = 2;
  EXPECT_EQ(rondo_communicator_create(context.get(), &options, &refused), RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("graphs is 2, but should be 0 or 1");
}

TEST_F(CudaGraph, ProgramsForTheCpu) {
  Handle<rondo_program> sum = load("ring_sum");
  open(withGraphs(1));
  Tensor<float> x({4, 8}), y({4, 8});
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&y.dl};
  EXPECT_EQ(rondo_run(context.get(), sum.get(), nullptr, communicator.get(), inputs, 1, outputs, 1), RONDO_UNSUPPORTED);
  EXPECT_ERROR("the program is for 'cpu', but graphs are those of CUDA");
}

TEST_F(CudaGraph, DriversWithoutThem) {
  char text[512];
  cuda_api api = *cuda_driver_get(text, sizeof text);
  EXPECT_EQ(cuda_driver_missing_graphs(&api), nullptr);
  api.graph_launch = nullptr;
  EXPECT_STREQ(cuda_driver_missing_graphs(&api), "cuGraphLaunch");
}

// A wrong tensor is found whatever was captured.
TEST_F(CudaGraph, WrongTensors) {
  open(withGraphs(1));
  auto attention = make({1, 1, 1, 20, 50, 64});
  void *stream = makeStream();
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), 0, stream), RONDO_OK) << error();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(runOnce(*attention), RONDO_OK) << error();
  auto outputs = attention->outputs();
  const DLTensor *inputs[] = {attention->inputs()[0], nullptr, attention->inputs()[2]};
  EXPECT_EQ(rondo_run(context.get(), program.get(), "attend", communicator.get(), inputs, 3, outputs.data(), 2),
            RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_run(context.get(), program.get(), "attend", communicator.get(), nullptr, 3, outputs.data(), 2),
            RONDO_INVALID_ARGUMENT);
  attention->k.dl.dtype.bits = 32;
  EXPECT_EQ(runOnce(*attention), RONDO_INVALID_ARGUMENT);
  attention->k.dl.dtype.bits = 16;
  attention->o.dl.data = attention->q.dl.data;
  EXPECT_EQ(run(program.get(), communicator.get(), *attention), RONDO_INVALID_ARGUMENT);
}

} // namespace
