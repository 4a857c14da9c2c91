//===- InstructionTable.cpp - The instructions that the emulator accepts --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/InstructionTable.h"

#include "test/emulator/Error.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

using namespace rondo::emulator;

//===--------------------------------------------------------------------------------------------------------------===//
// Patterns
//===--------------------------------------------------------------------------------------------------------------===//

using Opcodes = std::vector<std::string>;

/// Where the bracket at the start of `pattern` closes.
static size_t findClosing(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '(' || pattern[i] == '[')
      ++depth;
    else if ((pattern[i] == ')' || pattern[i] == ']') && --depth == 0)
      return i;
  }
  fail("pattern '", pattern, "': a bracket does not close");
}

static Opcodes expandAlternatives(std::string_view alternatives) {
  Opcodes all;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= alternatives.size(); ++i) {
    char c = i < alternatives.size() ? alternatives[i] : '|';
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (c != '|' || depth != 0)
      continue;
    Opcodes expanded = expandPattern(alternatives.substr(begin, i - begin));
    all.insert(all.end(), expanded.begin(), expanded.end());
    begin = i + 1;
  }
  return all;
}

Opcodes rondo::emulator::expandPattern(std::string_view pattern) {
  size_t open = pattern.find_first_of("([");
  if (open == std::string_view::npos)
    return {std::string(pattern)};
  size_t close = open + findClosing(pattern.substr(open));
  Opcodes middles = expandAlternatives(pattern.substr(open + 1, close - open - 1));
  if (pattern[open] == '[')
    middles.insert(middles.begin(), "");
  Opcodes all;
  for (const std::string &end : expandPattern(pattern.substr(close + 1)))
    for (const std::string &middle : middles)
      all.push_back(std::string(pattern.substr(0, open)) + middle + end);
  return all;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The table
//===--------------------------------------------------------------------------------------------------------------===//

static const InstructionList &getInstructions() {
  static const InstructionList instructions = [] {
    InstructionList all;
    for (auto getFamily : {getIntegerInstructions, getFloatInstructions, getConversionInstructions, getMoveInstructions,
                           getControlInstructions, getWarpInstructions, getBarrierInstructions, getMemoryInstructions,
                           getBulkCopyInstructions, getMatrixInstructions}) {
      InstructionList family = getFamily();
      std::move(family.begin(), family.end(), std::back_inserter(all));
    }
    return all;
  }();
  return instructions;
}

std::vector<const InstructionEntry *> rondo::emulator::findInstructions(const std::string &opcode) {
  using Index = std::unordered_map<std::string, std::vector<const InstructionEntry *>>;
  static const Index index = [] {
    Index byOpcode;
    for (const InstructionEntry &entry : getInstructions())
      for (const std::string &name : expandPattern(entry.opcodes))
        byOpcode[name].push_back(&entry);
    return byOpcode;
  }();
  auto found = index.find(opcode);
  return found == index.end() ? std::vector<const InstructionEntry *>() : found->second;
}

std::vector<std::string> rondo::emulator::listInstructions() {
  std::vector<std::string> patterns;
  for (const InstructionEntry &entry : getInstructions())
    patterns.push_back(entry.opcodes);
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  return patterns;
}
