//===- attend_case.cpp - One attention, its kernel, and its float64 oracle ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attend_case.h"

#include "test/execution/row_oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <sstream>

using namespace rondo::test;

static double scaleOf(const AttendKernel &kernel) { return 1 / std::sqrt(static_cast<double>(kernel.keyFeatures)); }

static std::string kernelText(const AttendKernel &kernel) {
  auto memref = [](int64_t features, Element element) {
    return "memref<?x?x?x" + std::to_string(features) + "x" + name(element) + ", strided<[?, ?, ?, 1], offset: ?>>";
  };
  std::ostringstream text;
  text.precision(17);
  text << "!q = " << memref(kernel.keyFeatures, kernel.input) << "\n!v = " << memref(kernel.valueFeatures, kernel.input)
       << "\n!o = " << memref(kernel.valueFeatures, kernel.output) << "\n!l = memref<?x?x?xf32>\n"
       << "func.func private @attend(%part: index, %parts: index, %q: !q, %k: !q, %v: !v, %o: !o, %l: !l"
       << (kernel.causal ? ", %qs: index, %ks: index, %d: index" : "") << ") attributes {exec.kernel = \"attend\"} {\n"
       << "  rondo.attend ins(%q, %k, %v : !q, !q, !v) outs(%o, %l : !o, !l) scale " << std::scientific
       << scaleOf(kernel) << (kernel.causal ? " causal(%qs, %ks, %d) contiguous" : "") << "\n  return\n}\n";
  return text.str();
}

Module &rondo::test::attendModule(const AttendKernel &kernel, const Cpu &cpu) {
  // Never destroyed: at exit LLVM's own globals may be gone already.
  static auto &modules = *new std::map<std::string, std::unique_ptr<Module>>;
  std::string text = kernelText(kernel);
  std::unique_ptr<Module> &module = modules[cpu.name + text];
  if (!module)
    module = std::make_unique<Module>(text, cpu);
  return *module;
}

namespace {
struct Tensors {
  Shard query, key, value, output, lse;

  explicit Tensors(const AttendCase &test)
      : query(test.kernel.input, {test.batch, test.keyHeads * test.group, test.queries, test.kernel.keyFeatures},
              test.layout, test.flush),
        key(test.kernel.input, {test.batch, test.keyHeads, test.keys, test.kernel.keyFeatures}, test.layout,
            test.flush),
        value(test.kernel.input, {test.batch, test.keyHeads, test.keys, test.kernel.valueFeatures}, test.layout,
              test.flush),
        output(test.kernel.output, {test.batch, test.keyHeads * test.group, test.queries, test.kernel.valueFeatures},
               test.layout, test.flush),
        lse(Element::F32, {test.batch, test.keyHeads * test.group, test.queries}, Layout::HeadMajor, test.flush) {
    std::mt19937 random(42);
    std::normal_distribution<double> normal;
    query.fill([&] { return normal(random) * test.logits; });
    key.fill([&] { return normal(random); });
    value.fill([&] { return normal(random); });
    output.fill([] { return -77; }); // what is not written shows
    lse.fill([] { return -77; });
    if (test.edit)
      test.edit(query, key, value);
  }
};

/// The dense evaluation, on operands converted to float64.
class Oracle {
public:
  Oracle(const AttendCase &test, const Tensors &tensors)
      : test(test), query(tensors.query.values()), key(tensors.key.values()), value(tensors.value.values()) {}

  OracleRow evaluate(int64_t batch, int64_t head, int64_t row) const;

private:
  int64_t visibleKeys(int64_t row) const;

  const AttendCase &test;
  std::vector<double> query, key, value; // row-major
};
} // namespace

int64_t Oracle::visibleKeys(int64_t row) const {
  if (!test.kernel.causal)
    return test.keys;
  int64_t last = test.queryStart + row + test.diagonal - test.keyStart;
  return std::max<int64_t>(0, std::min(test.keys, last + 1));
}

