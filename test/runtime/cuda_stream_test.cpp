// Runs on streams of the caller: they return before the GPU has worked.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

#include <dlfcn.h>

using namespace rondo_test;

namespace {

/// The application's own use of CUDA.
class CudaStream : public Cuda {
protected:
  template <typename... Arguments>
  static int call(const char *name, Arguments... arguments) {
    static void *library = dlopen("libcuda.so.1", RTLD_NOW);
    auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
    return function ? function(arguments...) : -1;
  }

  void SetUp() override {
    void *primary = nullptr;
    ASSERT_EQ(call("cuInit", 0u), 0);
    ASSERT_EQ(call("cuDevicePrimaryCtxRetain", &primary, 0), 0);
    ASSERT_EQ(call("cuCtxSetCurrent", primary), 0);
    ASSERT_EQ(call("cuStreamCreate", &stream, 1u), 0);
  }

  void *stream = nullptr;
};

TEST_F(CudaStream, ResultsComeInItsOrder) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  CudaAttention attention(context.get(), communicator.get(), {1, 2, 1, 20, 50, 64});
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), 0, stream), RONDO_OK) << error();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
  ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
  attention.expectRight(false);
}

// A kernel that never ends does not keep the call from returning.
TEST_F(CudaStream, DoesNotWait) {
  setenv("RONDO_EMULATOR_HANG", "rondo_link", 1);
  Handle<rondo_program> program = load("cuda_d64");
  Options options(2, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 5;
  options.timeout_s = 0.2;
  rondo_communicator *communicator = nullptr; // stays: it would wait for its GPU
  ASSERT_EQ(rondo_communicator_create(context.get(), &options, &communicator), RONDO_OK) << error();
  CudaAttention &attention = *new CudaAttention(context.get(), communicator, {1, 1, 1, 8, 8, 64});
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator, 0, stream), RONDO_OK) << error();
  ASSERT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator, attention.inputs().data(), 3,
                             attention.outputs().data(), 2),
            RONDO_OK)
      << error();
  EXPECT_EQ(call("cuStreamQuery", stream), 600);
  program.release();
  context.release();
}

TEST_F(CudaStream, RanksOfARing) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 20, 50, 64});
  for (int rank = 0; rank < 2; ++rank)
    ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), rank, stream), RONDO_OK) << error();
  ASSERT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OK) << error();
  ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
  attention.expectRight(false);
  for (int rank = 0; rank < 2; ++rank)
    ASSERT_EQ(rondo_communicator_unset_stream(context.get(), communicator.get(), rank), RONDO_OK) << error();
  ASSERT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OK) << error();
  attention.expectRight(false);
}

TEST_F(CudaStream, DefaultStream) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 20, 50, 64});
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), 0, nullptr), RONDO_OK) << error();
  ASSERT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
  attention.expectRight(false);
}

} // namespace
