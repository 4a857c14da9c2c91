// Programs for CUDA, run on the emulated GPU, against float64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

using namespace rondo_test;

namespace {

TEST_F(Cuda, OneQuery) { expectRight("cuda_d64", {1, 1, 1, 1, 1, 64}); }
TEST_F(Cuda, OddLengths) { expectRight("cuda_d64", {2, 2, 1, 67, 131, 64}); }
TEST_F(Cuda, NoKeys) { expectRight("cuda_d64", {1, 2, 1, 5, 0, 64}); }
TEST_F(Cuda, NoQueries) { expectRight("cuda_d64", {1, 2, 1, 0, 5, 64}); }

// Few rows and many keys: splits, which a merge combines.
TEST_F(Cuda, Splits) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "16", 1);
  expectRight("cuda_d64", {1, 4, 1, 3, 900, 64});
}

// Many rows: the persistent form.
TEST_F(Cuda, Persistent) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "2", 1);
  expectRight("cuda_d64", {1, 4, 2, 300, 200, 64});
}

TEST_F(Cuda, HeadsInside) { expectRight("cuda_d64", {2, 6, 2, 33, 70, 64, true}); }
// 65 heads share one: only by head can they be packed.
TEST_F(Cuda, ManyHeadsShareKeys) { expectRight("cuda_d64", {1, 65, 1, 3, 40, 64}); }
TEST_F(Cuda, PaddedRows) { expectRight("cuda_d64", {1, 2, 2, 20, 50, 64, false, 8, 8}); }
// Rows of 5 elements, at odd addresses: loaded one by one.
TEST_F(Cuda, PlainLoads) { expectRight("cuda_d5", {1, 2, 1, 9, 40, 5, false, 2, 3}); }
TEST_F(Cuda, Causal) { expectRight("cuda_d64_causal", {1, 2, 1, 70, 133, 64}, Options(1), "attend", true); }
TEST_F(Cuda, CausalWithoutVisibleKeys) {
  expectRight("cuda_d64_causal", {1, 1, 1, 90, 20, 64}, Options(1), "attend", true);
}

TEST_F(Cuda, MisalignedQueries) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  CudaAttention address(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64, false, 0, 1});
  EXPECT_EQ(run(program.get(), communicator.get(), address), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("rank 0: cannot launch 'attend' in step 0: query begins at address 0x"), std::string::npos)
      << error();
  CudaAttention stride(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64, false, 3});
  EXPECT_EQ(run(program.get(), communicator.get(), stride), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(error().find("dimension 2 of query has a stride of 134 bytes"), std::string::npos) << error();
  // The communicator can be used again.
  CudaAttention right(context.get(), communicator.get(), {1, 1, 1, 4, 4, 64});
  EXPECT_EQ(run(program.get(), communicator.get(), right), RONDO_OK) << error();
  right.expectRight(false);
}

// Queries, keys and values are right, but rows of O cannot be written 16 bytes at once: the merge writes them.
TEST_F(Cuda, MisalignedOutput) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  CudaAttention attention(context.get(), communicator.get(), {1, 2, 1, 20, 30, 64});
  DeviceTensor<_Float16> odd(context.get(), communicator.get(), 0, {1, 2, 20, 64}, {0, 1, 2, 3}, 2, 2);
  DLTensor *outputs[] = {&odd.dl, &attention.lse.dl};
  ASSERT_EQ(
      rondo_run(context.get(), program.get(), "attend", communicator.get(), attention.inputs().data(), 3, outputs, 2),
      RONDO_OK)
      << error();
  odd.download();
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t s = 0; s < 20; ++s)
      for (int64_t d = 0; d < 64; ++d)
        attention.o.at(0, h, s, d) = odd.at(0, h, s, d);
  attention.o.upload();
  attention.expectRight(false);
}

TEST_F(Cuda, SameBitsAgain) {
  Handle<rondo_program> program = load("cuda_d64");
  std::vector<_Float16> results[2];
  for (int i = 0; i < 2; ++i) {
    setenv("RONDO_EMULATOR_SEED", i ? "77" : "5", 1);
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
    CudaAttention attention(context.get(), communicator.get(), {1, 2, 1, 30, 500, 64});
    ASSERT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
    attention.o.download();
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t s = 0; s < 30; ++s)
        for (int64_t d = 0; d < 64; ++d)
          results[i].push_back(attention.o.at(0, h, s, d));
  }
  EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), results[0].size() * 2), 0);
}

// More lengths than plans are kept for.
TEST_F(Cuda, PlansAreForgotten) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "2", 1);
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(1));
  for (int64_t keys = 1; keys <= 150; ++keys) {
    CudaAttention attention(context.get(), communicator.get(), {1, 1, 1, 1, keys, 64});
    ASSERT_EQ(run(program.get(), communicator.get(), attention), RONDO_OK) << error();
    if (keys % 37 == 0)
      attention.expectRight(false);
  }
}

