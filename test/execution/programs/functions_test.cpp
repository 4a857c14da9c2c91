//===- functions_test.cpp - Several attentions and elementwise ops in a function, several functions -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "oracle.h"
#include "program_text.h"
#include "run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace rondo::test;

namespace {
const Sharding bySequence = {{}, {}, {"seq"}, {}}, lseBySequence = {{}, {}, {"seq"}}, replicated = {{}, {}, {}, {}};

class Functions : public testing::TestWithParam<const char *> {
protected:
  const rondo_program *compileText(const std::string &text) const {
    return compile({text, {std::string("--schedule=") + GetParam(), "--no-reference"}});
  }
};

Global map(const Global &a, const Global &b, const std::function<double(double, double)> &function) {
  Global result(a.sizes());
  std::transform(a.values().begin(), a.values().end(), b.values().begin(), result.values().begin(), function);
  return result;
}
} // namespace

/// Replaces each name that starts with $ by what it stands for.
static std::string substitute(std::string text, const std::vector<std::pair<std::string, std::string>> &names) {
  for (const auto &[name, replacement] : names)
    for (size_t place; (place = text.find(name)) != std::string::npos;)
      text.replace(place, name.size(), replacement);
  return text;
}

/// A decoder layer without its weights: causal self-attention, residual, cross-attention of its result, residual; all
/// of it in f32, so that errors stay those of the attentions.
TEST_P(Functions, FeedOneAttentionToAnother) {
  const rondo_program *program =
      compileText(substitute(R"(
    rondo.grid @ranks = ["seq" = ?]
    func.func @layer(%x: tensor<?x4x?x16xf32> $s, %k: tensor<?x2x?x16xf32> $s, %v: tensor<?x2x?x16xf32> $s)
        -> (tensor<?x4x?x16xf32> $s, tensor<?x4x?xf32> $l, tensor<?x4x?x16xf32> $s) {
      %self = rondo.attention %x, %x, %x causal top_left
          : (tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
      %sum = arith.addf %x, %self : tensor<?x4x?x16xf32>
      %cross, %lse = rondo.attention %sum, %k, %v
          : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
          -> (tensor<?x4x?x16xf32>, tensor<?x4x?xf32>)
      %y = arith.addf %sum, %cross : tensor<?x4x?x16xf32>
      return %y, %lse, %self : tensor<?x4x?x16xf32>, tensor<?x4x?xf32>, tensor<?x4x?x16xf32>
    })",
                             {{"$s", printSharding(bySequence)}, {"$l", printSharding(lseBySequence)}}));
  for (int64_t ranks = 1; ranks <= 8; ++ranks)
    for (auto [batch, queries, keys] : {std::tuple{2, 13, 29}, {1, 1, 5}, {1, 31, 2}, {3, 8, 8}}) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks, " + std::to_string(queries) + " x " + std::to_string(keys));
      std::mt19937 generator(1);
      Global x = Global::random(Element::F32, {batch, 4, queries, 16}, generator);
      Global k = Global::random(Element::F32, {batch, 2, keys, 16}, generator);
      Global v = Global::random(Element::F32, {batch, 2, keys, 16}, generator);
      Global y(x.sizes()), lse({batch, 4, queries}), self(x.sizes());
      Layout layout = ranks % 2 ? Layout::HeadMajor : Layout::SequenceMajor;
      run(program, "layer", {{"seq", ranks}},
          {{&x, Element::F32, bySequence, layout},
           {&k, Element::F32, bySequence, layout},
           {&v, Element::F32, bySequence, layout}},
          {{&y, Element::F32, bySequence, layout},
           {&lse, Element::F32, lseBySequence},
           {&self, Element::F32, bySequence, layout}});
      Attended first = attend(x, x, x, Mask::TopLeft);
      Global sum = map(x, first.output, std::plus<double>());
      Attended second = attend(sum, k, v, Mask::None);
      double bar = tolerance(Element::F32, first.largestLogit) + tolerance(Element::F32, second.largestLogit);
      expectNear(self, first.output, bar, "self");
      expectNear(y, map(sum, second.output, std::plus<double>()), bar, "y");
      expectEachNear(lse, second.lse, bar, "LSE");
    }
}

