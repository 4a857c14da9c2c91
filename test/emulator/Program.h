//===- Program.h - A kernel as the emulator executes it -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions are decoded once: each has a function that executes it, and its operands are slots of the register file.
// A slot holds 32 bits for each lane of a warp, and 64-bit registers take two. Immediates, addresses of symbols and
// special registers have slots too, which are filled before a warp starts: all operands are read in the same way.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_PROGRAM_H
#define RONDO_TEST_EMULATOR_PROGRAM_H

#include "test/emulator/Syntax.h"

#include <cstdint>
#include <string>
#include <vector>

namespace rondo::emulator {

constexpr unsigned kWarpLanes = 32;
constexpr uint32_t kAllLanes = 0xFFFFFFFF;

using Slot = uint32_t;

struct Operand {
  enum class Kind : uint8_t {
    Register,
    Vector,    ///< `elements`
    Address,   ///< the register, 64 bits if `isWide`, plus `value`; perhaps with coordinates in `elements`
    Immediate, ///< `value`
    Label,     ///< `value`
    Sink       ///< a result that nobody wants
  };
  Kind kind;
  bool isWide = false;
  Slot slot = 0;
  int64_t value = 0;
  std::vector<Slot> elements = {};
};

struct Execution;

/// What became of an instruction.
enum class Outcome : uint8_t {
  Done,
  Blocked ///< nothing happened; it has to be tried again
};

using Handler = Outcome(Execution &execution);

struct Instruction {
  Handler *execute = nullptr;
  bool needsWholeWarp = false; ///< all lanes that live must execute it together
  bool isProduct = false;      ///< wgmma: it may touch accumulators that are in flight
  bool guardNegated = false;
  bool hasGuard = false;
  Slot guard = 0;
  std::vector<Operand> operands;
  std::vector<Slot> reads, writes;           ///< registers
  const SyntaxInstruction *syntax = nullptr; ///< for messages
};

enum class SpecialRegister : uint8_t {
  TidX,
  CtaidX,
  CtaidY,
  CtaidZ,
  NtidX,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  ClusterCtaRank,
  ClusterCtaCount
};

struct Program {
  KernelSyntax syntax;
  std::vector<Instruction> instructions;

  /// The register file of a new warp, by slot and lane. Registers hold values that stand out.
  std::vector<uint32_t> registerImage;
  struct SpecialSlot {
    Slot slot;
    SpecialRegister which;
  };
  std::vector<SpecialSlot> specials;
  std::vector<Slot> timers; ///< %globaltimer: the time, in nanoseconds
  /// Addresses in shared memory, which differ from CTA to CTA of a cluster.
  struct SharedAddressSlot {
    Slot slot;
    bool isWide;
    uint32_t address;
  };
  std::vector<SharedAddressSlot> sharedAddresses;

  uint32_t staticSharedEnd = 0; ///< the address where dynamic shared memory begins
  uint32_t parameterBytes = 0;

  Slot slotCount() const { return static_cast<Slot>(registerImage.size() / kWarpLanes); }
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_PROGRAM_H
