// What the runtime says of GPUs, programs and tensors that do not fit, and of GPUs that fail.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

using namespace rondo_test;

namespace {

#define EXPECT_IN(words, text) EXPECT_NE((text).find(words), std::string::npos) << (text)
#define EXPECT_ERROR(words) EXPECT_IN(words, error())

class CudaFault : public Cuda {
protected:
  rondo_status runOnce(const std::string &fixture, Options options = Options(1)) {
    Handle<rondo_program> program = load(fixture);
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
    CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64});
    rondo_status status = run(program.get(), communicator.get(), attention);
    text = error(); // that of the next call takes its place
    return status;
  }

  std::string text;
};

TEST_F(CudaFault, OtherGpu) {
  setenv("RONDO_EMULATOR_CAPABILITY", "80", 1);
  EXPECT_EQ(runOnce("cuda_d64"), RONDO_UNSUPPORTED);
  EXPECT_IN("compiled for 'cuda:sm_90a', but GPU 0 (PTX emulator) has compute capability 8.0", text);
  setenv("RONDO_EMULATOR_CAPABILITY", "100", 1);
  EXPECT_EQ(runOnce("cuda_d64"), RONDO_UNSUPPORTED);
}

TEST_F(CudaFault, DamagedImage) {
  EXPECT_EQ(runOnce("cuda_damaged_image"), RONDO_INVALID_PROGRAM);
  EXPECT_IN("refuses image 0 of the program (17 bytes): CUDA_ERROR_INVALID_PTX", text);
}

TEST_F(CudaFault, MissingKernel) {
  EXPECT_EQ(runOnce("cuda_missing_kernel"), RONDO_INVALID_PROGRAM);
  EXPECT_IN("image 0 of the program has no kernel 'nowhere'", text);
}

TEST_F(CudaFault, NoCode) {
  rondo_program *program = nullptr;
  EXPECT_EQ(rondo_program_load(context.get(), fixture("cuda_no_code").c_str(), &program), RONDO_INVALID_PROGRAM);
  EXPECT_ERROR("the program is for 'cuda:sm_90a', but has no CUDA code");
}

TEST_F(CudaFault, TensorsElsewhere) {
  setenv("RONDO_EMULATOR_DEVICES", "2", 1);
  Handle<rondo_program> program = load("cuda_d64"), sum = load("ring_sum");
  Options options(1);
  options.device = 1;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64});
  EXPECT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
  attention.k.dl.device.device_id = 0;
  EXPECT_EQ(run(program.get(), communicator.get(), attention), RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("input 'k' is on GPU 0, but must be on GPU 1, where the program for CUDA runs");
  attention.k.dl.device = {kDLCPU, 0};
  EXPECT_EQ(run(program.get(), communicator.get(), attention), RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("input 'k' is on the CPU, but must be on GPU 1");
  DeviceTensor<float> x(context.get(), communicator.get(), 0, {4, 8}, {0, 1}),
      y(context.get(), communicator.get(), 0, {4, 8}, {0, 1});
  const DLTensor *inputs[] = {&x.dl};
  DLTensor *outputs[] = {&y.dl};
  EXPECT_EQ(rondo_run(context.get(), sum.get(), nullptr, communicator.get(), inputs, 1, outputs, 1),
            RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("input 'x' is on GPU 1, but must be on the CPU");
}

TEST_F(CudaFault, WholeTensorsOfSeveralGpus) {
  setenv("RONDO_EMULATOR_DEVICES", "2", 1);
  EXPECT_EQ(runOnce("cuda_d64", Options(2)), RONDO_INVALID_ARGUMENT);
  EXPECT_IN("rank 0 runs on GPU 0, and rank 1 on GPU 1", text);
}

TEST_F(CudaFault, ShardsOnTheGpuOfAnotherRank) {
  setenv("RONDO_EMULATOR_DEVICES", "2", 1);
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  CudaAttention first(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64});
  std::vector<const DLTensor *> inputs;
  std::vector<DLTensor *> outputs;
  for (int rank = 0; rank < 2; ++rank) {
    for (const DLTensor *tensor : first.inputs())
      inputs.push_back(tensor);
    for (DLTensor *tensor : first.outputs())
      outputs.push_back(tensor);
  }
  EXPECT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), inputs.data(), 3,
                             outputs.data(), 2),
            RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("rank 1: input 'q' is on GPU 0, but rank 1 runs on GPU 1: put its shards there "
               "(rondo_communicator_device tells where a rank runs), or choose one device for all ranks");
}