/// Operands are computed first, and the result is worked on: scaling, exp, conversion between element types.
TEST_P(Functions, WorkOnOperandsAndResults) {
  const rondo_program *program = compileText(substitute(R"(
    rondo.grid @ranks = ["seq" = ?]
    #id = affine_map<(b, h, s, d) -> (b, h, s, d)>
    func.func @f(%q: tensor<1x2x?x8xf16> $s, %k: tensor<1x2x?x8xf16> $s)
        -> (tensor<1x2x?x8xf32> $s, tensor<1x2x?x8xf16> $s) {
      %v = math.exp %k : tensor<1x2x?x8xf16>
      %c2 = arith.constant 2 : index
      %rows = tensor.dim %q, %c2 : tensor<1x2x?x8xf16>
      %empty = tensor.empty(%rows) : tensor<1x2x?x8xf16>
      %half = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%q : tensor<1x2x?x8xf16>) outs(%empty : tensor<1x2x?x8xf16>) {
        ^bb0(%x: f16, %unused: f16):
          %c = arith.constant 0.5 : f16
          %scaled = arith.mulf %x, %c : f16
          linalg.yield %scaled : f16
      } -> tensor<1x2x?x8xf16>
      %o = rondo.attention %half, %k, %v
          : (tensor<1x2x?x8xf16>, tensor<1x2x?x8xf16>, tensor<1x2x?x8xf16>) -> tensor<1x2x?x8xf16>
      %wide = arith.extf %o : tensor<1x2x?x8xf16> to tensor<1x2x?x8xf32>
      %exp = math.exp %wide : tensor<1x2x?x8xf32>
      return %exp, %o : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf16>
    })",
                                                        {{"$s", printSharding(bySequence)}}));
  for (int64_t ranks : {1, 2, 3, 5, 8}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    std::mt19937 generator(2);
    Global q = Global::random(Element::F16, {1, 2, 17, 8}, generator, 0.5);
    Global k = Global::random(Element::F16, {1, 2, 23, 8}, generator, 0.5);
    Global exp({1, 2, 17, 8}), output({1, 2, 17, 8});
    run(program, "f", {{"seq", ranks}}, {{&q, Element::F16, bySequence}, {&k, Element::F16, bySequence}},
        {{&exp, Element::F32, bySequence}, {&output, Element::F16, bySequence}});
    Global v = map(k, k, [](double x, double) { return rounded(Element::F16, std::exp(x)); });
    Global half = map(q, q, [](double x, double) { return x / 2; });
    Attended expected = attend(half, k, v, Mask::None);
    // V may be rounded the other way where exp's last bit decides.
    expectNear(output, expected.output, tolerance(Element::F16, 0), "output");
    expectNear(exp, map(output, output, [](double x, double) { return std::exp(x); }), 1e-6, "exp");
  }
}

/// Two public functions in one binary, each with its own lengths; one of them returns an input too.
TEST_P(Functions, ShareABinary) {
  const rondo_program *program = compileText(substitute(R"(
    rondo.grid @ranks = ["seq" = ?]
    func.func @one(%q: tensor<1x1x?x8xbf16> $s, %k: tensor<1x1x?x8xbf16> $s) -> (tensor<1x1x?x8xbf16> $s) {
      %o = rondo.attention %q, %k, %k causal bottom_right
          : (tensor<1x1x?x8xbf16>, tensor<1x1x?x8xbf16>, tensor<1x1x?x8xbf16>) -> tensor<1x1x?x8xbf16>
      return %o : tensor<1x1x?x8xbf16>
    }
    func.func @two(%x: tensor<?x7x?x4xf32> $s) -> (tensor<?x7x?x4xf32> $s, tensor<?x7x?x4xf32> $s) {
      %o = rondo.attention %x, %x, %x
          : (tensor<?x7x?x4xf32>, tensor<?x7x?x4xf32>, tensor<?x7x?x4xf32>) -> tensor<?x7x?x4xf32>
      return %o, %x : tensor<?x7x?x4xf32>, tensor<?x7x?x4xf32>
    })",
                                                        {{"$s", printSharding(bySequence)}}));
  for (int64_t ranks : {1, 2, 7}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    std::mt19937 generator(4);
    Global q = Global::random(Element::BF16, {1, 1, 19, 8}, generator);
    Global k = Global::random(Element::BF16, {1, 1, 11, 8}, generator);
    Global x = Global::random(Element::F32, {2, 7, 10, 4}, generator);
    Global one(q.sizes()), two(x.sizes()), copy(x.sizes());
    run(program, "one", {{"seq", ranks}}, {{&q, Element::BF16, bySequence}, {&k, Element::BF16, bySequence}},
        {{&one, Element::BF16, bySequence}});
    run(program, "two", {{"seq", ranks}}, {{&x, Element::F32, bySequence}},
        {{&two, Element::F32, bySequence}, {&copy, Element::F32, bySequence}});
    Attended first = attend(q, k, k, Mask::BottomRight), second = attend(x, x, x, Mask::None);
    expectNear(one, first.output, tolerance(Element::BF16, first.largestLogit), "one");
    expectNear(two, second.output, tolerance(Element::F32, second.largestLogit), "two");
    EXPECT_EQ(copy.values(), x.values());
  }
}

