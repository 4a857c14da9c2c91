// Barriers of CTAs and clusters, mbarriers, and deadlocks.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

using namespace emulator_test;

namespace {

TestKernel withShared(std::string body, uint32_t threads = 32, uint32_t sharedBytes = 1024) {
  TestKernel kernel(std::move(body), threads);
  kernel.shape.sharedBytes = sharedBytes;
  return kernel;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Named barriers
//===--------------------------------------------------------------------------------------------------------------===//

/// Each thread writes a word, and reads that of the thread 32 places on.
constexpr const char *kExchange = R"(shl.b32 %r1, %tid, 2;
  mov.b32 %r2, tile;
  add.s32 %r3, %r2, %r1;
  st.shared.b32 [%r3], %tid;
  bar.sync 0;
  xor.b32 %r1, %r1, 128;
  add.s32 %r3, %r2, %r1;
  ld.shared.b32 %result, [%r3];)";

TEST(Barrier, CtasExchange) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TestKernel kernel = withShared(kExchange, 128);
    kernel.shape.seed = seed;
    std::vector<uint32_t> results = kernel.run();
    for (uint32_t thread = 0; thread < 128; ++thread)
      ASSERT_EQ(results[thread], thread ^ 32);
  }
}

TEST(Barrier, WithoutItTheReadIsFound) {
  std::string body = kExchange;
  body.erase(body.find("bar.sync 0;"), 11);
  int found = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TestKernel kernel = withShared(body, 128);
    kernel.shape.seed = seed;
    found += kernel.getError().find("which have not been written") != std::string::npos;
  }
  EXPECT_GT(found, 10);
}

TEST(Barrier, ArriveAndSync) {
  // Warp 0 arrives and goes on; warp 1 waits for it.
  TestKernel kernel = withShared(R"(setp.lt.u32 %p1, %tid, 32;
    mov.b32 %r1, tile;
    @%p1 bra FIRST;
    bar.sync 1, 64;
    ld.shared.b32 %result, [%r1];
    bra DONE;
    FIRST: setp.eq.b32 %p2, %tid, 0;
    @%p2 st.shared.b32 [%r1], 42;
    bar.arrive 1, 64;
    DONE:)",
                                 64);
  EXPECT_EQ(kernel.run()[63], 42u);
}

TEST(Barrier, Counts) {
  EXPECT_CONTAINS(TestKernel("bar.sync 1, 48;").getError(), "a barrier of 48 threads, expected a multiple of 32");
  EXPECT_CONTAINS(TestKernel("bar.sync 16;").getError(), "barrier 16; there are 16");
  EXPECT_CONTAINS(TestKernel("add.s32 %r1, %tid, 32; and.b32 %r1, %r1, -32; bar.sync 1, %r1;", 64).getError(),
                  "barrier 1 expects");
}

TEST(Barrier, DeadlockTellsWhoWaitsWhere) {
  std::string error = TestKernel("setp.lt.u32 %p1, %tid, 32; @%p1 ret; bar.sync 3, 64;", 64).getError();
  EXPECT_CONTAINS(error, "test: deadlock; no warp can go on:");
  EXPECT_CONTAINS(error, "CTA (0, 0, 0), warp 1, line 26: bar.sync 3, 64");
  EXPECT_CONTAINS(error, "waits for barrier 3, where 32 of 64 threads had arrived");
}

//===--------------------------------------------------------------------------------------------------------------===//
// mbarriers
//===--------------------------------------------------------------------------------------------------------------===//

constexpr const char *kInit = R"(mov.b32 %r10, tile;
  setp.eq.b32 %p10, %tid, 0;
  @%p10 mbarrier.init.shared::cta.b64 [%r10], 2;
  bar.sync 0;
)";

TEST(MBarrier, PhasesComplete) {
  // Two arrivals end phase 0; a wait for the phase before it passes at once.
  EXPECT_EQ(withShared(std::string(kInit) + R"(
    mbarrier.try_wait.parity.shared.b64 %p1, [%r10], 1, 1000;
    @%p10 mbarrier.arrive.shared::cta.b64 _, [%r10];
    @%p10 mbarrier.arrive.shared::cta.b64 %l1, [%r10], 1;
    mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0;
    and.pred %p1, %p1, %p2;
    selp.b32 %result, 1, 0, %p1;)")
                .run()[31],
            1u);
}

TEST(MBarrier, DeadlockTellsWhatIsMissing) {
  std::string error = withShared(std::string(kInit) + R"(
    @%p10 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r10], 512;
    mbarrier.try_wait.parity.shared.b64 %p1, [%r10], 0;)")
                          .getError();
  EXPECT_CONTAINS(error, "deadlock");
  EXPECT_CONTAINS(error,
                  "waits for the phase of parity 0 of the mbarrier at 1024, which is in phase 0, 1 of 2 arrivals "
                  "and 512 bytes are missing");
}

