//===- Syntax.h - PTX as it is written ------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser gives: instructions with named operands. Bind.h turns it into a program.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_SYNTAX_H
#define RONDO_TEST_EMULATOR_SYNTAX_H

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rondo::emulator {

enum class RegisterType : uint8_t { Predicate, B16, B32, B64 };

struct SyntaxOperand {
  enum class Kind {
    Name,    ///< a register, special register, label or symbol; perhaps plus `offset`
    Number,  ///< `bits`
    Vector,  ///< {elements}
    Pair,    ///< elements, with a bar between them
    Address, ///< [elements[0]], or [elements[0], {coordinates}]
    Sink     ///< _
  };
  Kind kind;
  std::string name;
  int64_t offset = 0;
  uint64_t bits = 0;
  std::vector<SyntaxOperand> elements = {};
};

struct SyntaxInstruction {
  std::string opcode;
  std::string guard; ///< a predicate, or nothing
  bool guardNegated = false;
  std::vector<SyntaxOperand> operands;
  unsigned line;
  std::string text; ///< as written, shortened
};

struct Parameter {
  std::string name;
  uint32_t bytes;
  uint32_t alignment;
  uint32_t offset; ///< in the parameter block
};

/// A variable in shared memory. Those without a size begin where dynamic shared memory begins.
struct SharedVariable {
  std::string name;
  uint32_t bytes;
  uint32_t alignment;
};

struct KernelSyntax {
  std::string name;
  std::vector<Parameter> parameters;
  uint32_t threads = 0; ///< .reqntid; 0 if it does not say
  uint32_t cluster = 1; ///< .reqnctapercluster
  bool hasRegisterBound = false;
  std::vector<SharedVariable> shared; ///< its own, behind those of the module
  std::map<std::string, RegisterType> registers;
  std::map<std::string, uint32_t> labels; ///< index of the instruction behind the label
  std::vector<SyntaxInstruction> instructions;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_SYNTAX_H
