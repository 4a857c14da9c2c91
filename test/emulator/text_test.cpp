// What the emulator says of text that it does not understand, and of launches that do not fit.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

#include <algorithm>

using namespace emulator_test;

namespace {

TEST(Text, UnknownInstruction) {
  EXPECT_CONTAINS(TestKernel("frobnicate.b32 %r1, %r2;").getError(),
                  "line 26: the emulator does not know this instruction: frobnicate.b32 %r1, %r2");
  // A modifier makes another instruction.
  EXPECT_CONTAINS(TestKernel("add.sat.s32 %r1, %r2, %r3;").getError(), "does not know this instruction: add.sat.s32");
}

TEST(Text, OperandsThatDoNotFit) {
  EXPECT_CONTAINS(TestKernel("add.s32 %r1, %l2, 3;").getError(),
                  "%l2 is 64 bits, expected 32 bits: add.s32 %r1, %l2, 3");
  EXPECT_CONTAINS(TestKernel("add.s32 %r1, %r2;").getError(), "2 operands, expected 3");
  EXPECT_CONTAINS(TestKernel("add.s32 %r1, %missing, 3;").getError(), "'%missing' is not declared");
  EXPECT_CONTAINS(TestKernel("add.s32 4, %r1, 3;").getError(), "a number cannot be written");
  EXPECT_CONTAINS(TestKernel("ld.global.b32 %r1, %l1;").getError(), "expected [address]");
}

TEST(Text, BranchesAndScopes) {
  EXPECT_CONTAINS(TestKernel("bra NOWHERE;").getError(), "there is no label 'NOWHERE'");
  EXPECT_CONTAINS(TestKernel("{ .reg .b32 x; mov.b32 x, 1; } mov.b32 %r1, x;").getError(), "'x' is not declared");
  // Inner names hide outer ones, and labels of two blocks may be the same.
  EXPECT_EQ(evaluate(R"(mov.b32 %r1, 7;
    { .reg .b32 %r1; mov.b32 %r1, 1; bra DONE; mov.b32 %r1, 2; DONE: add.s32 %result, %result, %r1; }
    { .reg .b32 %r1; mov.b32 %r1, 10; bra DONE; mov.b32 %r1, 20; DONE: add.s32 %result, %result, %r1; }
    add.s32 %result, %result, %r1;)"),
            18u);
}

TEST(Text, Punctuation) {
  EXPECT_CONTAINS(TestKernel("add.s32 %r1, , 3;").getError(), "line 26: found ',', expected an operand");
  EXPECT_CONTAINS(TestKernel("mov.b32 %r1, 0x1G;").getError(), "found '0x1G', expected an integer");
  EXPECT_CONTAINS(TestKernel("mov.b32 %r1, 1").getError(), "expected ';'");
  EXPECT_EQ(evaluate("/* add */ mov.b32 %result, -3; // sub\n"), 0xFFFFFFFDu);
}

TEST(Text, Module) {
  auto getError = [](const std::string &text) -> std::string {
    try {
      Module module(text);
    } catch (const EmulationError &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_CONTAINS(getError(".version 8.6 .target sm_80"), "the target is sm_80, expected sm_90a");
  EXPECT_CONTAINS(getError(".func f() {}"), "found '.func'");
  EXPECT_CONTAINS(getError(".visible .entry k() { ret;"), "expected an instruction");
  EXPECT_CONTAINS(getError(".visible .entry k() {}"), "kernel k has no instructions");
  EXPECT_CONTAINS(getError(".visible .entry k()\n{ mov.b32 %r1, 99999999999999999999; }"),
                  "line 2: a number is too large");
}

TEST(Text, InstructionsAreListed) {
  std::vector<std::string> all = listInstructions();
  EXPECT_GT(all.size(), 150u);
  EXPECT_NE(std::find(all.begin(), all.end(), "fma.rn.f32"), all.end());
  EXPECT_EQ(expandPattern("a(b|c[d])[e]"), (std::vector<std::string>{"ab", "ac", "acd", "abe", "ace", "acde"}));
}

TEST(Launch, Shape) {
  TestKernel kernel("");
  kernel.directives = ".reqntid 64";
  EXPECT_CONTAINS(kernel.getError(), "CTAs of 32 threads; the kernel wants 64");
  TestKernel cluster("");
  cluster.cluster = 2;
  cluster.shape.grid.x = 3;
  EXPECT_CONTAINS(cluster.getError(), "a grid of 3 x 1 x 1 CTAs, in clusters of 2");
  TestKernel shared("");
  shared.shape.sharedBytes = 1 << 20;
  EXPECT_CONTAINS(shared.getError(), "1048576 bytes of shared memory; a CTA can have 232448");
}

TEST(Launch, Arguments) {
  Module module(TestKernel("").getText());
  GlobalMemory memory;
  LaunchShape shape;
  shape.threads = 32;
  uint8_t arguments[64] = {};
  try {
    module.getKernel().launch(memory, shape, arguments, sizeof(arguments));
    FAIL() << "64 bytes of arguments are too few";
  } catch (const EmulationError &error) {
    EXPECT_CONTAINS(error.what(), "64 bytes of arguments, expected 144");
  }
}

/// The same seed gives the same schedule, and the results do not depend on it.
TEST(Launch, GridIsCovered) {
  TestKernel kernel("mov.b32 %result, %r0;");
  kernel.shape.grid.x = 37;
  for (uint64_t seed : {1, 2, 3}) {
    kernel.shape.seed = seed;
    std::vector<uint32_t> results = kernel.run();
    for (uint32_t i = 0; i < results.size(); ++i)
      ASSERT_EQ(results[i], i);
  }
}

/// Clusters run on two threads of the host, but it is always the same one that is told of.
TEST(Launch, LowestFailureIsTold) {
  TestKernel kernel("setp.ge.u32 %p1, %cta, 5; @%p1 trap;");
  kernel.shape.grid.x = 20;
  for (int i = 0; i < 20; ++i)
    EXPECT_CONTAINS(kernel.getError(), "test, CTA (5, 0, 0), warp 0, line 26: @%p1 trap: the kernel gives up");
}

TEST(Launch, EndlessLoop) {
  TestKernel kernel("AGAIN: bra AGAIN;");
  kernel.shape.instructionLimit = 10000;
  EXPECT_CONTAINS(kernel.getError(), "test: no end after");
}

} // namespace