INSTANTIATE_TEST_SUITE_P(, Functions, testing::Values("query-ring", "kv-ring"),
                         [](const auto &info) { return std::string(info.index ? "kv_ring" : "query_ring"); });

/// Replicated keys stay where they are while another attention's keys go round.
TEST(LocalAndRing, MixInOneFunction) {
  const rondo_program *program =
      compile({substitute(R"(
    rondo.grid @ranks = ["seq" = ?]
    func.func @f(%q: tensor<1x2x?x8xf32> $s, %k: tensor<1x2x?x8xf32> $s, %prefix: tensor<1x1x3x8xf32> $r)
        -> (tensor<1x2x?x8xf32> $s, tensor<1x2x?x8xf32> $s) {
      %a = rondo.attention %q, %k, %k
          : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
      %b = rondo.attention %q, %prefix, %prefix
          : (tensor<1x2x?x8xf32>, tensor<1x1x3x8xf32>, tensor<1x1x3x8xf32>) -> tensor<1x2x?x8xf32>
      return %a, %b : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>
    })",
                          {{"$s", printSharding(bySequence)}, {"$r", printSharding(replicated)}}),
               {"--schedule=auto", "--no-reference"}});
  for (int64_t ranks : {1, 3, 8}) {
    std::mt19937 generator(3);
    Global q = Global::random(Element::F32, {1, 2, 17, 8}, generator);
    Global k = Global::random(Element::F32, {1, 2, 23, 8}, generator);
    Global prefix = Global::random(Element::F32, {1, 1, 3, 8}, generator);
    Global a(q.sizes()), b(q.sizes());
    run(program, "f", {{"seq", ranks}},
        {{&q, Element::F32, bySequence}, {&k, Element::F32, bySequence}, {&prefix, Element::F32, replicated}},
        {{&a, Element::F32, bySequence}, {&b, Element::F32, bySequence}});
    Attended first = attend(q, k, k, Mask::None), second = attend(q, prefix, prefix, Mask::None);
    expectNear(a, first.output, tolerance(Element::F32, first.largestLogit), "a");
    expectNear(b, second.output, tolerance(Element::F32, second.largestLogit), "b");
  }
}

/// A program without a grid runs on one rank.
TEST(WithoutAGrid, RunsOnOneRank) {
  const rondo_program *program = compile({R"(
    func.func @f(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
      %o = rondo.attention %q, %k, %k
          : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
      return %o : tensor<?x2x?x8xf32>
    })",
                                          {}});
  std::mt19937 generator(5);
  Global q = Global::random(Element::F32, {2, 2, 13, 8}, generator);
  Global k = Global::random(Element::F32, {2, 2, 7, 8}, generator);
  Global output(q.sizes());
  run(program, "f", {{"seq", 1}}, {{&q, Element::F32, replicated}, {&k, Element::F32, replicated}},
      {{&output, Element::F32, replicated}});
  Attended expected = attend(q, k, k, Mask::None);
  expectNear(output, expected.output, tolerance(Element::F32, expected.largestLogit), "output");
}