TEST_F(CudaFault, NoSuchGpu) {
  Options options(1);
  options.device = 3;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  int32_t device = -1;
  EXPECT_EQ(rondo_communicator_device(context.get(), communicator.get(), 0, &device), RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("there is no GPU 3: this process sees GPUs 0 to 0");
}

TEST_F(CudaFault, MarginOfAllMultiprocessors) {
  Options options(1);
  options.sm_margin = 4;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  int32_t device = -1;
  EXPECT_EQ(rondo_communicator_device(context.get(), communicator.get(), 0, &device), RONDO_INVALID_ARGUMENT);
  EXPECT_ERROR("sm_margin is 4, but GPU 0 (PTX emulator) has 4 multiprocessors");
}

TEST_F(CudaFault, OutOfMemory) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 400, 400, 64});
  setenv("RONDO_EMULATOR_MEMORY_BYTES", "250000", 1);
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OUT_OF_MEMORY);
  EXPECT_ERROR("has no memory for its intermediate values: ");
  EXPECT_ERROR("bytes are wanted, ");
  void *data = nullptr;
  EXPECT_EQ(rondo_device_allocate(context.get(), communicator.get(), 0, 1000000, &data), RONDO_OUT_OF_MEMORY);
  EXPECT_ERROR("has no memory for the caller: 1000000 bytes are wanted");
  unsetenv("RONDO_EMULATOR_MEMORY_BYTES");
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OK) << error();
}

// Attentions and merges that are joined, but not with each other.
TEST_F(CudaFault, Joined) {
  Handle<rondo_program> program = load("cuda_d64_joined");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 4, 900, 64});
  auto expectInvalid = [&](const char *function, const char *words) {
    EXPECT_EQ(run(program.get(), communicator.get(), attention, function), RONDO_INVALID_PROGRAM) << function;
    EXPECT_ERROR(words);
  };
  expectInvalid("merge_alone",
                "'merge' in step 0: its operation is joined with an attention, but none came just before");
  expectInvalid("attention_alone", "'merge' in step 0: expected the merge that is joined with 'attend'");
  expectInvalid("operation_between", "'again' in step 0: expected the merge that is joined with 'attend'");
  expectInvalid("no_merge", "no merge is joined with 'attend', which left its result to one");
  expectInvalid("other_operands", "is joined with an attention whose result it does not take");
  expectInvalid("other_type", "is joined with an attention whose parts are merged into another type");
  expectInvalid("other_merge", "does not merge partial results with what arrives, as a joined merge must");
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "exchange_between"), RONDO_RANK_FAILED);
  EXPECT_ERROR("exchanges on the compute stream between an attention and the merge that it is joined with");
  // The communicator can be used again.
  EXPECT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
  attention.expectRight(false);
}

// The GPU never ends a kernel: the run does.
TEST_F(CudaFault, Hang) {
  Handle<rondo_program> program = load("cuda_d64");
  Options options(2);
  options.timeout_s = 0.3;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 40, 40, 64});
  ASSERT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OK) << error();
  setenv("RONDO_EMULATOR_HANG", "merge_f32_64_to_f16_u8_arriving_f16", 1);
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_TIMED_OUT);
  EXPECT_ERROR("no progress in 'merge' in step 1 within 0.3 s");
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_TIMED_OUT);
  EXPECT_ERROR("is still busy with a run that timed out");
}

TEST_F(CudaFault, Injected) {
  Handle<rondo_program> program = load("cuda_d64");
  Options options(3);
  options.inject = "fail@1,value,0";
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 40, 40, 64});
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_RANK_FAILED);
  EXPECT_ERROR("rank 1 failed in exchange 'key+value' with rank 2 in step 0 (injected)");
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_OK) << error();
  attention.expectRight(false);
}

TEST_F(CudaFault, InjectedStall) {
  Handle<rondo_program> program = load("cuda_d64");
  Options options(2);
  options.inject = "stall@1,attend,1";
  options.timeout_s = 0.3;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 40, 40, 64});
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "kv_ring"), RONDO_TIMED_OUT);
  EXPECT_ERROR("rank 1: no progress in 'attend' in step 1 within 0.3 s");
}

} // namespace
