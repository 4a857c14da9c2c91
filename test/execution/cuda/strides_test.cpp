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

// One rank makes all steps. What it sends lies in its arena, so that one graph serves any tensors of a layout.
TEST_P(CudaPrograms, GraphsOfOtherTensors) {
  Handle<rondo_program> program = load(getProgram());
  Options options(getRanks(), RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 1;
  Handle<rondo_communicator> without = makeCommunicator(context.get(), options);
  options.graphs = 1;
  Handle<rondo_communicator> with = makeCommunicator(context.get(), options);
  for (const char *function : {"full", "causal"}) {
    const AttentionShape shape = {1, 4, 2, 6, 90, 16, true, 8};
    CudaAttention one(context.get(), with.get(), shape), other(context.get(), with.get(), shape);
    // K and V of one are V and K of the other.
    std::vector<const DLTensor *> inputs[] = {one.inputs(), {&other.q.dl, &other.v.dl, &other.k.dl}};
    std::vector<DLTensor *> outputs[] = {one.outputs(), other.outputs()};
    CudaAttention *const tensors[] = {&one, &other};
    auto run = [&](rondo_communicator *communicator, int i) {
      tensors[i]->o.poison();
      EXPECT_EQ(rondo_run_shards(context.get(), program.get(), function, communicator, inputs[i].data(), 3,
                                 outputs[i].data(), 2),
                RONDO_OK)
          << error();
      tensors[i]->o.download();
      std::vector<float> values;
      for (int64_t h = 0; h < shape.heads; ++h)
        for (int64_t s = 0; s < shape.queries; ++s)
          for (int64_t d = 0; d < shape.features; ++d)
            values.push_back(float(tensors[i]->o.at(0, h, s, d)));
      return values;
    };
    const std::vector<float> expected[] = {run(without.get(), 0), run(without.get(), 1)};
    EXPECT_NE(expected[0], expected[1]);
    for (int i : {0, 0, 1, 0, 1, 1, 0})
      EXPECT_EQ(run(with.get(), i), expected[i]);
  }
  int64_t captured = 0, replayed = 0;
  ASSERT_EQ(rondo_communicator_graphs(context.get(), with.get(), &captured, &replayed), RONDO_OK) << error();
  EXPECT_EQ(captured, 2);
  EXPECT_EQ(replayed, 2 * 5);
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
