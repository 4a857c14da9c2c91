// Instructions that are a function of each lane.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

#include <cmath>
#include <limits>

using namespace emulator_test;

namespace {

struct Example {
  const char *body;
  uint32_t expected;
};

void check(std::initializer_list<Example> examples) {
  for (const Example &example : examples)
    EXPECT_EQ(evaluate(example.body), example.expected) << example.body;
}

TEST(Integers, Arithmetic) {
  check({{"add.s32 %result, 7, -9;", 0xFFFFFFFE},
         {"sub.s32 %result, 7, 9;", 0xFFFFFFFE},
         {"mul.lo.s32 %result, 100000, 100000;", 1410065408},
         {"mul.hi.u32 %result, 100000, 100000;", 2},
         {"mul.hi.s32 %result, -100000, 100000;", 0xFFFFFFFD},
         {"mad.lo.s32 %result, 3, -4, 5;", 0xFFFFFFF9},
         {"div.u32 %result, 4294967295, 10;", 429496729},
         {"div.s32 %result, -7, 2;", 0xFFFFFFFD},
         {"rem.u32 %result, 17, 5;", 2},
         {"rem.s32 %result, -17, 5;", 0xFFFFFFFE},
         {"min.s32 %result, -1, 1;", 0xFFFFFFFF},
         {"min.u32 %result, -1, 1;", 1},
         {"max.s32 %result, -1, 1;", 1},
         {"min.relu.s32 %result, -1, 1;", 0},
         {"neg.s32 %result, 5;", 0xFFFFFFFB},
         {"abs.s32 %result, -5;", 5}});
}

TEST(Integers, Wide) {
  check({{"mov.b32 {%h1, %h2}, 0xFFFF; mul.hi.u16 %h3, %h1, %h1; cvt.u32.u16 %result, %h3;", 0xFFFE},
         {"mul.wide.s32 %l1, -3, 5; shr.u64 %l1, %l1, 32; cvt.u32.u64 %result, %l1;", 0xFFFFFFFF},
         {"mul.wide.u32 %l1, -3, 5; shr.u64 %l1, %l1, 32; cvt.u32.u64 %result, %l1;", 4},
         {"mov.b64 %l1, 1; shl.b64 %l1, %l1, 40; add.s64 %l1, %l1, -1; shr.s64 %l1, %l1, 36; cvt.u32.u64 %result, %l1;",
          15},
         {"cvt.s64.s32 %l1, -1; cvt.u64.u32 %l2, -1; sub.s64 %l1, %l1, %l2; shr.u64 %l1, %l1, 32; cvt.u32.u64 %result, "
          "%l1;",
          0xFFFFFFFF},
         {"mov.b64 %l1, 4611686293305360384; shr.u64 %l1, %l1, 32; cvt.u32.u64 %result, %l1;", 0x40000040}});
}

TEST(Integers, Bits) {
  check({{"and.b32 %result, 12, 10;", 8},
         {"or.b32 %result, 12, 10;", 14},
         {"xor.b32 %result, 12, 10;", 6},
         {"not.b32 %result, 12;", 0xFFFFFFF3},
         {"shl.b32 %result, 1, 31;", 0x80000000},
         {"shl.b32 %result, 1, 32;", 0},
         {"shr.s32 %result, -8, 2;", 0xFFFFFFFE},
         {"shr.s32 %result, -8, 99;", 0xFFFFFFFF},
         {"shr.u32 %result, -8, 28;", 15},
         {"bfe.u32 %result, 0xABCD, 4, 8;", 0xBC},
         {"shf.l.wrap.b32 %result, 0x80000001, 0x7, 4;", 0x78},
         {"shf.r.wrap.b32 %result, 0x80000001, 0x7, 4;", 0x78000000},
         {"prmt.b32 %result, 0x33221100, 0x77665544, 0x7610;", 0x77661100},
         {"lop3.b32 %result, 0xF0, 0xCC, 0xAA, 0x96;", 0x96}});
}

TEST(Integers, Comparisons) {
  check({{"setp.lt.s32 %p1, -1, 1; selp.b32 %result, 5, 6, %p1;", 5},
         {"setp.lt.u32 %p1, -1, 1; selp.b32 %result, 5, 6, %p1;", 6},
         {"setp.ge.s64 %p1, %l1, %l1; selp.b32 %result, 5, 6, %p1;", 5},
         {"setp.eq.b32 %p1, 3, 3; setp.ne.b32 %p2, 3, 3; and.pred %p3, %p1, %p2; selp.b32 %result, 5, 6, %p3;", 6},
         {"setp.eq.b32 %p1, 3, 3; setp.ne.b32 %p2, 3, 3; or.pred %p3, %p1, %p2; selp.b32 %result, 5, 6, %p3;", 5},
         {"setp.ne.b32 %p2, 3, 3; not.pred %p3, %p2; @%p3 mov.b32 %result, 9;", 9},
         {"setp.ne.b32 %p2, 3, 3; @!%p2 mov.b32 %result, 9; @%p2 mov.b32 %result, 8;", 9}});
}

TEST(Integers, VectorsOfBits) {
  check({{"mov.b32 %r1, 0x12345678; mov.b32 {%h1, %h2}, %r1; mov.b32 %result, {%h2, %h1};", 0x56781234},
         {"mov.b64 %l1, {7, 9}; mov.b64 {%r1, %r2}, %l1; sub.s32 %result, %r2, %r1;", 2}});
}

/// Each lane has its own values.
TEST(Integers, Lanes) {
  std::vector<uint32_t> results = TestKernel("setp.lt.u32 %p1, %tid, 5; @%p1 mul.lo.s32 %result, %tid, %tid;").run();
  for (uint32_t lane = 0; lane < kWarpLanes; ++lane)
    EXPECT_EQ(results[lane], lane < 5 ? lane * lane : 0);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Floats
//===--------------------------------------------------------------------------------------------------------------===//

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float apply(const std::string &opcode, std::initializer_list<float> operands) {
  std::string body = opcode + " %result";
  for (float operand : operands)
    body += ", " + literal(operand);
  return evaluateFloat(body + ";");
}

TEST(Floats, Arithmetic) {
  EXPECT_EQ(apply("add.rn.f32", {1.5f, 2.25f}), 3.75f);
  EXPECT_EQ(apply("sub.f32", {1.5f, 2.25f}), -0.75f);
  EXPECT_EQ(apply("mul.rn.f32", {1.5f, -2.0f}), -3.0f);
  EXPECT_EQ(apply("max.f32", {-kInfinity, 2.0f}), 2.0f);
  EXPECT_EQ(apply("max.f32", {NAN, 2.0f}), 2.0f);
  EXPECT_TRUE(std::isnan(apply("max.NaN.f32", {NAN, 2.0f})));
  EXPECT_EQ(apply("neg.f32", {2.0f}), -2.0f);
  // One rounding: the product alone would be rounded to 1.
  float a = 1.0f + std::ldexp(1.0f, -12);
  EXPECT_EQ(apply("fma.rn.f32", {a, a, -1.0f - std::ldexp(1.0f, -11)}), std::ldexp(1.0f, -24));
}

TEST(Floats, Functions) {
  EXPECT_EQ(apply("ex2.approx.ftz.f32", {3.0f}), 8.0f);
  EXPECT_EQ(apply("ex2.approx.ftz.f32", {-kInfinity}), 0.0f);
  EXPECT_EQ(apply("lg2.approx.ftz.f32", {8.0f}), 3.0f);
  EXPECT_EQ(apply("lg2.approx.ftz.f32", {0.0f}), -kInfinity);
  EXPECT_EQ(apply("rcp.approx.ftz.f32", {4.0f}), 0.25f);
  EXPECT_EQ(apply("rcp.approx.ftz.f32", {0.0f}), kInfinity);
}

TEST(Floats, SubnormalsAreFlushed) {
  float subnormal = std::ldexp(1.0f, -140);
  EXPECT_EQ(apply("add.f32", {subnormal, 0.0f}), subnormal);
  EXPECT_EQ(apply("add.ftz.f32", {subnormal, 0.0f}), 0.0f);
  EXPECT_EQ(apply("ex2.approx.ftz.f32", {-140.0f}), 0.0f);
  EXPECT_EQ(apply("ex2.approx.f32", {-140.0f}), subnormal);
}

bool compares(const std::string &comparison, float a, float b) {
  return evaluate("setp." + comparison + ".f32 %p1, " + literal(a) + ", " + literal(b) +
                  "; selp.b32 %result, 1, 0, %p1;");
}

TEST(Floats, Comparisons) {
  EXPECT_TRUE(compares("gt", 2, 1));
  EXPECT_FALSE(compares("gt", 1, 1));
  EXPECT_TRUE(compares("eq", -kInfinity, -kInfinity));
  for (const char *ordered : {"eq", "ne", "lt", "le", "gt", "ge", "num"})
    EXPECT_FALSE(compares(ordered, NAN, 1)) << ordered;
  for (const char *unordered : {"equ", "neu", "ltu", "leu", "gtu", "geu", "nan"})
    EXPECT_TRUE(compares(unordered, NAN, 1)) << unordered;
}

TEST(Floats, Conversions) {
  // Ties go to even: 1 + 2^-8 lies between two bf16 numbers.
  EXPECT_EQ(evaluate("cvt.rn.bf16x2.f32 %result, " + literal(1.0f + std::ldexp(1.0f, -8)) + ", " + literal(-2) + ";"),
            0x3F80C000u);
  EXPECT_EQ(evaluate("cvt.rn.f16x2.f32 %result, " + literal(1.0f) + ", " + literal(65520.0f) + ";"), 0x3C007C00u);
  EXPECT_EQ(evaluateFloat("mov.b32 {%h1, %h2}, 0x3C00C000; cvt.f32.f16 %result, %h1;"), -2.0f);
  EXPECT_EQ(evaluateFloat("mov.b32 {%h1, %h2}, 0x3F80C000; cvt.f32.bf16 %result, %h1;"), -2.0f);
  EXPECT_EQ(evaluateFloat("cvt.rn.f32.s32 %result, -7;"), -7.0f);
  EXPECT_EQ(evaluate("cvt.rzi.s32.f32 %result, " + literal(-2.75f) + ";"), 0xFFFFFFFEu);
  EXPECT_EQ(apply("cvt.rmi.f32.f32", {-2.25f}), -3.0f);
  EXPECT_EQ(apply("cvt.rpi.f32.f32", {-2.75f}), -2.0f);
  EXPECT_EQ(apply("cvt.rzi.f32.f32", {-2.75f}), -2.0f);
  EXPECT_EQ(apply("cvt.rni.f32.f32", {2.5f}), 2.0f);
}

} // namespace
