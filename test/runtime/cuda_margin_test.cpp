// The margin that attention leaves to transfers: the model by itself, and in runs on the emulated GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

#include "runtime/src/cuda_margin.h"

using namespace rondo_test;

namespace {

constexpr rondo_kernel_traits kGrid = {384, 200000, 1, 2, 192, 0, 0, 1, 0, 0, 0, 0};
constexpr rondo_kernel_traits kPersistent = {384, 200000, 2, 2, 176, 0, 1, 0, 0, 0, 0, 0};
constexpr int32_t kMultiprocessors = 132;

rondo_attend_facts makeFacts(int64_t group, int64_t queries, int64_t keys) {
  rondo_attend_facts facts = {};
  facts.problem = {1, 8, group, queries, keys, 128, 128, 0, false};
  facts.query_by_head = facts.result_by_head = facts.inputs_aligned = facts.output_aligned = true;
  return facts;
}

/// Llama 3.2-Vision's step on one rank, whose plan fills 132 multiprocessors once.
const rondo_attend_facts kStep = makeFacts(4, 63, 76848);
const rondo_attend_facts kSquare = makeFacts(2, 8192, 8192);

struct Step {
  Step(const rondo_attend_facts &facts, rondo_transfer_load transfer, int32_t fixed = -1,
       int32_t multiprocessors = kMultiprocessors) {
    const rondo_attend_candidate candidates[] = {{&kPersistent, true, false}, {&kGrid, false, true}};
    plan = rondo_plan_step(&facts, candidates, 2, multiprocessors, &transfer, fixed);
  }
  ~Step() { rondo_free_tile_table(&plan.choice.table); }
  rondo_step_plan plan;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Transfers
//===--------------------------------------------------------------------------------------------------------------===//

TEST(CudaMargin, TransfersTakeLongerWithMoreBytesAndFewerCtas) {
  EXPECT_EQ(rondo_predict_transfer(&rondo_nvlink, 0, 4), 0);
  EXPECT_EQ(rondo_predict_transfer(&rondo_nvlink, -1, 4), 0);
  EXPECT_EQ(rondo_predict_transfer(&rondo_nvlink, 1 << 20, 0), rondo_predict_transfer(&rondo_nvlink, 1 << 20, 1));
  double former = 0;
  for (int64_t bytes = 1; bytes < int64_t(1) << 40; bytes *= 7) {
    double one = rondo_predict_transfer(&rondo_nvlink, bytes, 1),
           four = rondo_predict_transfer(&rondo_nvlink, bytes, 4);
    EXPECT_GT(one, former);
    EXPECT_LT(four, one);
    former = one;
  }
  // At some number of CTAs the link is full.
  EXPECT_EQ(rondo_predict_transfer(&rondo_nvlink, 1 << 30, 10), rondo_predict_transfer(&rondo_nvlink, 1 << 30, 64));
  EXPECT_LT(rondo_predict_transfer(&rondo_nvlink, 1 << 30, 9), rondo_predict_transfer(&rondo_nvlink, 1 << 30, 8));
}

TEST(CudaMargin, CtasOfNccl) {
  EXPECT_EQ(rondo_count_nccl_ctas(8, 2, 0), 0);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 1, 1 << 20), 0);
  // Shared by the ranks, in parts of 64 KiB at least.
  EXPECT_EQ(rondo_count_nccl_ctas(8, 2, 1 << 20), 4);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 3, 1 << 20), 2);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 16, 1 << 20), 1);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 2, 1), 1);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 2, 65537), 2);
  // More for parts of more than 16 MiB, until there are no more.
  EXPECT_EQ(rondo_count_nccl_ctas(8, 8, 17 << 20), 2);
  EXPECT_EQ(rondo_count_nccl_ctas(8, 8, int64_t(1) << 40), 8);
  // Limits become powers of two; nobody's limit is NCCL's own.
  EXPECT_EQ(rondo_count_nccl_ctas(3, 2, 1 << 20), 2);
  EXPECT_EQ(rondo_count_nccl_ctas(0, 2, 1 << 24), RONDO_NCCL_USUAL_CTAS / 2);
  EXPECT_EQ(rondo_count_nccl_ctas(64, 2, 1 << 24), RONDO_NCCL_USUAL_CTAS / 2);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Margins
//===--------------------------------------------------------------------------------------------------------------===//

TEST(CudaMargin, NothingToLeaveRoomFor) {
  for (rondo_transfer_load none : {rondo_transfer_load{0, 0}, {0, 50}, {8, 0}}) {
    Step step(kStep, none);
    EXPECT_EQ(step.plan.margin, 0);
    EXPECT_EQ(step.plan.step, std::max(step.plan.attend, none.microseconds));
    EXPECT_EQ(step.plan.other, step.plan.step);
  }
}

TEST(CudaMargin, AloneItIsWhatTheKernelsWereChosenBy) {
  for (const rondo_attend_facts &facts : {kStep, kSquare, makeFacts(1, 1, 1), makeFacts(7, 3, 70001)}) {
    Step step(facts, {0, 0});
    EXPECT_NEAR(step.plan.attend, step.plan.choice.splits.microseconds, 1e-9 * step.plan.attend);
  }
}

