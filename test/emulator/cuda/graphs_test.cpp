// Capture of streams, and graphs: captured work is not done, launches do it with the parameters of then, and what the
// driver forbids in a capture is refused by its error codes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/src/cuda_driver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <thread>

namespace {

enum : cuda_result {
  IllegalState = 401,
  Unsupported = 900,
  Invalidated = 901,
  Merge = 902,
  Unmatched = 903,
  Unjoined = 904,
  Isolation = 905,
  Implicit = 906,
  CapturedEvent = 907,
  WrongThread = 908
};

/// Adds a number to one in memory.
const char *const kKernel = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry increase(.param .u64 address, .param .u32 amount)
.reqntid 32, 1, 1
{
  .reg .b64 %rd<2>;
  .reg .b32 %r<5>;
  .reg .pred %p<2>;
  mov.u32 %r1, %tid.x;
  setp.ne.s32 %p1, %r1, 0;
  @%p1 bra END;
  ld.param.u64 %rd1, [address];
  ld.param.u32 %r2, [amount];
  ld.global.b32 %r3, [%rd1];
  add.s32 %r4, %r3, %r2;
  st.global.b32 [%rd1], %r4;
END:
  ret;
}
)";

class EmulatedGraphs : public testing::Test {
protected:
  void SetUp() override {
    char text[512] = "";
    api = cuda_driver_get(text, sizeof text);
    ASSERT_TRUE(api) << text;
    ASSERT_EQ(cuda_driver_missing_graphs(api), nullptr);
    ASSERT_EQ(api->context_retain(&context, 0), CUDA_OK);
    ASSERT_EQ(api->context_set(context), CUDA_OK);
    cuda_pool_properties properties = {};
    properties.allocation_type = 1;
    properties.location = {1, 0};
    ASSERT_EQ(api->pool_create(&pool, &properties), CUDA_OK);
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(api->stream_create(&streams[i], CUDA_STREAM_NON_BLOCKING, 0), CUDA_OK);
      ASSERT_EQ(api->event_create(&events[i], CUDA_EVENT_UNTIMED), CUDA_OK);
      ASSERT_EQ(api->allocate(&memory[i], sizeof(unsigned), pool, streams[0]), CUDA_OK);
      ASSERT_EQ(api->fill_32(memory[i], 4, 0, 1, 1, streams[0]), CUDA_OK);
    }
    ASSERT_EQ(api->stream_synchronize(streams[0]), CUDA_OK);
    cuda_library library = nullptr;
    ASSERT_EQ(api->module_load(&library, kKernel), CUDA_OK);
    ASSERT_EQ(api->module_function(&function, library, "increase"), CUDA_OK);
  }

  cuda_result begin(int stream = 0) { return api->capture_begin(streams[stream], CUDA_CAPTURE_THREAD_LOCAL); }

  cuda_result end(int stream = 0) {
    graph = nullptr;
    return api->capture_end(streams[stream], &graph);
  }

  cuda_result increase(int stream, int place, unsigned amount) {
    cuda_launch_configuration configuration = {};
    configuration.grid_x = configuration.grid_y = configuration.grid_z = 1;
    configuration.block_x = 32;
    configuration.block_y = configuration.block_z = 1;
    configuration.stream = streams[stream];
    void *parameters[] = {&memory[place], &amount};
    return api->launch(&configuration, function, parameters, nullptr);
  }

  cuda_result set(cuda_node node, int place, unsigned amount) {
    cuda_kernel_node parameters = {};
    parameters.function = function;
    parameters.grid_x = parameters.grid_y = parameters.grid_z = 1;
    parameters.block_x = 32;
    parameters.block_y = parameters.block_z = 1;
    void *fields[] = {&memory[place], &amount};
    parameters.parameters = fields;
    return api->executable_set_kernel(executable, node, &parameters);
  }

  cuda_node lastNode(int stream) {
    int status = 0;
    const cuda_node *nodes = nullptr;
    size_t count = 0;
    EXPECT_EQ(api->capture_info(streams[stream], &status, nullptr, nullptr, &nodes, &count), CUDA_OK);
    EXPECT_EQ(status, 1);
    EXPECT_EQ(count, 1U);
    return count == 1 ? nodes[0] : nullptr;
  }

  unsigned read(int place) {
    unsigned value = ~0U;
    EXPECT_EQ(api->copy_to_host(&value, memory[place], sizeof value, streams[0]), CUDA_OK);
    EXPECT_EQ(api->stream_synchronize(streams[0]), CUDA_OK);
    return value;
  }

  /// The streams are as before: nothing is captured any more.
  void expectFree() {
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(end(i), IllegalState);
      EXPECT_EQ(api->stream_synchronize(streams[i]), CUDA_OK);
    }
  }

  const cuda_api *api = nullptr;
  cuda_context context = nullptr;
  cuda_pool pool = nullptr;
  cuda_stream streams[2] = {};
  cuda_event events[2] = {};
  cuda_address memory[2] = {};
  cuda_function function = nullptr;
  cuda_graph graph = nullptr;
  cuda_executable executable = nullptr;
};

