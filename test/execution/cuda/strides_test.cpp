// Compiled programs on tensors in other layouts, with padded rows, and on views whose addresses no tensor map takes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/runtime/cuda_attention.h"

using namespace rondo_test;

namespace {

/// Schedule and number of ranks.
class CudaPrograms : public Cuda, public testing::WithParamInterface<std::tuple<const char *, int>> {
protected:
  std::string getProgram() const { return std::string("strides-") + std::get<0>(GetParam()); }
  int getRanks() const { return std::get<1>(GetParam()); }
  void expectBothRight(const AttentionShape &shape) {
    expectRight(getProgram(), shape, Options(getRanks()), "full", false);
    expectRight(getProgram(), shape, Options(getRanks()), "causal", true);
  }
};

// Of [B, S, H, D], each rank's shard is a view.
TEST_P(CudaPrograms, HeadsInside) { expectBothRight({2, 4, 2, 13, 37, 16, /*headsInside=*/true}); }
TEST_P(CudaPrograms, PaddedRows) { expectBothRight({2, 4, 2, 13, 37, 16, false, /*padding=*/8, /*offset=*/16}); }
TEST_P(CudaPrograms, PaddedRowsOfHeadsInside) { expectBothRight({1, 4, 2, 7, 11, 16, true, 24, 8}); }

TEST_P(CudaPrograms, MisalignedViews) {
  Handle<rondo_program> program = load(getProgram());
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(getRanks()));
  CudaAttention odd(context.get(), communicator.get(), {1, 4, 2, 13, 37, 16, false, /*padding=*/0, /*offset=*/1});
  EXPECT_EQ(run(program.get(), communicator.get(), odd, "full"), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("begins at address 0x"), std::string::npos) << error();
}

TEST_P(CudaPrograms, FeaturesApart) {
  Handle<rondo_program> program = load(getProgram());
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(getRanks()));
  CudaAttention attention(context.get(), communicator.get(), {1, 4, 2, 4, 4, 16});
  std::swap(attention.k.strides[2], attention.k.strides[3]);
  EXPECT_EQ(run(program.get(), communicator.get(), attention, "full"), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("stride"), std::string::npos) << error();
}

INSTANTIATE_TEST_SUITE_P(Compiled, CudaPrograms,
                         testing::Combine(testing::Values("query-ring", "kv-ring"), testing::Values(1, 3)));

} // namespace
