// Lanes of a warp that diverge and meet, and what they exchange.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

using namespace emulator_test;

namespace {

TEST(Warp, DivergesAndMeets) {
  // Even lanes take a longer way; all must be there for the shuffle.
  std::vector<uint32_t> results = TestKernel(R"(and.b32 %r1, %tid, 1;
    setp.eq.b32 %p1, %r1, 0;
    mov.b32 %r2, 100;
    @%p1 bra EVEN;
    bra MEET;
    EVEN: add.s32 %r2, %r2, %tid;
    MEET: shfl.sync.bfly.b32 %result, %r2, 1, 31, -1;)")
                                      .run();
  for (uint32_t lane = 0; lane < kWarpLanes; ++lane)
    EXPECT_EQ(results[lane], lane % 2 ? 100 + lane - 1 : 100);
}

TEST(Warp, LoopsOfDifferentLength) {
  std::vector<uint32_t> results = TestKernel(R"(mov.b32 %r1, 0;
    AGAIN: add.s32 %result, %result, %r1;
    add.s32 %r1, %r1, 1;
    setp.le.u32 %p1, %r1, %tid;
    @%p1 bra AGAIN;)")
                                      .run();
  for (uint32_t lane = 0; lane < kWarpLanes; ++lane)
    EXPECT_EQ(results[lane], lane * (lane + 1) / 2);
}

TEST(Warp, Shuffles) {
  struct {
    const char *kind;
    const char *operands;
    uint32_t (*expected)(uint32_t lane);
  } examples[] = {{"idx", "3, 31", [](uint32_t) { return 3u; }},
                  {"bfly", "2, 31", [](uint32_t lane) { return lane ^ 2; }},
                  {"up", "4, 0", [](uint32_t lane) { return lane < 4 ? lane : lane - 4; }},
                  {"down", "4, 31", [](uint32_t lane) { return lane < 28 ? lane + 4 : lane; }},
                  // Segments of eight lanes: the clamp holds 24 in its upper part.
                  {"down", "4, 6175", [](uint32_t lane) { return lane % 8 < 4 ? lane + 4 : lane; }}};
  for (const auto &[kind, operands, expected] : examples) {
    std::vector<uint32_t> results =
        TestKernel(concat("shfl.sync.", kind, ".b32 %result, %tid, ", operands, ", -1;")).run();
    for (uint32_t lane = 0; lane < kWarpLanes; ++lane)
      EXPECT_EQ(results[lane], expected(lane)) << kind << " " << operands << " lane " << lane;
  }
}

TEST(Warp, Elect) {
  std::vector<uint32_t> results = TestKernel("elect.sync %r1|%p1, -1; selp.b32 %result, 1, 0, %p1;").run();
  EXPECT_EQ(results[0], 1u);
  for (uint32_t lane = 1; lane < kWarpLanes; ++lane)
    EXPECT_EQ(results[lane], 0u);
}

TEST(Warp, Votes) {
  EXPECT_EQ(evaluate("setp.lt.u32 %p1, %tid, 4; vote.sync.ballot.b32 %result, %p1, -1;"), 15u);
  EXPECT_EQ(evaluate("setp.lt.u32 %p1, %tid, 4; vote.sync.any.pred %p2, %p1, -1; selp.b32 %result, 1, 0, %p2;"), 1u);
  EXPECT_EQ(evaluate("setp.lt.u32 %p1, %tid, 4; vote.sync.all.pred %p2, %p1, -1; selp.b32 %result, 1, 0, %p2;"), 0u);
}

TEST(Warp, ExitedLanesDoNotTakePart) {
  EXPECT_CONTAINS(
      TestKernel("setp.eq.b32 %p1, %tid, 0; @%p1 ret; shfl.sync.bfly.b32 %result, %tid, 1, 31, -1;").getError(),
      "names lanes 0xffffffff; it is executed by 0xfffffffe");
}

TEST(Warp, PartOfAWarpCannotShuffle) {
  EXPECT_CONTAINS(TestKernel("setp.eq.b32 %p1, %tid, 0; @%p1 shfl.sync.bfly.b32 %result, %tid, 1, 31, -1;").getError(),
                  "only some lanes of the warp execute it");
}

TEST(Warp, LanesThatNeverMeetAreADeadlock) {
  std::string error = TestKernel(R"(setp.eq.b32 %p1, %tid, 0;
    @%p1 bra OTHER;
    bar.warp.sync -1;
    ret;
    OTHER: bar.warp.sync -1;)")
                          .getError();
  EXPECT_CONTAINS(error, "test: deadlock; no warp can go on:");
  EXPECT_CONTAINS(error, "warp 0, lanes 0xfffffffe");
  EXPECT_CONTAINS(error, "waits for the other lanes of the warp");
}

} // namespace