TEST_F(EmulatedGraphs, LaunchesDoWhatWasCaptured) {
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(increase(0, 0, 5), CUDA_OK);
  ASSERT_EQ(api->copy(memory[1], memory[0], 4, streams[0]), CUDA_OK);
  ASSERT_EQ(end(), CUDA_OK);
  EXPECT_EQ(read(0), 0U);
  ASSERT_EQ(api->graph_instantiate(&executable, graph, 0), CUDA_OK);
  EXPECT_EQ(read(0), 0U);
  for (unsigned i = 1; i <= 3; ++i) {
    ASSERT_EQ(api->graph_launch(executable, streams[0]), CUDA_OK);
    EXPECT_EQ(read(1), 5 * i);
  }
  // Also after its graph, into any stream, and the default one.
  ASSERT_EQ(api->graph_destroy(graph), CUDA_OK);
  for (cuda_stream stream : {streams[1], cuda_stream(nullptr)})
    ASSERT_EQ(api->graph_launch(executable, stream), CUDA_OK);
  ASSERT_EQ(api->executable_destroy(executable), CUDA_OK); // what runs ends
  ASSERT_EQ(api->stream_synchronize(streams[1]), CUDA_OK);
  EXPECT_EQ(read(1), 25U);
}

TEST_F(EmulatedGraphs, ParametersAreThoseOfTheLaunch) {
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(increase(0, 0, 5), CUDA_OK);
  cuda_node node = lastNode(0);
  ASSERT_EQ(api->fill_32(memory[1], 4, 7, 1, 1, streams[0]), CUDA_OK);
  cuda_node other = lastNode(0);
  ASSERT_EQ(end(), CUDA_OK);
  ASSERT_EQ(api->graph_instantiate(&executable, graph, 0), CUDA_OK);
  ASSERT_EQ(api->graph_launch(executable, streams[0]), CUDA_OK);
  ASSERT_EQ(set(node, 0, 100), CUDA_OK); // not of the launch before
  ASSERT_EQ(api->graph_launch(executable, streams[0]), CUDA_OK);
  EXPECT_EQ(read(0), 105U);
  EXPECT_EQ(read(1), 7U);
  EXPECT_NE(set(other, 0, 1), CUDA_OK);
  EXPECT_NE(set(nullptr, 0, 1), CUDA_OK);
}

TEST_F(EmulatedGraphs, StreamsForkAndJoin) {
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(increase(0, 0, 1), CUDA_OK);
  ASSERT_EQ(api->event_record(events[0], streams[0]), CUDA_OK);
  ASSERT_EQ(api->stream_wait(streams[1], events[0], 0), CUDA_OK);
  ASSERT_EQ(api->copy(memory[1], memory[0], 4, streams[1]), CUDA_OK); // after the first
  ASSERT_EQ(api->event_record(events[1], streams[1]), CUDA_OK);
  ASSERT_EQ(api->stream_wait(streams[0], events[1], 0), CUDA_OK);
  ASSERT_EQ(increase(0, 0, 10), CUDA_OK); // after the copy
  ASSERT_EQ(end(), CUDA_OK);
  ASSERT_EQ(api->graph_instantiate(&executable, graph, 0), CUDA_OK);
  for (unsigned i = 0; i < 20; ++i) {
    ASSERT_EQ(api->graph_launch(executable, streams[i % 2]), CUDA_OK);
    ASSERT_EQ(api->stream_synchronize(streams[i % 2]), CUDA_OK);
    EXPECT_EQ(read(1), 11 * i + 1);
    EXPECT_EQ(read(0), 11 * i + 11);
  }
  // Events of a capture tell nothing.
  EXPECT_EQ(api->event_query(events[0]), CapturedEvent);
  EXPECT_EQ(api->stream_wait(streams[1], events[0], 0), CapturedEvent);
  EXPECT_EQ(api->event_record(events[0], streams[1]), CUDA_OK);
  EXPECT_EQ(api->event_synchronize(events[0]), CUDA_OK);
}

