//===- Warp.cpp - How a warp executes instructions ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Warp.h"

#include "test/emulator/Error.h"
#include "test/emulator/Machine.h"

#include <algorithm>
#include <chrono>

using namespace rondo::emulator;

void RegisterFile::fence() {
  for (Slot slot : unfencedSlots)
    states[slot].unfenced = false;
  unfencedSlots.clear();
}

void rondo::emulator::failNotUniform(size_t operand) {
  fail("operand ", operand + 1, " must be the same in all lanes");
}

Lanes<uint64_t> Execution::readAddress(size_t i) const {
  const Operand &address = operand(i);
  Lanes<uint64_t> lanes;
  if (address.isWide) {
    lanes = warp.registers.read<uint64_t>(address.slot);
  } else {
    Lanes<uint32_t> narrow = warp.registers.read<uint32_t>(address.slot);
    std::copy(narrow.values, narrow.values + kWarpLanes, lanes.values);
  }
  for (uint64_t &lane : lanes.values)
    lane += static_cast<uint64_t>(address.value);
  return lanes;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The start
//===--------------------------------------------------------------------------------------------------------------===//

static uint32_t getSpecial(SpecialRegister which, const Warp &warp, unsigned lane) {
  const Cta &cta = warp.cta;
  const LaunchShape &shape = cta.cluster.launch.shape;
  switch (which) {
  case SpecialRegister::TidX:
    return warp.index * kWarpLanes + lane;
  case SpecialRegister::CtaidX:
    return cta.place.x;
  case SpecialRegister::CtaidY:
    return cta.place.y;
  case SpecialRegister::CtaidZ:
    return cta.place.z;
  case SpecialRegister::NtidX:
    return shape.threads;
  case SpecialRegister::NctaidX:
    return shape.grid.x;
  case SpecialRegister::NctaidY:
    return shape.grid.y;
  case SpecialRegister::NctaidZ:
    return shape.grid.z;
  case SpecialRegister::LaneId:
    return lane;
  case SpecialRegister::WarpId:
    return warp.index;
  case SpecialRegister::ClusterCtaRank:
    return cta.rank;
  case SpecialRegister::ClusterCtaCount:
    return static_cast<uint32_t>(cta.cluster.ctas.size());
  }
  return 0;
}

Warp::Warp(Cta &cta, unsigned index)
    : cta(cta), index(index), registers(cta.cluster.launch.program), registerBudget(cta.initialRegisters),
      program(cta.cluster.launch.program), groups({{kAllLanes, 0}}) {
  for (const auto &[slot, which] : program.specials)
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      registers.at(slot)[lane] = getSpecial(which, *this, lane);
  for (const auto &[slot, isWide, address] : program.sharedAddresses) {
    uint32_t own = address | cta.rank << kClusterRankShift;
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      registers.at(slot)[isWide ? 2 * lane : lane] = own;
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Steps
//===--------------------------------------------------------------------------------------------------------------===//

uint32_t Warp::getLiveLanes() const {
  uint32_t live = 0;
  for (const LaneGroup &group : groups)
    live |= group.mask;
  return live;
}

bool Warp::step() {
  for (size_t i = 0; i < groups.size(); ++i)
    if (stepGroup(i))
      return true;
  return false;
}

/// Instructions other than products must leave the registers of products in flight alone.
void Warp::checkRegisters(const Instruction &instruction) const {
  for (Slot slot : instruction.reads)
    if (registers.state(slot).accumulating)
      fail("reads an accumulator of a wgmma that has not been waited for");
  for (Slot slot : instruction.writes)
    if (registers.state(slot).accumulating || registers.state(slot).multiplying)
      fail("writes a register of a wgmma that has not been waited for");
}

void Warp::setTimer(Slot slot) {
  Lanes<uint64_t> lanes;
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  for (uint64_t &lane : lanes.values)
    lane = static_cast<uint64_t>(std::chrono::nanoseconds(now).count());
  registers.write(slot, lanes, kAllLanes);
}

bool Warp::stepGroup(size_t groupIndex) {
  LaneGroup group = groups[groupIndex];
  const Instruction &instruction = program.instructions[group.pc];
  try {
    if (instruction.needsWholeWarp && groups.size() > 1) {
      waitsFor = {WaitReason::Kind::OtherLanes};
      return false;
    }
    for (Slot slot : program.timers)
      setTimer(slot);
    Execution execution = {*this, instruction, group.mask};
    if (instruction.hasGuard) {
      Lanes<bool> guard = registers.read<bool>(instruction.guard);
      for (unsigned lane = 0; lane < kWarpLanes; ++lane)
        if (guard[lane] == instruction.guardNegated)
          execution.mask &= ~(1u << lane);
      if (instruction.needsWholeWarp && execution.mask && execution.mask != group.mask)
        fail("only some lanes of the warp execute it");
    }
    if (execution.mask) {
      if (!instruction.isProduct)
        checkRegisters(instruction);
      if (instruction.execute(execution) == Outcome::Blocked)
        return false;
      if (!instruction.isProduct)
        for (Slot slot : instruction.writes)
          registers.noteWrite(slot);
    }
    move(groupIndex, execution);
  } catch (const EmulationError &error) {
    fail(describe(group), ": ", error.what());
  }
  return true;
}

/// The lanes of a group go on, jump, or end.
void Warp::move(size_t groupIndex, const Execution &execution) {
  LaneGroup &group = groups[groupIndex];
  uint32_t stay = group.mask & ~(execution.jumps | execution.exits);
  if (!execution.jumps && !execution.exits && groups.size() == 1) {
    checkEnd(++group.pc);
    return;
  }
  LaneGroup next = {stay, group.pc + 1}, jumped = {execution.jumps, execution.target};
  groups.erase(groups.begin() + static_cast<ptrdiff_t>(groupIndex));
  for (const LaneGroup &moved : {next, jumped})
    if (moved.mask) {
      checkEnd(moved.pc);
      groups.push_back(moved);
    }
  mergeGroups();
  if (groups.empty())
    cta.finishWarp(*this);
}

void Warp::checkEnd(uint32_t pc) const {
  if (pc >= program.instructions.size())
    fail("runs past the end of the kernel");
}

void Warp::mergeGroups() {
  std::sort(groups.begin(), groups.end(), [](const LaneGroup &a, const LaneGroup &b) { return a.pc < b.pc; });
  for (size_t i = 0; i + 1 < groups.size();) {
    if (groups[i].pc != groups[i + 1].pc) {
      ++i;
      continue;
    }
    groups[i].mask |= groups[i + 1].mask;
    groups.erase(groups.begin() + static_cast<ptrdiff_t>(i) + 1);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Messages
//===--------------------------------------------------------------------------------------------------------------===//

std::string Warp::describe(const LaneGroup &group) const {
  const SyntaxInstruction &syntax = *program.instructions[group.pc].syntax;
  std::string lanes = group.mask == kAllLanes ? "" : concat(", lanes ", std::hex, "0x", group.mask);
  return concat(program.syntax.name, ", CTA (", cta.place.x, ", ", cta.place.y, ", ", cta.place.z, "), warp ", index,
                lanes, ", line ", syntax.line, ": ", syntax.text);
}

static std::string describeReason(const WaitReason &reason, const Cta &cta) {
  switch (reason.kind) {
  case WaitReason::Kind::Nothing:
    return "nothing";
  case WaitReason::Kind::OtherLanes:
    return "the other lanes of the warp";
  case WaitReason::Kind::MBarrier:
    return concat("the phase of parity ", reason.second, " of the mbarrier at ", reason.first, ", which is ",
                  cta.barriers.at(reason.first).describe());
  case WaitReason::Kind::NamedBarrier:
    return concat("barrier ", reason.first, ", where ", reason.second, " of ", reason.third, " threads had arrived");
  case WaitReason::Kind::ClusterBarrier:
    return concat("the barrier of the cluster, where ", reason.first, " of ", reason.second, " threads had arrived");
  case WaitReason::Kind::Products:
    return "the other warps of its warpgroup, which have not issued the same wgmma";
  case WaitReason::Kind::Registers:
    return concat("registers: ", reason.first, " are free, ", reason.second, " are wanted");
  }
  return "";
}

std::string Warp::describeWait() const {
  std::string text;
  for (const LaneGroup &group : groups)
    text += concat("\n  ", describe(group));
  return text + "\n    waits for " + describeReason(waitsFor, cta);
}
