//===- structured_test.cpp - Element-wise kernels on CPUs -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "jit.h"
#include "shard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace rondo::test;

static std::string memref(Element element, int64_t features) {
  return "memref<?x?x?x" + std::to_string(features) + "x" + name(element) + ", strided<[?, ?, ?, 1], offset: ?>>";
}

static std::string kernel(const std::string &arguments, const std::string &op) {
  return "#id = affine_map<(b, h, s, d) -> (b, h, s, d)>\n#row = affine_map<(b, h, s, d) -> (s)>\n"
         "func.func private @k(%part: index, %parts: index, " +
         arguments + ") attributes {exec.kernel = \"elementwise\"} {\n" + op + "\nreturn\n}\n";
}

static void fillRandom(Shard &shard) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  shard.fill([&] { return normal(random); });
}

TEST(Structured, Copies) {
  for (std::string op : {"linalg.copy ins(%a : !t) outs(%b : !t)", "memref.copy %a, %b : !t to !t"})
    for (int64_t parts : {1, 3}) {
      Module module("!t = " + memref(Element::F32, 37) + "\n" + kernel("%a: !t, %b: !t", op));
      Shard a(Element::F32, {2, 3, 5, 37}, Layout::SequenceMajor, Flush::Start), b(Element::F32, {2, 3, 5, 37});
      fillRandom(a);
      module.runKernel("k", parts, {&a, &b});
      b.forEach([&](const std::vector<int64_t> &at) { ASSERT_EQ(b.get(at), a.get(at)); });
    }
}

TEST(Structured, ConvertsBetweenElementTypes) {
  for (Element narrow : {Element::F16, Element::BF16})
    for (const Cpu &cpu : {hostCpu(), portableCpu()}) {
      std::string body = "{\n^bb0(%x: f32, %y: " + name(narrow) + "):\n%z = arith.truncf %x : f32 to " + name(narrow) +
                         "\nlinalg.yield %z : " + name(narrow) + "\n}";
      Module module(
          "!a = " + memref(Element::F32, 33) + "\n!b = " + memref(narrow, 33) + "\n" +
              kernel("%a: !a, %b: !b", "linalg.generic {indexing_maps = [#id, #id], iterator_types = [\"parallel\", "
                                       "\"parallel\", \"parallel\", \"parallel\"]} ins(%a : !a) outs(%b : !b) " +
                                           body),
          cpu);
      Shard a(Element::F32, {1, 2, 7, 33}), b(narrow, {1, 2, 7, 33}), expected(narrow, {1, 2, 7, 33});
      fillRandom(a);
      a.set({0, 0, 0, 0}, NAN);
      a.set({0, 0, 0, 1}, -INFINITY);
      a.set({0, 0, 0, 2}, 1e30);
      a.set({0, 0, 0, 3}, 1.00390625); // a tie in bf16
      module.runKernel("k", 2, {&a, &b});
      a.forEach([&](const std::vector<int64_t> &at) {
        expected.set(at, a.get(at));
        if (std::isnan(expected.get(at)))
          ASSERT_TRUE(std::isnan(b.get(at)));
        else
          ASSERT_EQ(b.get(at), expected.get(at)) << name(narrow) << ' ' << a.get(at);
      });
    }
}

TEST(Structured, ComputesWithBroadcastsScalarsAndLoopIndices) {
  std::string op = R"(
    linalg.generic {indexing_maps = [#id, #row, affine_map<(b, h, s, d) -> ()>, #id],
                    iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%a, %r, %x : !t, memref<?xf32>, f32) outs(%b : !t) {
      ^bb0(%e: bf16, %f: f32, %g: f32, %old: bf16):
        %w = arith.extf %e : bf16 to f32
        %p = arith.mulf %w, %f : f32
        %q = arith.addf %p, %g : f32
        %n = arith.truncf %q : f32 to bf16
        %o = arith.addf %n, %old : bf16
        INDEX
        linalg.yield %RESULT : bf16
    })";
  for (bool indexed : {false, true}) {
    std::string text = op;
    text.replace(text.find("INDEX"), 5,
                 indexed ? "%i = linalg.index 3 : index\n%j = arith.index_cast %i : index to i32\n%k = arith.sitofp "
                           "%j : i32 to bf16\n%s = arith.addf %o, %k : bf16"
                         : "");
    text.replace(text.find("RESULT"), 6, indexed ? "s" : "o");
    Module module("!t = " + memref(Element::BF16, 19) + "\n" +
                      kernel("%a: !t, %r: memref<?xf32>, %b: !t", "%x = arith.constant 3.0 : f32\n" + text),
                  portableCpu());
    Shard a(Element::BF16, {2, 2, 3, 19}), r(Element::F32, {3}), b(Element::BF16, {2, 2, 3, 19});
    a.fill([n = 0]() mutable { return n++ % 5; });
    r.fill([n = 1]() mutable { return n++; });
    b.fill([] { return 1; });
    module.runKernel("k", 3, {&a, &r, &b});
    a.forEach([&](const std::vector<int64_t> &at) {
      ASSERT_EQ(b.get(at), a.get(at) * r.get({at[2]}) + 4 + (indexed ? at[3] : 0));
    });
  }
}

TEST(Structured, FillsAndTakesEmptyShapes) {
  Module module("!t = " + memref(Element::F16, 8) + "\n" +
                kernel("%b: !t", "%x = arith.constant 2.5 : f16\nlinalg.fill ins(%x : f16) outs(%b : !t)"));
  for (int64_t length : {0, 1, 6}) {
    Shard b(Element::F16, {2, 1, length, 8});
    module.runKernel("k", 4, {&b});
    b.forEach([&](const std::vector<int64_t> &at) { ASSERT_EQ(b.get(at), 2.5); });
  }
}

/// What is not element-wise is done by one part, once.
TEST(Structured, LeavesReductionsToOnePart) {
  Module module(R"(
    func.func private @k(%part: index, %parts: index, %a: memref<?xf32>, %b: memref<f32>)
        attributes {exec.kernel = "sum"} {
      linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
          ins(%a : memref<?xf32>) outs(%b : memref<f32>) {
        ^bb0(%x: f32, %sum: f32):
          %s = arith.addf %x, %sum : f32
          linalg.yield %s : f32
      }
      return
    })");
  Shard a(Element::F32, {10}), b(Element::F32, {});
  a.fill([] { return 3; });
  module.runKernel("k", 4, {&a, &b});
  EXPECT_EQ(b.get({}), 30);
}