TEST_F(EmulatedGraphs, AStreamThatDoesNotJoin) {
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(api->event_record(events[0], streams[0]), CUDA_OK);
  ASSERT_EQ(api->stream_wait(streams[1], events[0], 0), CUDA_OK);
  ASSERT_EQ(increase(1, 0, 1), CUDA_OK);
  EXPECT_EQ(end(1), Unmatched);
  EXPECT_EQ(end(), Invalidated);
  expectFree();
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(api->event_record(events[0], streams[0]), CUDA_OK);
  ASSERT_EQ(api->stream_wait(streams[1], events[0], 0), CUDA_OK);
  ASSERT_EQ(increase(1, 0, 1), CUDA_OK);
  EXPECT_EQ(end(), Unjoined);
  EXPECT_EQ(graph, nullptr);
  expectFree();
  EXPECT_EQ(read(0), 0U);
}

// Each ends the capture, which its end tells; the streams go on.
TEST_F(EmulatedGraphs, WhatACaptureForbids) {
  ASSERT_EQ(api->event_record(events[1], streams[1]), CUDA_OK);
  cuda_address address = 0;
  void *host = nullptr;
  auto expect = [&](cuda_result expected, auto forbidden) {
    ASSERT_EQ(begin(), CUDA_OK);
    ASSERT_EQ(increase(0, 0, 1), CUDA_OK);
    EXPECT_EQ(forbidden(), expected);
    EXPECT_EQ(increase(0, 0, 1), Invalidated);
    EXPECT_EQ(end(), Invalidated);
    expectFree();
  };
  expect(Unsupported, [&] { return api->stream_synchronize(streams[0]); });
  expect(Unsupported, [&] { return api->stream_query(streams[0]); });
  expect(Unsupported, [&] { return api->event_query(events[1]); });
  expect(Unsupported, [&] { return api->event_synchronize(events[1]); });
  expect(Unsupported, [&] { return api->allocate(&address, 8, pool, streams[0]); });
  expect(Unsupported, [&] { return api->free(memory[0], streams[0]); });
  expect(Unsupported, [&] { return api->host_allocate(&host, 8); });
  expect(Isolation, [&] { return api->stream_wait(streams[0], events[1], 0); });
  EXPECT_EQ(read(0), 0U);
}

TEST_F(EmulatedGraphs, CapturesThatMeet) {
  ASSERT_EQ(begin(0), CUDA_OK);
  EXPECT_EQ(begin(0), IllegalState);
  ASSERT_EQ(begin(1), CUDA_OK);
  ASSERT_EQ(api->event_record(events[0], streams[0]), CUDA_OK);
  EXPECT_EQ(api->stream_wait(streams[1], events[0], 0), Merge);
  EXPECT_EQ(end(0), Invalidated);
  EXPECT_EQ(end(1), Invalidated);
  expectFree();
}

TEST_F(EmulatedGraphs, TheDefaultStream) {
  EXPECT_EQ(api->capture_begin(nullptr, CUDA_CAPTURE_THREAD_LOCAL), Unsupported);
  ASSERT_EQ(begin(), CUDA_OK);
  ASSERT_EQ(api->event_record(events[0], streams[0]), CUDA_OK);
  EXPECT_EQ(api->stream_wait(nullptr, events[0], 0), Implicit);
  EXPECT_EQ(end(), Invalidated);
  expectFree();
}

TEST_F(EmulatedGraphs, OtherThreads) {
  ASSERT_EQ(begin(), CUDA_OK);
  std::thread([&] {
    ASSERT_EQ(api->context_set(context), CUDA_OK);
    // They may do what this one may not, and issue to the stream; but they do not end the capture.
    ASSERT_EQ(api->event_record(events[1], streams[1]), CUDA_OK);
    EXPECT_EQ(api->event_synchronize(events[1]), CUDA_OK);
    EXPECT_EQ(increase(0, 0, 3), CUDA_OK);
  }).join();
  ASSERT_EQ(end(), CUDA_OK);
  ASSERT_EQ(begin(), CUDA_OK);
  std::thread([&] {
    ASSERT_EQ(api->context_set(context), CUDA_OK);
    EXPECT_EQ(end(), WrongThread);
  }).join();
  EXPECT_EQ(end(), Invalidated);
  expectFree();
}

} // namespace
