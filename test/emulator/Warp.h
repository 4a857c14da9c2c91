//===- Warp.h - The state of a warp ---------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_WARP_H
#define RONDO_TEST_EMULATOR_WARP_H

#include "test/emulator/Program.h"

#include <cstring>
#include <optional>
#include <type_traits>

namespace rondo::emulator {

class Cta;

/// A value for each lane.
template <typename T>
struct Lanes {
  alignas(32) T values[kWarpLanes];
  T &operator[](unsigned lane) { return values[lane]; }
  const T &operator[](unsigned lane) const { return values[lane]; }
};

/// How a value of type T lies in the register file.
template <typename T>
using Stored = std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, T, uint32_t>>;

/// The registers of a warp, and which of them wgmma is using.
class RegisterFile {
public:
  explicit RegisterFile(const Program &program) : file(program.registerImage), states(program.slotCount()) {}

  template <typename T>
  Lanes<T> read(Slot slot) const {
    Lanes<Stored<T>> stored;
    std::memcpy(&stored, &file[slot * kWarpLanes], sizeof(stored));
    if constexpr (std::is_same_v<Stored<T>, T>)
      return stored;
    Lanes<T> lanes;
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      lanes[lane] = static_cast<T>(stored[lane]);
    return lanes;
  }

  /// Writes the lanes of `mask`.
  template <typename T>
  void write(Slot slot, const Lanes<T> &lanes, uint32_t mask) {
    Lanes<Stored<T>> stored;
    if (mask != kAllLanes)
      std::memcpy(&stored, &file[slot * kWarpLanes], sizeof(stored));
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      if (mask >> lane & 1)
        stored[lane] = static_cast<Stored<T>>(lanes[lane]);
    std::memcpy(&file[slot * kWarpLanes], &stored, sizeof(stored));
  }

  /// A 32-bit register, to be changed in place.
  uint32_t *at(Slot slot) { return &file[slot * kWarpLanes]; }

  struct State {
    uint8_t accumulating = 0; ///< products in flight that write the register
    uint8_t multiplying = 0;  ///< products in flight that read it
    bool unfenced = false;    ///< written since the last wgmma.fence
  };
  State &state(Slot slot) { return states[slot]; }
  const State &state(Slot slot) const { return states[slot]; }
  void fence();
  void noteWrite(Slot slot) {
    if (states[slot].unfenced)
      return;
    states[slot].unfenced = true;
    unfencedSlots.push_back(slot);
  }

private:
  std::vector<uint32_t> file;
  std::vector<State> states;
  std::vector<Slot> unfencedSlots;
};

/// Lanes that are at the same instruction.
struct LaneGroup {
  uint32_t mask;
  uint32_t pc;
};

/// What a warp waits for. The meaning of the numbers depends on it.
struct WaitReason {
  enum class Kind : uint8_t { Nothing, OtherLanes, MBarrier, NamedBarrier, ClusterBarrier, Products, Registers };
  Kind kind = Kind::Nothing;
  uint32_t first = 0, second = 0, third = 0;
};

class Warp {
public:
  Warp(Cta &cta, unsigned index);

  bool isDone() const { return groups.empty(); }
  uint32_t getLiveLanes() const;
  /// Executes one instruction of the lowest group of lanes that can go on; false if all are blocked.
  bool step();
  /// Where the lanes are, and what they wait for.
  std::string describeWait() const;

  Cta &cta;
  const unsigned index;
  RegisterFile registers;
  WaitReason waitsFor;

  // What barriers must know of the warp.
  std::optional<uint64_t> namedBarrierPhase;   ///< in which it waits, once it has arrived
  std::optional<uint64_t> clusterBarrierPhase; ///< in which it has arrived
  uint32_t registerBudget;                     ///< registers of each thread, by setmaxnreg

private:
  void setTimer(Slot slot);
  bool stepGroup(size_t index);
  void checkRegisters(const Instruction &instruction) const;
  void move(size_t group, const Execution &execution);
  void checkEnd(uint32_t pc) const;
  void mergeGroups();
  std::string describe(const LaneGroup &group) const;

  const Program &program;
  std::vector<LaneGroup> groups; // by pc
};

/// One instruction of one group of lanes.
struct Execution {
  Warp &warp;
  const Instruction &instruction;
  uint32_t mask;      ///< lanes that execute it: those of the group whose guard holds
  uint32_t jumps = 0; ///< lanes that go to `target` next
  uint32_t exits = 0; ///< lanes that end
  uint32_t target = 0;

  const Operand &operand(size_t i) const { return instruction.operands[i]; }
  size_t operandCount() const { return instruction.operands.size(); }

  template <typename T>
  Lanes<T> read(size_t i) const {
    return warp.registers.read<T>(operand(i).slot);
  }
  template <typename T>
  void write(size_t i, const Lanes<T> &lanes) const {
    if (operand(i).kind != Operand::Kind::Sink)
      warp.registers.write(operand(i).slot, lanes, mask);
  }
  Lanes<uint64_t> readAddress(size_t i) const;
  /// The value of an operand that must be the same in all lanes.
  template <typename T>
  T readUniform(size_t i) const {
    return checkUniform(i, read<T>(i));
  }
  template <typename T>
  T checkUniform(size_t i, const Lanes<T> &lanes) const;
  unsigned firstLane() const { return static_cast<unsigned>(__builtin_ctz(mask)); }

  Outcome block(WaitReason reason) const {
    warp.waitsFor = reason;
    return Outcome::Blocked;
  }
  template <typename Function>
  void forEachLane(Function function) const {
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      function(static_cast<unsigned>(__builtin_ctz(rest)));
  }
};

[[noreturn]] void failNotUniform(size_t operand);

template <typename T>
T Execution::checkUniform(size_t i, const Lanes<T> &lanes) const {
  T value = lanes[firstLane()];
  forEachLane([&](unsigned lane) {
    if (lanes[lane] != value)
      failNotUniform(i);
  });
  return value;
}

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_WARP_H
