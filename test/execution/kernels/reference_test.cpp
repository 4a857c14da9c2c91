//===- reference_test.cpp - The float64 evaluation of global programs -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "jit.h"
#include "shard.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

using namespace rondo::test;

namespace {
/// The operands of an attention in float64, and its result by the formula.
struct Operands {
  Shard query, key, value, output, lse;

  Operands(int64_t heads, int64_t keyHeads, int64_t queries, int64_t keys, int64_t features, int64_t valueFeatures)
      : query(Element::F64, {2, heads, queries, features}), key(Element::F64, {2, keyHeads, keys, features}),
        value(Element::F64, {2, keyHeads, keys, valueFeatures}),
        output(Element::F64, {2, heads, queries, valueFeatures}), lse(Element::F64, {2, heads, queries}) {
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    for (Shard *shard : {&query, &key, &value})
      shard->fill([&] { return normal(random); });
  }

  /// Query i sees the keys up to i + diagonal.
  void check(double scale, int64_t diagonal) const {
    int64_t group = query.sizes()[1] / std::max<int64_t>(key.sizes()[1], 1);
    lse.forEach([&](const std::vector<int64_t> &at) {
      double sum = 0;
      std::vector<double> expected(value.sizes()[3], 0.0);
      for (int64_t j = 0; j < key.sizes()[2] && j <= at[2] + diagonal; ++j) {
        double score = 0;
        for (int64_t d = 0; d < query.sizes()[3]; ++d)
          score += query.get({at[0], at[1], at[2], d}) * key.get({at[0], at[1] / group, j, d});
        double weight = std::exp(score * scale);
        sum += weight;
        for (size_t d = 0; d < expected.size(); ++d)
          expected[d] += weight * value.get({at[0], at[1] / group, j, static_cast<int64_t>(d)});
      }
      for (size_t d = 0; d < expected.size(); ++d)
        ASSERT_NEAR(output.get({at[0], at[1], at[2], static_cast<int64_t>(d)}), sum ? expected[d] / sum : 0, 1e-12);
      if (sum)
        ASSERT_NEAR(lse.get(at), std::log(sum), 1e-12);
      else
        ASSERT_EQ(lse.get(at), -INFINITY);
    });
  }

  std::vector<const Shard *> all() const { return {&query, &key, &value, &output, &lse}; }
};
} // namespace

static void runReference(Module &module, const std::string &name, const std::vector<const Shard *> &tensors) {
  Arguments arguments;
  for (const Shard *tensor : tensors)
    arguments.add(*tensor);
  module.run(name + "__reference", arguments);
}

TEST(Reference, EvaluatesAttention) {
  const char *text = R"(
    func.func @f(%q: tensor<?x6x?x5xf16>, %k: tensor<?x2x?x5xf16>, %v: tensor<?x2x?x7xf16>)
        -> (tensor<?x6x?x7xf16>, tensor<?x6x?xf32>) {
      %o, %lse = rondo.attention %q, %k, %v scale 0.5 MASK : (tensor<?x6x?x5xf16>, tensor<?x2x?x5xf16>,
          tensor<?x2x?x7xf16>) -> (tensor<?x6x?x7xf16>, tensor<?x6x?xf32>)
      return %o, %lse : tensor<?x6x?x7xf16>, tensor<?x6x?xf32>
    })";
  for (std::string mask : {"", "causal top_left", "causal bottom_right"}) {
    std::string source = text;
    source.replace(source.find("MASK"), 4, mask);
    Module module(source, hostCpu(), Source::GlobalProgram);
    for (auto [queries, keys] : {std::pair{5, 17}, {17, 5}, {3, 0}, {0, 4}, {1, 1}}) {
      SCOPED_TRACE(mask + " " + std::to_string(queries) + " x " + std::to_string(keys));
      Operands operands(6, 2, queries, keys, 5, 7);
      runReference(module, "f", operands.all());
      operands.check(0.5, mask.empty() ? keys : mask == "causal top_left" ? 0 : keys - queries);
    }
  }
}

