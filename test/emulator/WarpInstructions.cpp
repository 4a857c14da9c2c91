//===- WarpInstructions.cpp - Between the lanes of a warp -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Error.h"
#include "test/emulator/InstructionTable.h"
#include "test/emulator/Machine.h"

using namespace rondo::emulator;

namespace {

/// The lanes that take part must be those that are there.
void checkMembers(const Execution &execution, size_t operand) {
  auto members = execution.readUniform<uint32_t>(operand);
  if (members != execution.mask)
    fail("names lanes ", std::hex, "0x", members, "; it is executed by 0x", execution.mask);
}

enum class Shuffle { Index, Butterfly, Up, Down };

/// The lane from which `lane` reads, and whether it lies in the segment that the clamp gives.
template <Shuffle kind>
std::pair<int, bool> getSource(int lane, uint32_t operand, uint32_t clamp) {
  int distance = static_cast<int>(operand & 31), segment = static_cast<int>(clamp >> 8 & 31);
  int bound = static_cast<int>(clamp & 31), limit = (lane & segment) | (bound & ~segment);
  switch (kind) {
  case Shuffle::Index: {
    int source = (lane & segment) | (distance & ~segment);
    return {source, source <= limit};
  }
  case Shuffle::Butterfly:
    return {lane ^ distance, (lane ^ distance) <= limit};
  case Shuffle::Up:
    return {lane - distance, lane - distance >= limit};
  case Shuffle::Down:
    return {lane + distance, lane + distance <= limit};
  }
  return {lane, false};
}

/// With a predicate the result is a pair: there is one operand more.
template <Shuffle kind, bool hasPredicate>
Outcome shuffle(Execution &execution) {
  constexpr size_t first = hasPredicate ? 2 : 1;
  checkMembers(execution, first + 3);
  auto values = execution.read<uint32_t>(first), operands = execution.read<uint32_t>(first + 1),
       clamps = execution.read<uint32_t>(first + 2);
  Lanes<uint32_t> results = {};
  Lanes<bool> valid = {};
  execution.forEachLane([&](unsigned lane) {
    auto [source, isValid] = getSource<kind>(static_cast<int>(lane), operands[lane], clamps[lane]);
    valid[lane] = isValid;
    auto from = isValid ? static_cast<unsigned>(source) : lane;
    if (!(execution.mask >> from & 1))
      fail("lane ", lane, " reads from lane ", from, ", which does not take part");
    results[lane] = values[from];
  });
  execution.write(0, results);
  if (hasPredicate)
    execution.write(1, valid);
  return Outcome::Done;
}

Outcome elect(Execution &execution) {
  checkMembers(execution, 2);
  unsigned leader = execution.firstLane();
  Lanes<uint32_t> leaders;
  std::fill(leaders.values, leaders.values + kWarpLanes, leader);
  Lanes<bool> isLeader = {};
  isLeader[leader] = true;
  execution.write(0, leaders);
  execution.write(1, isLeader);
  return Outcome::Done;
}

uint32_t getVotes(const Execution &execution) {
  checkMembers(execution, 2);
  auto votes = execution.read<bool>(1);
  uint32_t mask = 0;
  execution.forEachLane([&](unsigned lane) { mask |= uint32_t(votes[lane]) << lane; });
  return mask;
}

template <typename T>
Outcome writeAll(Execution &execution, T value) {
  Lanes<T> lanes;
  std::fill(lanes.values, lanes.values + kWarpLanes, value);
  execution.write(0, lanes);
  return Outcome::Done;
}

Outcome voteAny(Execution &execution) { return writeAll(execution, getVotes(execution) != 0); }
Outcome voteAll(Execution &execution) { return writeAll(execution, getVotes(execution) == execution.mask); }
Outcome ballot(Execution &execution) { return writeAll(execution, getVotes(execution)); }

Outcome synchronise(Execution &execution) {
  checkMembers(execution, 0);
  return Outcome::Done;
}

} // namespace

InstructionList rondo::emulator::getWarpInstructions() {
  constexpr auto wholeWarp = InstructionEntry::WholeWarp;
  return {
      {"shfl.sync.idx.b32", "=r,r,r,r,r", shuffle<Shuffle::Index, false>, wholeWarp},
      {"shfl.sync.idx.b32", "=r|p,r,r,r,r", shuffle<Shuffle::Index, true>, wholeWarp},
      {"shfl.sync.bfly.b32", "=r,r,r,r,r", shuffle<Shuffle::Butterfly, false>, wholeWarp},
      {"shfl.sync.bfly.b32", "=r|p,r,r,r,r", shuffle<Shuffle::Butterfly, true>, wholeWarp},
      {"shfl.sync.up.b32", "=r,r,r,r,r", shuffle<Shuffle::Up, false>, wholeWarp},
      {"shfl.sync.up.b32", "=r|p,r,r,r,r", shuffle<Shuffle::Up, true>, wholeWarp},
      {"shfl.sync.down.b32", "=r,r,r,r,r", shuffle<Shuffle::Down, false>, wholeWarp},
      {"shfl.sync.down.b32", "=r|p,r,r,r,r", shuffle<Shuffle::Down, true>, wholeWarp},
      {"elect.sync", "=r|p,r", elect, wholeWarp},
      {"vote.sync.any.pred", "=p,p,r", voteAny, wholeWarp},
      {"vote.sync.all.pred", "=p,p,r", voteAll, wholeWarp},
      {"vote.sync.ballot.b32", "=r,p,r", ballot, wholeWarp},
      {"bar.warp.sync", "r", synchronise, wholeWarp},
  };
}