TEST(MBarrier, Misuse) {
  EXPECT_CONTAINS(withShared("mov.b32 %r1, tile; mbarrier.arrive.shared::cta.b64 _, [%r1];").getError(),
                  "there is no mbarrier at shared memory address 1024");
  EXPECT_CONTAINS(withShared(std::string(kInit) + "@%p10 mbarrier.arrive.shared::cta.b64 _, [%r10], 3;").getError(),
                  "mbarrier: 3 arrivals in a phase that waits for 2 of 2");
  EXPECT_CONTAINS(withShared(std::string(kInit) + "@%p10 st.shared.b32 [%r10+4], 0;").getError(),
                  "while 1024..1032 is being written by line");
  EXPECT_CONTAINS(withShared("mov.b32 %r1, tile; setp.eq.b32 %p1, %tid, 0;"
                             "@%p1 mbarrier.init.shared.b64 [%r1+4], 1;")
                      .getError(),
                  "an mbarrier at shared memory address 1028, which is not a multiple of 8");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Clusters
//===--------------------------------------------------------------------------------------------------------------===//

/// CTA 1 arrives at the mbarrier of CTA 0.
constexpr const char *kRemote = R"(mov.b32 %r10, tile;
  mov.u32 %r11, %cluster_ctarank;
  setp.eq.b32 %p10, %tid, 0;
  @%p10 mbarrier.init.shared::cta.b64 [%r10], 1;
  fence.mbarrier_init.release.cluster;
  barrier.cluster.arrive;
  barrier.cluster.wait;
  setp.eq.b32 %p1, %r11, 0;
  @%p1 bra WAIT;
  mapa.shared::cluster.u32 %r12, %r10, 0;
  @%p10 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r12];
  mov.b32 %result, 1;
  bra DONE;
  WAIT: mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0;
  mov.b32 %result, 2;
  DONE: barrier.cluster.arrive;
  barrier.cluster.wait;)";

TEST(Cluster, RemoteArrival) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TestKernel kernel = withShared(kRemote);
    kernel.cluster = kernel.shape.grid.x = 2;
    kernel.shape.seed = seed;
    std::vector<uint32_t> results = kernel.run();
    ASSERT_EQ(results[0], 2u);
    ASSERT_EQ(results[32], 1u);
  }
}

TEST(Cluster, AddressesHoldTheRank) {
  TestKernel kernel = withShared("mov.b32 %result, tile;");
  kernel.cluster = kernel.shape.grid.x = 2;
  std::vector<uint32_t> results = kernel.run();
  EXPECT_EQ(results[0], 1024u);
  EXPECT_EQ(results[32], 1024u | 1u << kClusterRankShift);
  kernel.body = "mov.b32 %r1, tile; and.b32 %r1, %r1, 0xFFFF; st.shared.b32 [%r1], 0;";
  EXPECT_CONTAINS(kernel.getError(), "shared memory address 1024 is not one of this CTA, whose rank is 1");
}

TEST(Cluster, NobodyMayLeaveEarly) {
  // Without the barriers at the end, CTA 0 may have ended when CTA 1 arrives there.
  std::string body = kRemote;
  body = body.substr(0, body.rfind("barrier.cluster.arrive")) +
         " @%p1 ret; mov.b32 %r20, 0; AGAIN: add.s32 %r20, %r20, 1; setp.lt.u32 %p3, %r20, 1000; @%p3 bra AGAIN;"
         "@%p10 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r12];";
  TestKernel kernel = withShared(body);
  kernel.cluster = kernel.shape.grid.x = 2;
  EXPECT_CONTAINS(kernel.getError(), "is one of the CTA of rank 0, which has ended");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Registers
//===--------------------------------------------------------------------------------------------------------------===//

/// One warpgroup gives registers back, the other ones take them.
std::string moveRegisters(uint32_t loading, uint32_t computing) {
  return concat("setp.lt.u32 %p1, %tid, 128; @%p1 bra LOAD; setmaxnreg.inc.sync.aligned.u32 ", computing,
                "; bra DONE; LOAD: setmaxnreg.dec.sync.aligned.u32 ", loading, "; DONE: mov.b32 %result, 1;");
}

TEST(Registers, MoveBetweenWarpgroups) {
  TestKernel kernel(moveRegisters(24, 240), 384);
  EXPECT_CONTAINS(kernel.getError(), "neither .maxnreg nor .minnctapersm");
  kernel.directives = ".minnctapersm 1";
  EXPECT_EQ(kernel.run()[383], 1u);
  kernel.body = moveRegisters(32, 240);
  EXPECT_CONTAINS(kernel.getError(), "waits for registers: ");
}

} // namespace