TEST(Reference, GivesTheIdentityForMinusInfinityAndLetsNaNsThrough) {
  Module module(R"(
    func.func @f(%q: tensor<2x1x4x2xf32>, %k: tensor<2x1x3x2xf32>, %v: tensor<2x1x3x2xf32>)
        -> (tensor<2x1x4x2xf32>, tensor<2x1x4xf32>) {
      %o, %lse = rondo.attention %q, %k, %v : (tensor<2x1x4x2xf32>, tensor<2x1x3x2xf32>, tensor<2x1x3x2xf32>)
          -> (tensor<2x1x4x2xf32>, tensor<2x1x4xf32>)
      return %o, %lse : tensor<2x1x4x2xf32>, tensor<2x1x4xf32>
    })",
                hostCpu(), Source::GlobalProgram);
  Operands operands(1, 1, 4, 3, 2, 2);
  operands.key.fill([] { return 1; });
  operands.query.set({0, 0, 1, 0}, -INFINITY);
  operands.query.set({0, 0, 2, 0}, INFINITY);
  operands.query.set({0, 0, 3, 0}, NAN);
  operands.value.set({0, 0, 0, 0}, NAN);
  runReference(module, "f", operands.all());
  EXPECT_TRUE(std::isnan(operands.output.get({0, 0, 0, 0}))); // the NaN of V
  EXPECT_FALSE(std::isnan(operands.output.get({0, 0, 0, 1})));
  EXPECT_EQ(operands.output.get({0, 0, 1, 0}), 0);
  EXPECT_EQ(operands.lse.get({0, 0, 1}), -INFINITY);
  EXPECT_TRUE(std::isnan(operands.output.get({0, 0, 2, 1})));
  EXPECT_TRUE(std::isnan(operands.output.get({0, 0, 3, 1})));
}

TEST(Reference, EvaluatesElementwiseOps) {
  Module module(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    func.func @f(%a: tensor<?x3xbf16>, %b: tensor<?x3xbf16>) -> (tensor<?x3xf32>, tensor<?x3xbf16>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %a, %c0 : tensor<?x3xbf16>
      %two = arith.constant 2.0 : f32
      %empty = tensor.empty(%n) : tensor<?x3xf32>
      %filled = linalg.fill ins(%two : f32) outs(%empty : tensor<?x3xf32>) -> tensor<?x3xf32>
      %wide = arith.extf %a : tensor<?x3xbf16> to tensor<?x3xf32>
      %root = math.sqrt %wide : tensor<?x3xf32>
      %sum = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
          ins(%root : tensor<?x3xf32>) outs(%filled : tensor<?x3xf32>) {
        ^bb0(%x: f32, %y: f32):
          %tenth = arith.constant 0.1 : f32
          %z = arith.addf %x, %y : f32
          %w = arith.addf %z, %tenth : f32
          linalg.yield %w : f32
      } -> tensor<?x3xf32>
      %less = arith.cmpf olt, %a, %b : tensor<?x3xbf16>
      %smaller = arith.select %less, %a, %b : tensor<?x3xi1>, tensor<?x3xbf16>
      return %sum, %smaller : tensor<?x3xf32>, tensor<?x3xbf16>
    })",
                hostCpu(), Source::GlobalProgram);
  Shard a(Element::F64, {4, 3}), b(Element::F64, {4, 3}), sum(Element::F64, {4, 3}), smaller(Element::F64, {4, 3});
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(0, 10);
  a.fill([&] { return uniform(random); });
  b.fill([&] { return uniform(random); });
  runReference(module, "f", {&a, &b, &sum, &smaller});
  a.forEach([&](const std::vector<int64_t> &at) {
    EXPECT_NEAR(sum.get(at), std::sqrt(a.get(at)) + 2 + static_cast<double>(0.1f), 1e-15);
    EXPECT_EQ(smaller.get(at), std::min(a.get(at), b.get(at)));
  });
}

/// `--check` has to stay usable on real shapes.
TEST(Reference, RunsAtHalfAGigaflop) {
  Module module(R"(
    func.func @f(%q: tensor<2x4x16x128xf32>, %k: tensor<2x4x1601x128xf32>, %v: tensor<2x4x1601x128xf32>)
        -> (tensor<2x4x16x128xf32>, tensor<2x4x16xf32>) {
      %o, %lse = rondo.attention %q, %k, %v : (tensor<2x4x16x128xf32>, tensor<2x4x1601x128xf32>,
          tensor<2x4x1601x128xf32>) -> (tensor<2x4x16x128xf32>, tensor<2x4x16xf32>)
      return %o, %lse : tensor<2x4x16x128xf32>, tensor<2x4x16xf32>
    })",
                hostCpu(), Source::GlobalProgram);
  Operands operands(4, 4, 16, 1601, 128, 128);
  double best = INFINITY;
  for (int repetition = 0; repetition < 3; ++repetition) {
    auto start = std::chrono::steady_clock::now();
    runReference(module, "f", operands.all());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  double operations = 4.0 * 2 * 4 * 16 * 1601 * 128;
  RecordProperty("gigaflops", std::to_string(operations / best / 1e9));
  EXPECT_GE(operations / best, 0.5e9);
}