TEST(CudaMargin, FollowsTheCtas) {
  Step few(kStep, {4, 30}), many(kStep, {12, 30});
  // It costs less than 1 %: the last splits of the plan are short, and four multiprocessors are there for them alone.
  EXPECT_EQ(few.plan.margin, 4);
  EXPECT_NEAR(few.plan.step, few.plan.attend, 0.02 * few.plan.attend);
  EXPECT_EQ(many.plan.margin, 12);
  EXPECT_LT(many.plan.step, many.plan.other);
  // One wave: its late CTAs start when the transfer ends, or the transfer's late ones when the attention does.
  double late = Step(kStep, {12, 30}, 0).plan.step - many.plan.attend;
  EXPECT_GT(late, 20);
  EXPECT_LE(late, 30);
}

TEST(CudaMargin, PersistentKernelsLoseClusters) {
  rondo_attend_facts facts = makeFacts(1, 8192, 8192);
  Step step(facts, {8, 300});
  EXPECT_TRUE(step.plan.margin == 8 || step.plan.margin == 16) << step.plan.margin;
  EXPECT_LT(step.plan.step, Step(facts, {8, 300}, 0).plan.step);
  EXPECT_LE(step.plan.step, 1.01 * Step(facts, {8, 300}, 8).plan.step);
  EXPECT_LE(step.plan.step, 1.01 * Step(facts, {8, 300}, 16).plan.step);
}

TEST(CudaMargin, NotWorseThanWithout) {
  for (const rondo_attend_facts &facts : {kStep, kSquare, makeFacts(1, 1, 1), makeFacts(7, 3, 70001)}) {
    double former = 0;
    for (int32_t ctas : {1, 2, 4, 8, 16, 32})
      for (double microseconds : {0.5, 20., 130., 5000.}) {
        Step free(facts, {ctas, microseconds}), bare(facts, {ctas, microseconds}, 0);
        EXPECT_LE(free.plan.step, rondo_margin_tolerance * bare.plan.step);
        EXPECT_GE(free.plan.step, microseconds);
        EXPECT_GE(bare.plan.step, bare.plan.attend * (1 - 1e-12));
        EXPECT_GE(free.plan.other * rondo_margin_tolerance, free.plan.step);
      }
    // More multiprocessors taken, or for longer, is never shorter.
    for (int32_t ctas : {0, 1, 2, 4, 8, 16, 64, 131, 132, 1000}) {
      Step step(facts, {ctas, 40}, 0);
      EXPECT_GE(step.plan.step, former * (1 - 1e-12)) << ctas;
      former = step.plan.step;
    }
    former = 0;
    for (double microseconds : {0., 1., 10., 100., 1e4, 1e6}) {
      Step step(facts, {8, microseconds}, 0);
      EXPECT_GE(step.plan.step, former * (1 - 1e-12)) << microseconds;
      former = step.plan.step;
    }
  }
}

TEST(CudaMargin, OneMultiprocessorStays) {
  EXPECT_EQ(Step(kStep, {1000, 40}, -1, 4).plan.choice.refusal, RONDO_FITS);
  EXPECT_LE(Step(kStep, {1000, 40}, -1, 4).plan.margin, 3);
  EXPECT_EQ(Step(kStep, {1, 40}, -1, 1).plan.margin, 0);
  EXPECT_EQ(Step(kStep, {1, 40}, 1000).plan.margin, kMultiprocessors - 1);
  EXPECT_EQ(Step(kStep, {8, 40}, 3).plan.margin, 3);
}

TEST(CudaMargin, WithoutAKernelThereIsNoPlan) {
  rondo_attend_facts facts = kStep;
  facts.inputs_aligned = false;
  Step step(facts, {8, 40});
  EXPECT_EQ(step.plan.choice.candidate, -1);
  EXPECT_EQ(step.plan.choice.refusal, RONDO_NOT_ALIGNED);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Runs
//===--------------------------------------------------------------------------------------------------------------===//

/// The kv-ring of four ranks by itself: eight heads on the emulated GPU's four multiprocessors, two after another, each
/// for some 2 us.
class CudaMarginRun : public Cuda {
protected:
  struct Room {
    int32_t sm_margin = -1, transfer_ctas = -1;
  };

  Room run(int32_t margin, int32_t sms, double latency = 6) {
    Handle<rondo_program> program = load("cuda_d64");
    Options options(4, RONDO_COMMUNICATOR_LOOPBACK);
    options.link_latency_us = latency;
    options.sm_margin = margin;
    options.link_sms = sms;
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
    CudaAttention shard(context.get(), communicator.get(), {1, 8, 8, 2, 768, 64});
    EXPECT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), shard.inputs().data(), 3,
                               shard.outputs().data(), 2),
              RONDO_OK)
        << error();
    Room room;
    EXPECT_EQ(rondo_rank_transfer_room(context.get(), communicator.get(), 0, &room.sm_margin, &room.transfer_ctas),
              RONDO_OK)
        << error();
    return room;
  }
};

TEST_F(CudaMarginRun, FollowsWhatTheLinkTakes) {
  Room room = run(-1, 1);
  EXPECT_EQ(room.transfer_ctas, 1);
  EXPECT_EQ(room.sm_margin, 1);
}

TEST_F(CudaMarginRun, CopyEnginesNeedNone) {
  Room room = run(-1, 0);
  EXPECT_EQ(room.transfer_ctas, 0);
  EXPECT_EQ(room.sm_margin, 0);
}

// It starts at once.
TEST_F(CudaMarginRun, LeavesRoomForALongTransfer) { EXPECT_EQ(run(-1, 1, 1000).sm_margin, 1); }

TEST_F(CudaMarginRun, ExplicitOnesOverride) {
  EXPECT_EQ(run(0, 1).sm_margin, 0);
  EXPECT_EQ(run(2, 1).sm_margin, 2);
  EXPECT_EQ(run(2, 0).sm_margin, 2);
}

} // namespace