OracleRow Oracle::evaluate(int64_t batch, int64_t head, int64_t row) const {
  int64_t features = test.kernel.keyFeatures, valueFeatures = test.kernel.valueFeatures;
  int64_t group = batch * test.keyHeads + head / test.group;
  const double *q = query.data() + ((batch * test.keyHeads * test.group + head) * test.queries + row) * features;
  const double *k = key.data() + group * test.keys * features;
  const double *v = value.data() + group * test.keys * valueFeatures;
  return attendRow(q, k, v, visibleKeys(row), features, valueFeatures, scaleOf(test.kernel));
}

static void run(const AttendCase &test, Tensors &tensors) {
  std::vector<int64_t> positions;
  if (test.kernel.causal)
    positions = {test.queryStart, test.keyStart, test.diagonal};
  attendModule(test.kernel, test.cpu)
      .runKernel("attend", test.parts, {&tensors.query, &tensors.key, &tensors.value, &tensors.output, &tensors.lse},
                 positions);
}

static std::string describe(const AttendCase &test) {
  std::ostringstream text;
  text << name(test.kernel.input) << " -> " << name(test.kernel.output) << ", D " << test.kernel.keyFeatures << ", D_v "
       << test.kernel.valueFeatures << ", batch " << test.batch << ", key heads " << test.keyHeads << ", group "
       << test.group << ", queries " << test.queries << ", keys " << test.keys << ", parts " << test.parts
       << (test.layout == Layout::HeadMajor ? ", head-major" : ", sequence-major");
  if (test.kernel.causal)
    text << ", causal " << test.queryStart << ' ' << test.keyStart << ' ' << test.diagonal;
  return text.str();
}

void rondo::test::checkAttend(const AttendCase &test) {
  SCOPED_TRACE(describe(test));
  Tensors tensors(test);
  run(test, tensors);
  Oracle oracle(test, tensors);
  double error = 0, norm = 0, largest = 0, lseError = 0;
  tensors.lse.forEach([&](const std::vector<int64_t> &at) {
    OracleRow expected = oracle.evaluate(at[0], at[1], at[2]);
    largest = std::max(largest, expected.largestLogit);
    double lse = tensors.lse.get(at);
    if (std::isfinite(expected.lse))
      lseError = std::max(lseError, std::fabs(lse - expected.lse) / std::max(1.0, std::fabs(expected.lse)));
    else
      ASSERT_TRUE(std::isnan(expected.lse) ? std::isnan(lse) : lse == expected.lse)
          << "LSE of head " << at[1] << ", row " << at[2] << " is " << lse << "; expected " << expected.lse;
    for (int64_t d = 0; d < test.kernel.valueFeatures; ++d) {
      double actual = tensors.output.get({at[0], at[1], at[2], d});
      if (std::isnan(expected.output[d])) {
        ASSERT_TRUE(std::isnan(actual)) << "head " << at[1] << ", row " << at[2] << ", feature " << d << " is "
                                        << actual << "; expected NaN";
        continue;
      }
      error += std::pow(actual - expected.output[d], 2);
      norm += std::pow(expected.output[d], 2);
    }
  });
  // written so that a NaN fails
  EXPECT_TRUE(std::sqrt(error) <= tolerance(test.kernel.output, largest) * std::sqrt(norm))
      << "relative error " << std::sqrt(error / norm) << "; expected at most "
      << tolerance(test.kernel.output, largest);
  EXPECT_TRUE(lseError <= tolerance(Element::F32, largest)) << "error of LSE " << lseError;
}

std::vector<double> rondo::test::runAttend(const AttendCase &test) {
  Tensors tensors(test);
  run(test, tensors);
  std::vector<double> results;
  for (const Shard *shard : {&tensors.output, &tensors.lse})
    shard->forEach([&](const std::vector<int64_t> &at) { results.push_back(shard->get(at)); });
  return results;
}