/// The shards of a ring, placed by the caller.
class CudaRing : public Cuda {
protected:
  void expectRightRing(const std::string &fixture, int ranks, const AttentionShape &s, Options options, bool causal) {
    Handle<rondo_program> program = load(fixture);
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
    CudaAttention whole(context.get(), communicator.get(), s);
    std::vector<std::unique_ptr<DeviceTensor<_Float16>>> wide;
    std::vector<std::unique_ptr<DeviceTensor<float>>> narrow;
    std::vector<const DLTensor *> inputs;
    std::vector<DLTensor *> outputs;
    for (int rank = 0; rank < ranks; ++rank) {
      for (auto *tensor : {&whole.q, &whole.k, &whole.v, &whole.o}) {
        wide.push_back(makeShard<_Float16>(*tensor, communicator.get(), rank, ranks));
        if (tensor != &whole.o)
          inputs.push_back(&wide.back()->dl);
        else
          outputs.push_back(&wide.back()->dl);
      }
      narrow.push_back(makeShard<float>(whole.lse, communicator.get(), rank, ranks));
      outputs.push_back(&narrow.back()->dl);
    }
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), inputs.data(), 3,
                                 outputs.data(), 2),
                RONDO_OK)
          << error();
      for (int rank = 0; rank < ranks; ++rank) {
        gather(*wide[size_t(4 * rank + 3)], whole.o, rank, ranks);
        gather(*narrow[size_t(rank)], whole.lse, rank, ranks);
      }
      whole.o.upload();
      whole.lse.upload();
      whole.expectRight(causal);
    }
  }

private:
  template <typename T>
  std::unique_ptr<DeviceTensor<T>> makeShard(DeviceTensor<T> &whole, rondo_communicator *communicator, int rank,
                                             int ranks) {
    std::vector<int64_t> sizes = whole.shape;
    int64_t rows = (sizes[2] + ranks - 1) / ranks, begin = std::min<int64_t>(rank * rows, sizes[2]);
    sizes[2] = std::min(rows, sizes[2] - begin);
    std::vector<int> order = sizes.size() == 4 ? std::vector<int>{0, 1, 2, 3} : std::vector<int>{0, 1, 2};
    auto shard = std::make_unique<DeviceTensor<T>>(context.get(), communicator, rank, sizes, order);
    forEach(*shard,
            [&](int64_t b, int64_t h, int64_t s, int64_t d) { shard->at(b, h, s, d) = whole.at(b, h, begin + s, d); });
    shard->upload();
    return shard;
  }

  template <typename T>
  void gather(DeviceTensor<T> &shard, DeviceTensor<T> &whole, int rank, int ranks) {
    int64_t begin = rank * ((whole.shape[2] + ranks - 1) / ranks);
    shard.download();
    forEach(shard,
            [&](int64_t b, int64_t h, int64_t s, int64_t d) { whole.at(b, h, begin + s, d) = shard.at(b, h, s, d); });
    shard.poison();
  }

  template <typename T, typename Body>
  static void forEach(DeviceTensor<T> &tensor, Body body) {
    const auto &n = tensor.shape;
    for (int64_t b = 0; b < n[0]; ++b)
      for (int64_t h = 0; h < n[1]; ++h)
        for (int64_t s = 0; s < n[2]; ++s)
          for (int64_t d = 0; d < (n.size() > 3 ? n[3] : 1); ++d)
            body(b, h, s, d);
  }
};

TEST_F(CudaRing, OneRank) { expectRightRing("cuda_d64", 1, {1, 2, 1, 17, 50, 64}, Options(1), false); }
TEST_F(CudaRing, ThreeRanks) { expectRightRing("cuda_d64", 3, {2, 2, 1, 17, 50, 64}, Options(3), false); }
TEST_F(CudaRing, ThreeRanksCausal) { expectRightRing("cuda_d64_causal", 3, {1, 2, 2, 40, 44, 64}, Options(3), true); }
TEST_F(CudaRing, MoreRanksThanKeys) { expectRightRing("cuda_d64", 4, {1, 1, 1, 2, 3, 64}, Options(4), false); }
TEST_F(CudaRing, SeveralGpus) {
  for (const char *peers : {"1", "0"}) {
    for (const char *devices : {"2", "3"}) {
      setenv("RONDO_EMULATOR_PEERS", peers, 1);
      setenv("RONDO_EMULATOR_DEVICES", devices, 1);
      for (int ranks : {2, 3, 5})
        expectRightRing("cuda_d64", ranks, {1, 1, 1, 10, 12, 64}, Options(ranks), false);
    }
  }
}
TEST_F(CudaRing, EmulatedLink) {
  Options options(2);
  options.link_latency_us = 50;
  options.link_gb_per_s = 1;
  options.link_sms = 2;
  expectRightRing("cuda_d64", 2, {1, 1, 1, 4, 12, 64}, options, false);
}
// Work of different streams in other orders: what is not ordered would show.
TEST_F(CudaRing, AnyOrder) {
  for (const char *seed : {"2", "3", "4", "5"}) {
    setenv("RONDO_EMULATOR_SEED", seed, 1);
    expectRightRing("cuda_d64", 3, {1, 1, 1, 7, 9, 64}, Options(3), false);
  }
}

