//===- attention_case.cpp - A program of one attention, run on some ranks and compared with float64 -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attention_case.h"

#include <gtest/gtest.h>

#include <sstream>

using namespace rondo::test;

//===--------------------------------------------------------------------------------------------------------------===//
// Text
//===--------------------------------------------------------------------------------------------------------------===//

static Sharding querySharding(const AttentionProgram &program) {
  return {program.batchAxes, program.headAxes, program.queryAxes, {}};
}
static Sharding keySharding(const AttentionProgram &program) {
  return {program.batchAxes, program.headAxes, program.keyAxes, {}};
}
static Sharding lseSharding(const AttentionProgram &program) {
  return {program.batchAxes, program.headAxes, program.queryAxes};
}

static std::string attributesOf(const AttentionProgram &program) {
  std::ostringstream text;
  if (program.scale)
    text << std::scientific << " scale " << program.scale;
  if (program.mask != Mask::None)
    text << " causal " << (program.mask == Mask::TopLeft ? "top_left" : "bottom_right");
  return text.str();
}

std::string AttentionProgram::text() const {
  std::string query = printTensor({batch, heads, queries, keyFeatures}, element);
  std::string key = printTensor({batch, keyHeads, keys, keyFeatures}, element);
  std::string value = printTensor({batch, keyHeads, keys, valueFeatures}, element);
  std::string output = printTensor({batch, heads, queries, valueFeatures}, element);
  std::string lseType = printTensor({batch, heads, queries}, Element::F32);
  std::string types = output + (lse ? ", " + lseType : ""), results = lse ? "%output, %lse" : "%output";

  std::ostringstream text;
  text << printGrid(grid) << "func.func @attention(%query: " << query << ' ' << printSharding(querySharding(*this))
       << ",\n    %key: " << key << ' ' << printSharding(keySharding(*this)) << ",\n    %value: " << value << ' '
       << printSharding(keySharding(*this)) << ")\n    -> (" << output << ' ' << printSharding(querySharding(*this));
  if (lse)
    text << ", " << lseType << ' ' << printSharding(lseSharding(*this));
  text << ") {\n  " << results << " = rondo.attention %query, %key, %value" << attributesOf(*this) << "\n      : ("
       << query << ", " << key << ", " << value << ") -> (" << types << ")\n  return " << results << " : " << types
       << "\n}\n";
  return text.str();
}

std::vector<std::string> AttentionProgram::options() const {
  std::vector<std::string> options = {"--schedule=" + schedule, "--cpu=" + cpu, "--no-reference"};
  if (homeParts != "auto")
    options.push_back("--home-parts=" + homeParts);
  if (!overlap)
    options.push_back("--no-overlap");
  return options;
}

std::ostream &rondo::test::operator<<(std::ostream &stream, const AttentionProgram &program) {
  stream << program.schedule << (program.homeParts == "2" ? ", two home parts" : "") << ", " << name(program.element)
         << ", heads " << program.heads << '/' << program.keyHeads << ", D " << program.keyFeatures << ", D_v "
         << program.valueFeatures << attributesOf(program);
  return stream << (program.lse ? ", LSE" : "") << (program.overlap ? "" : ", no overlap");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Runs
//===--------------------------------------------------------------------------------------------------------------===//

/// Q, K, V: Q's deviation is that of the scores, since the scale evens out the sum over features.
AttentionTensors::AttentionTensors(const AttentionProgram &program, const AttentionCase &test)
    : query({}), key({}), value({}), output({test.batch, program.heads, test.queries, program.valueFeatures}),
      lse({test.batch, program.heads, test.queries}) {
  std::mt19937 generator(42);
  Element element = program.element;
  query =
      Global::random(element, {test.batch, program.heads, test.queries, program.keyFeatures}, generator, test.logits);
  key = Global::random(element, {test.batch, program.keyHeads, test.keys, program.keyFeatures}, generator);
  value = Global::random(element, {test.batch, program.keyHeads, test.keys, program.valueFeatures}, generator);
  if (test.edit)
    test.edit(query, key, value);
}

std::vector<Placed> AttentionTensors::inputs(const AttentionProgram &program, Layout layout) {
  return {{&query, program.element, querySharding(program), layout},
          {&key, program.element, keySharding(program), layout},
          {&value, program.element, keySharding(program), layout}};
}

std::vector<Placed> AttentionTensors::outputs(const AttentionProgram &program, Layout layout) {
  std::vector<Placed> outputs = {{&output, program.element, querySharding(program), layout}};
  if (program.lse)
    outputs.push_back({&lse, Element::F32, lseSharding(program), layout});
  return outputs;
}

static std::string describe(const AttentionProgram &program, const AttentionCase &test) {
  std::ostringstream text;
  text << program << ": batch " << test.batch << ", queries " << test.queries << ", keys " << test.keys << ", ranks "
       << test.ranks << (test.layout == Layout::HeadMajor ? ", head-major" : ", sequence-major");
  return text.str();
}

void rondo::test::compileAhead(const std::vector<AttentionProgram> &programs) {
  std::vector<Source> sources;
  for (const AttentionProgram &program : programs)
    sources.push_back(program.source());
  compileAhead(std::move(sources));
}

AttentionTensors rondo::test::runAttention(const AttentionProgram &program, const AttentionCase &test) {
  announce(describe(program, test));
  AttentionTensors tensors(program, test);
  run(program.get(), "attention", bind(program.grid, test.ranks), tensors.inputs(program, test.layout),
      tensors.outputs(program, test.layout));
  return tensors;
}

void rondo::test::checkAttention(const AttentionProgram &program, const AttentionCase &test) {
  SCOPED_TRACE(describe(program, test));
  AttentionTensors tensors = runAttention(program, test);
  Attended expected = attend(tensors.query, tensors.key, tensors.value, program.mask, program.scale);
  expectNear(tensors.output, expected.output, tolerance(program.element, expected.largestLogit), "output");
  if (program.lse)
    expectEachNear(tensors.lse, expected.lse, tolerance(Element::F32, expected.largestLogit), "LSE");
}
