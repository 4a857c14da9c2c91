//===- MoveInstructions.cpp - Copies, and addresses of other spaces -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Addresses.h"
#include "test/emulator/Lanewise.h"

using namespace rondo::emulator;

namespace {

template <typename T>
T copy(T a) {
  return a;
}

/// Elements of a vector follow each other in the bits of one register, lowest first.
template <typename Whole, typename Part>
Outcome pack(Execution &execution) {
  Lanes<Whole> whole = {};
  unsigned shift = 0;
  for (Slot slot : execution.operand(1).elements) {
    auto part = execution.warp.registers.read<Part>(slot);
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      whole[lane] |= static_cast<Whole>(part[lane]) << shift;
    shift += 8 * sizeof(Part);
  }
  execution.write(0, whole);
  return Outcome::Done;
}

template <typename Whole, typename Part>
Outcome unpack(Execution &execution) {
  auto whole = execution.read<Whole>(1);
  unsigned shift = 0;
  for (Slot slot : execution.operand(0).elements) {
    Lanes<Part> part;
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      part[lane] = static_cast<Part>(whole[lane] >> shift);
    execution.warp.registers.write(slot, part, execution.mask);
    shift += 8 * sizeof(Part);
  }
  return Outcome::Done;
}

// From a space to generic addresses, and back.

uint64_t fromParameter(uint64_t address) { return address + kParameterWindow; }
uint64_t fromShared(uint64_t address) { return address + kSharedWindow; }

Outcome toShared(Execution &execution) {
  auto addresses = execution.read<uint64_t>(1);
  execution.forEachLane([&](unsigned lane) {
    if (!isSharedAddress(addresses[lane]))
      fail("generic address ", addresses[lane], " is not one of shared memory");
    addresses[lane] -= kSharedWindow;
  });
  execution.write(0, addresses);
  return Outcome::Done;
}

/// The same place in the shared memory of another CTA.
template <typename T>
Outcome mapToRank(Execution &execution) {
  const Cta &cta = execution.warp.cta;
  auto addresses = execution.read<T>(1);
  auto ranks = execution.read<uint32_t>(2);
  execution.forEachLane([&](unsigned lane) {
    uint32_t offset = getSharedOffset(cta, addresses[lane]);
    if (ranks[lane] < cta.cluster.ctas.size()) // what other ranks give is open, as long as it is not used
      addresses[lane] = offset | ranks[lane] << kClusterRankShift;
    else
      addresses[lane] = static_cast<T>(-1);
  });
  execution.write(0, addresses);
  return Outcome::Done;
}

} // namespace

InstructionList rondo::emulator::getMoveInstructions() {
  return {
      lanewise<&copy<bool>>("mov.pred"),
      lanewise<&copy<uint16_t>>("mov.(b|u|s)16"),
      lanewise<&copy<uint32_t>>("mov.(b32|u32|s32|f32)"),
      lanewise<&copy<uint64_t>>("mov.(b64|u64|s64|f64)"),
      {"mov.b32", "=r,h*2", pack<uint32_t, uint16_t>},
      {"mov.b32", "=h*2,r", unpack<uint32_t, uint16_t>},
      {"mov.b64", "=l,h*4", pack<uint64_t, uint16_t>},
      {"mov.b64", "=h*4,l", unpack<uint64_t, uint16_t>},
      {"mov.b64", "=l,r*2", pack<uint64_t, uint32_t>},
      {"mov.b64", "=r*2,l", unpack<uint64_t, uint32_t>},
      lanewise<&copy<uint64_t>>("cvta[.to].global.u64"),
      lanewise<&fromParameter>("cvta.param.u64"),
      lanewise<&fromShared>("cvta.shared.u64"),
      {"cvta.to.shared[::(cta|cluster)].u64", "=l,l", toShared},
      {"mapa.shared::cluster.u32", "=r,r,r", mapToRank<uint32_t>},
      {"mapa.shared::cluster.u64", "=l,l,r", mapToRank<uint64_t>},
  };
}
