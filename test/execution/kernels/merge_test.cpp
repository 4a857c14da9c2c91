//===- merge_test.cpp - rondo.merge on CPUs against float64 ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "jit.h"
#include "shard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

using namespace rondo::test;

namespace {
/// Two partial results and, after merge(), their combination.
class Merge {
public:
  Merge(Element element, int64_t length, int64_t features, Layout layout = Layout::HeadMajor, Flush flush = Flush::End)
      : partial(element, {2, 3, length, features}, layout, flush),
        output(element, {2, 3, length, features}, layout, flush),
        partialLse(Element::F32, {2, 3, length}, Layout::HeadMajor, flush),
        lse(Element::F32, {2, 3, length}, Layout::HeadMajor, flush) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    for (Shard *shard : {&partial, &output})
      shard->fill([&] { return normal(random); });
    for (Shard *shard : {&partialLse, &lse})
      shard->fill([&] { return 5 * normal(random); });
  }

  void run(int64_t parts, const Cpu &cpu) {
    Module(text(), cpu).runKernel("merge", parts, {&partial, &partialLse, &output, &lse});
  }

  /// Runs the kernel and compares with the formula in float64.
  void check(int64_t parts = 1, const Cpu &cpu = hostCpu()) {
    std::vector<Row> expected;
    lse.forEach([&](const std::vector<int64_t> &at) { expected.push_back(evaluate(at)); });
    run(parts, cpu);
    double error = 0, norm = 0;
    size_t row = 0;
    lse.forEach([&](const std::vector<int64_t> &at) {
      const Row &want = expected[row++];
      compareLse(lse.get(at), want.lse);
      for (size_t d = 0; d < want.output.size(); ++d) {
        double actual = output.get({at[0], at[1], at[2], static_cast<int64_t>(d)});
        if (std::isnan(want.output[d])) {
          EXPECT_TRUE(std::isnan(actual)) << actual;
          continue;
        }
        error += std::pow(actual - want.output[d], 2);
        norm += std::pow(want.output[d], 2);
      }
    });
    double bar = output.element() == Element::F32 ? 1e-6 : output.element() == Element::F16 ? 6e-4 : 4e-3;
    EXPECT_TRUE(std::sqrt(error) <= bar * std::sqrt(norm)) << "relative error " << std::sqrt(error / norm);
  }

  Shard partial, output, partialLse, lse;

private:
  struct Row {
    std::vector<double> output;
    double lse;
  };

  Row evaluate(const std::vector<int64_t> &at) {
    double a = partialLse.get(at), b = lse.get(at), maximum = std::isnan(a) ? a : a > b ? a : b;
    Row row{std::vector<double>(output.sizes()[3], 0.0), -INFINITY};
    if (maximum == -INFINITY)
      return row;
    double weightA = std::exp(a - maximum), weightB = std::exp(b - maximum);
    for (int64_t d = 0; d < output.sizes()[3]; ++d) {
      double fromA = a == -INFINITY ? 0 : weightA * partial.get({at[0], at[1], at[2], d});
      double fromB = b == -INFINITY ? 0 : weightB * output.get({at[0], at[1], at[2], d});
      row.output[d] = (fromA + fromB) / (weightA + weightB);
    }
    row.lse = maximum + std::log(weightA + weightB);
    return row;
  }

  static void compareLse(double actual, double expected) {
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(actual)) << actual;
    else if (std::isinf(expected))
      EXPECT_EQ(actual, expected);
    else
      EXPECT_NEAR(actual, expected, 2e-6 * std::max(1.0, std::fabs(expected)));
  }

  std::string text() const {
    std::string features = std::to_string(output.sizes()[3]);
    return "!o = memref<?x?x?x" + features + "x" + name(output.element()) +
           ", strided<[?, ?, ?, 1], offset: ?>>\n!l = memref<?x?x?xf32>\n"
           "func.func private @merge(%part: index, %parts: index, %a: !o, %la: !l, %o: !o, %l: !l) attributes "
           "{exec.kernel = \"merge\"} {\n"
           "  rondo.merge ins(%a, %la : !o, !l) outs(%o, %l : !o, !l)\n  return\n}\n";
  }
};
} // namespace

TEST(Merge, AgreesForEveryElementType) {
  for (Element element : {Element::F32, Element::F16, Element::BF16})
    for (int64_t features : {1, 5, 80, 128})
      for (Flush flush : {Flush::Start, Flush::End})
        Merge(element, 13, features, flush == Flush::End ? Layout::SequenceMajor : Layout::HeadMajor, flush).check(2);
}

TEST(Merge, AgreesForEveryLength) {
  for (int64_t length : {0, 1, 15, 16, 17, 100})
    for (int64_t parts : {1, 3, 64})
      Merge(Element::F32, length, 16).check(parts);
}

TEST(Merge, AgreesOnPortableTarget) {
  for (Element element : {Element::F32, Element::F16, Element::BF16})
    Merge(element, 13, 20).check(1, portableCpu());
}

/// A partial result whose LSE is -inf counts nothing, whatever its O holds.
TEST(Merge, TakesMinusInfinityAsTheIdentity) {
  Merge merge(Element::F32, 20, 8);
  for (int64_t d = 0; d < 8; ++d) {
    merge.partial.set({0, 0, 3, d}, NAN);
    merge.output.set({0, 0, 4, d}, INFINITY);
    merge.output.set({0, 0, 5, d}, NAN);
  }
  merge.partialLse.set({0, 0, 3}, -INFINITY);
  merge.lse.set({0, 0, 4}, -INFINITY);
  merge.partialLse.set({0, 0, 5}, -INFINITY);
  merge.lse.set({0, 0, 5}, -INFINITY);
  merge.check();
}

TEST(Merge, LetsNaNsThrough) {
  Merge merge(Element::F32, 20, 8);
  merge.partialLse.set({0, 0, 3}, NAN);
  merge.lse.set({0, 0, 4}, NAN);
  merge.partial.set({0, 0, 5, 2}, NAN);
  merge.lse.set({0, 0, 6}, INFINITY);
  merge.check();
}

TEST(Merge, LetsNaNsThroughBesideAnEmptyRow) {
  Merge merge(Element::F32, 20, 8);
  for (int64_t row : {3, 4}) {
    (row == 3 ? merge.partialLse : merge.lse).set({0, 0, row}, NAN);
    (row == 3 ? merge.lse : merge.partialLse).set({0, 0, row}, -INFINITY);
  }
  merge.check();
}

TEST(Merge, KeepsTheOtherPartBitForBitWhenOneIsEmpty) {
  Merge merge(Element::F32, 20, 8), before(Element::F32, 20, 8);
  merge.partialLse.fill([] { return -INFINITY; });
  merge.run(1, hostCpu());
  merge.output.forEach([&](const std::vector<int64_t> &at) { EXPECT_EQ(merge.output.get(at), before.output.get(at)); });
  merge.lse.forEach([&](const std::vector<int64_t> &at) { EXPECT_EQ(merge.lse.get(at), before.lse.get(at)); });
}
