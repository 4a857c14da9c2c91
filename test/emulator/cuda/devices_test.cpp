// Several emulated GPUs: what a program must not do with the context, memory, streams and events of another one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/src/cuda_driver.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

namespace {

constexpr size_t kBytes = 64;
const char *const kKernel = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry store(.param .u64 address)
.reqntid 32, 1, 1
{
  .reg .b64 %rd<2>;
  .reg .b32 %r<2>;
  ld.param.u64 %rd1, [address];
  mov.b32 %r1, 7;
  st.global.b32 [%rd1], %r1;
  ret;
}
)";

/// A GPU with its context, a stream, an event, and memory of both kinds.
struct Gpu {
  cuda_context context = nullptr;
  cuda_stream stream = nullptr;
  cuda_event event = nullptr;
  cuda_pool pool = nullptr;
  cuda_address memory = 0; ///< of the pool
};

class EmulatedGpus : public testing::Test {
protected:
  void SetUp() override {
    setenv("RONDO_EMULATOR_DEVICES", "2", 1);
    char text[512] = "";
    api = cuda_driver_get(text, sizeof text);
    ASSERT_TRUE(api) << text;
    for (int i = 0; i < 2; ++i)
      open(i);
  }

  void open(int ordinal) {
    Gpu &gpu = gpus[ordinal];
    ASSERT_EQ(api->context_retain(&gpu.context, ordinal), CUDA_OK);
    ASSERT_EQ(api->context_set(gpu.context), CUDA_OK);
    ASSERT_EQ(api->stream_create(&gpu.stream, CUDA_STREAM_NON_BLOCKING, 0), CUDA_OK);
    ASSERT_EQ(api->event_create(&gpu.event, CUDA_EVENT_UNTIMED), CUDA_OK);
    cuda_pool_properties properties = {};
    properties.allocation_type = 1;
    properties.location = {1, ordinal};
    ASSERT_EQ(api->pool_create(&gpu.pool, &properties), CUDA_OK);
    ASSERT_EQ(api->allocate(&gpu.memory, kBytes, gpu.pool, gpu.stream), CUDA_OK);
  }

  void expectError(cuda_result result, const std::string &words) {
    ASSERT_NE(result, CUDA_OK);
    EXPECT_NE(std::string(cuda_result_text(api, result)).find(words), std::string::npos)
        << cuda_result_text(api, result);
  }

  cuda_result launch(const Gpu &kernelOf, const Gpu &streamOf, cuda_address address) {
    EXPECT_EQ(api->context_set(kernelOf.context), CUDA_OK);
    cuda_library library = nullptr;
    cuda_function function = nullptr;
    EXPECT_EQ(api->module_load(&library, kKernel), CUDA_OK);
    EXPECT_EQ(api->module_function(&function, library, "store"), CUDA_OK);
    cuda_launch_configuration configuration = {};
    configuration.grid_x = configuration.grid_y = configuration.grid_z = 1;
    configuration.block_x = 32;
    configuration.block_y = configuration.block_z = 1;
    configuration.stream = streamOf.stream;
    void *parameters[] = {&address};
    cuda_result result = api->launch(&configuration, function, parameters, nullptr);
    EXPECT_EQ(api->context_set(streamOf.context), CUDA_OK);
    return result == CUDA_OK ? api->stream_synchronize(streamOf.stream) : result;
  }

  const cuda_api *api = nullptr;
  Gpu gpus[2];
};

TEST_F(EmulatedGpus, HaveMemoriesOfTheirOwn) {
  int device = -1;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(api->pointer_attribute(&device, CUDA_POINTER_DEVICE, gpus[i].memory), CUDA_OK);
    EXPECT_EQ(device, i);
  }
  EXPECT_EQ(launch(gpus[1], gpus[1], gpus[1].memory), CUDA_OK);
}

TEST_F(EmulatedGpus, CopiesNeedAccessToPools) {
  ASSERT_EQ(api->context_set(gpus[1].context), CUDA_OK);
  auto copy = [&] { return api->copy(gpus[1].memory, gpus[0].memory, kBytes, gpus[1].stream); };
  expectError(copy(), "device 1 cannot reach memory of device 0: its pool does not allow it");
  // Peer access is not for pools.
  cuda_result enabled = api->peer_enable(gpus[0].context, 0);
  EXPECT_TRUE(enabled == CUDA_OK || enabled == CUDA_PEER_ACCESS_ALREADY_ENABLED);
  EXPECT_EQ(api->peer_enable(gpus[0].context, 0), CUDA_PEER_ACCESS_ALREADY_ENABLED);
  expectError(copy(), "its pool does not allow it");
  cuda_access access = {{1, 1}, 3};
  ASSERT_EQ(api->pool_set_access(gpus[0].pool, &access, 1), CUDA_OK);
  EXPECT_EQ(copy(), CUDA_OK);
}

TEST_F(EmulatedGpus, CopiesThatNameContextsNeedNone) {
  ASSERT_EQ(api->context_set(gpus[1].context), CUDA_OK);
  EXPECT_EQ(api->copy_peer(gpus[1].memory, gpus[1].context, gpus[0].memory, gpus[0].context, kBytes, gpus[1].stream),
            CUDA_OK);
  expectError(api->copy_peer(gpus[1].memory, gpus[0].context, gpus[0].memory, gpus[1].context, kBytes, gpus[1].stream),
              "a copy from device 1 to device 0, of memory of others");
}

TEST_F(EmulatedGpus, CannotReachEachOtherIfTheMachineSaysSo) {
  setenv("RONDO_EMULATOR_PEERS", "0", 1);
  int possible = 1;
  EXPECT_EQ(api->can_access_peer(&possible, 0, 1), CUDA_OK);
  EXPECT_EQ(possible, 0);
  EXPECT_EQ(api->peer_enable(gpus[0].context, 0), CUDA_PEER_ACCESS_UNSUPPORTED);
  cuda_access access = {{1, 1}, 3};
  expectError(api->pool_set_access(gpus[0].pool, &access, 1), "access of device 1 to a pool of device 0");
  unsetenv("RONDO_EMULATOR_PEERS");
}

TEST_F(EmulatedGpus, StreamsAreOfTheCurrentContext) {
  ASSERT_EQ(api->context_set(gpus[1].context), CUDA_OK);
  expectError(api->copy(gpus[0].memory, gpus[0].memory + 32, 8, gpus[0].stream),
              "a stream of device 0, while the context of device 1 is current");
  cuda_address address = 0;
  expectError(api->allocate(&address, kBytes, gpus[0].pool, gpus[1].stream),
              "memory of a pool of device 0 on a stream of device 1");
}

TEST_F(EmulatedGpus, EventsAreRecordedOnStreamsOfTheirOwn) {
  expectError(api->event_record(gpus[0].event, gpus[1].stream),
              "an event of device 0 is recorded on a stream of device 1");
  EXPECT_EQ(api->event_record(gpus[0].event, gpus[0].stream), CUDA_OK);
  EXPECT_EQ(api->stream_wait(gpus[1].stream, gpus[0].event, 0), CUDA_OK);
  EXPECT_EQ(api->stream_synchronize(gpus[1].stream), CUDA_OK);
}

// Their failures stay, so that they come last, each in a process of its own.
TEST_F(EmulatedGpus, KernelsRunOnTheirOwnGpu) {
  expectError(launch(gpus[0], gpus[1], gpus[0].memory), "a kernel of device 0 on a stream of device 1");
  expectError(launch(gpus[1], gpus[1], gpus[0].memory), "which is not global memory");
}

} // namespace