// Whole tensors: LSE and O of each rank are parts of larger ones.
TEST_F(CudaRing, WholeTensors) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  CudaAttention whole(context.get(), communicator.get(), {1, 1, 1, 9, 21, 64});
  DeviceTensor<float> apart(context.get(), communicator.get(), 0, {1, 1, 9}, {0, 1, 2});
  ASSERT_EQ(run(program.get(), communicator.get(), whole, "kv_ring"), RONDO_OK) << error();
  whole.expectRight(false);
}

// Merges are joined with attentions: in parts, in one part, and of shards without keys or rows.
TEST_F(CudaRing, Joined) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "16", 1);
  for (const char *seed : {"1", "2", "3"}) {
    setenv("RONDO_EMULATOR_SEED", seed, 1);
    expectRightRing("cuda_d64_joined", 3, {1, 2, 1, 17, 1000, 64}, Options(3), false);
  }
  for (const char *fixture : {"cuda_d64_joined", "cuda_d64_joined_direct"}) {
    expectRightRing(fixture, 3, {2, 2, 1, 40, 50, 64}, Options(3), false);
    expectRightRing(fixture, 4, {1, 1, 1, 2, 3, 64}, Options(4), false);
    expectRightRing(fixture, 3, {1, 1, 1, 1, 70, 64}, Options(3), false);
  }
}

// The LSEs that are merged into lie apart: they are copied behind the parts.
TEST_F(CudaRing, JoinedWholeTensors) {
  setenv("RONDO_EMULATOR_MULTIPROCESSORS", "16", 1);
  Handle<rondo_program> program = load("cuda_d64_joined");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  for (int64_t keys : {21, 900}) {
    CudaAttention whole(context.get(), communicator.get(), {1, 2, 1, 9, keys, 64});
    ASSERT_EQ(run(program.get(), communicator.get(), whole, "kv_ring"), RONDO_OK) << error();
    whole.expectRight(false);
  }
}

// One kernel merges parts and what arrives.
TEST_F(CudaRing, JoinedKernel) {
  Handle<rondo_program> program = load("cuda_d64_joined");
  Options options(2);
  options.timeout_s = 0.3;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention whole(context.get(), communicator.get(), {1, 1, 1, 9, 900, 64});
  setenv("RONDO_EMULATOR_HANG", "merge_f16_64_to_f16_u8_arriving_f16_dependent", 1);
  EXPECT_EQ(run(program.get(), communicator.get(), whole, "kv_ring"), RONDO_TIMED_OUT);
  EXPECT_NE(error().find("no progress in 'merge' in step 1 within 0.3 s"), std::string::npos) << error();
}

TEST_F(CudaRing, Loopback) {
  Handle<rondo_program> program = load("cuda_d64");
  Options options(4, RONDO_COMMUNICATOR_LOOPBACK);
  options.link_latency_us = 20;
  options.link_gb_per_s = 10;
  options.measure = 1;
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
  CudaAttention shard(context.get(), communicator.get(), {1, 1, 1, 8, 8, 64});
  ASSERT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), shard.inputs().data(), 3,
                             shard.outputs().data(), 2),
            RONDO_OK)
      << error();
  rondo_rank_statistics statistics;
  ASSERT_EQ(rondo_rank_statistics_get(context.get(), communicator.get(), 0, &statistics), RONDO_OK);
  EXPECT_EQ(statistics.messages_sent, 3);
  EXPECT_EQ(statistics.bytes_sent, 3 * 2 * 8 * 64 * 2);
  EXPECT_GE(statistics.communication, 3 * 20e-6);
  EXPECT_GT(statistics.compute, 0);
}

TEST_F(CudaRing, Trace) {
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  CudaAttention whole(context.get(), communicator.get(), {1, 1, 1, 9, 21, 64});
  ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK);
  ASSERT_EQ(run(program.get(), communicator.get(), whole, "kv_ring"), RONDO_OK) << error();
  int counts[3] = {};
  auto visit = [](const rondo_trace_event *event, void *data) {
    ++static_cast<int *>(data)[event->kind];
    EXPECT_LE(event->begin_ns, event->end_ns);
  };
  ASSERT_EQ(rondo_trace_events(context.get(), communicator.get(), visit, counts), RONDO_OK) << error();
  EXPECT_EQ(counts[RONDO_TRACE_KERNEL], 2 * 3);
  EXPECT_EQ(counts[RONDO_TRACE_EXCHANGE], 2 * 2); // a copy of the own block, and one that comes
  EXPECT_EQ(counts[RONDO_TRACE_WAIT], 2);
}

} // namespace
