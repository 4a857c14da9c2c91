//===- attention_case.h - A program of one attention, run on some ranks and compared with float64 -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_ATTENTION_CASE_H
#define RONDO_TEST_EXECUTION_PROGRAMS_ATTENTION_CASE_H

#include "oracle.h"
#include "program_text.h"
#include "run.h"

#include <functional>

namespace rondo::test {

/// What is known when the program is compiled. Lengths are bound at run time unless they are given here.
struct AttentionProgram {
  std::string schedule = "query-ring", homeParts = "auto";
  Element element = Element::F32;
  int64_t heads = 8, keyHeads = 2, keyFeatures = 64, valueFeatures = 64;
  Mask mask = Mask::None;
  bool lse = true; ///< whether the program returns the log-sum-exp
  bool overlap = true;
  Grid grid = {{"seq", 0}};
  std::vector<std::string> batchAxes, headAxes, queryAxes = {"seq"}, keyAxes = {"seq"};
  std::string cpu = "native";
  double scale = 0; ///< 0: the default
  int64_t batch = dynamic, queries = dynamic, keys = dynamic;

  std::string text() const;
  std::vector<std::string> options() const;
  Source source() const { return {text(), options()}; }
  const rondo_program *get() const { return compile(source()); }
};

/// What is chosen when the program runs.
struct AttentionCase {
  int64_t queries, keys, ranks;
  int64_t batch = 1;
  Layout layout = Layout::HeadMajor;
  double logits = 1;                                                ///< standard deviation of the scores
  std::function<void(Global &, Global &, Global &)> edit = nullptr; ///< changes Q, K, V after they are filled
};

/// The operands of a case and its results.
struct AttentionTensors {
  AttentionTensors(const AttentionProgram &program, const AttentionCase &test);
  std::vector<Placed> inputs(const AttentionProgram &program, Layout layout);
  std::vector<Placed> outputs(const AttentionProgram &program, Layout layout);

  Global query, key, value, output, lse;
};

std::ostream &operator<<(std::ostream &stream, const AttentionProgram &program);

/// Compiles programs that will be asked for, on all processors.
void compileAhead(const std::vector<AttentionProgram> &programs);
/// Runs a case and returns its operands and results.
AttentionTensors runAttention(const AttentionProgram &program, const AttentionCase &test);
/// Runs a case and compares its results with a dense evaluation in float64.
void checkAttention(const AttentionProgram &program, const AttentionCase &test);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_ATTENTION_CASE_H
