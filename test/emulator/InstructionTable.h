//===- InstructionTable.h - The instructions that the emulator accepts ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each family of instructions has a table of entries. An entry names its opcodes by a pattern, in which (a|b) are
// alternatives and [a] may be absent: mbarrier.init.shared[::cta].b64. Its form describes the operands, as constraints
// of inline assembly do:
//
//   p h r l    a predicate, or a register of 16, 32 or 64 bits; or an immediate      r*  a vector of any length
//   =r  +r     written; read and written                                             r*2 a vector of two
//   r|p        a pair
//   a          an address                                                            t   an address with coordinates
//   i          an immediate                                                          @   a label
//
// Several entries may have the same opcode, with different forms.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_INSTRUCTIONTABLE_H
#define RONDO_TEST_EMULATOR_INSTRUCTIONTABLE_H

#include "test/emulator/Program.h"

#include <string>
#include <string_view>
#include <vector>

namespace rondo::emulator {

struct InstructionEntry {
  enum Trait : uint8_t { None = 0, WholeWarp = 1, Product = 2 };

  const char *opcodes;
  std::string form; ///< of the operands, with commas between them
  Handler *execute;
  uint8_t traits = None;
};

using InstructionList = std::vector<InstructionEntry>;

// One list for each family, in the file of the same name.
InstructionList getIntegerInstructions();
InstructionList getFloatInstructions();
InstructionList getConversionInstructions();
InstructionList getMoveInstructions();
InstructionList getControlInstructions();
InstructionList getWarpInstructions();
InstructionList getBarrierInstructions();
InstructionList getMemoryInstructions();
InstructionList getBulkCopyInstructions();
InstructionList getMatrixInstructions();

/// The entries for an opcode; none if the emulator does not know it.
std::vector<const InstructionEntry *> findInstructions(const std::string &opcode);

/// All patterns, sorted.
std::vector<std::string> listInstructions();

/// All opcodes that a pattern stands for.
std::vector<std::string> expandPattern(std::string_view pattern);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_INSTRUCTIONTABLE_H
