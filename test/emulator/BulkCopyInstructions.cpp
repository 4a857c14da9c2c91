//===- BulkCopyInstructions.cpp - Boxes between global and shared memory --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Addresses.h"
#include "test/emulator/InstructionTable.h"

using namespace rondo::emulator;

namespace {

/// A box as an operand gives it: [map, {coordinates}], for each lane.
class BoxOperand {
public:
  BoxOperand(const Execution &execution, size_t operand)
      : launch(execution.warp.cta.cluster.launch), addresses(execution.readAddress(operand)) {
    const std::vector<Slot> &slots = execution.operand(operand).elements;
    rank = static_cast<uint32_t>(slots.size());
    const std::string &opcode = execution.instruction.syntax->opcode;
    if (opcode.find(concat(".tensor.", rank, "d.")) == std::string::npos)
      fail("there are ", rank, " coordinates");
    for (Slot slot : slots)
      coordinates.push_back(execution.warp.registers.read<int32_t>(slot));
  }

  TensorMap getMap(unsigned lane) const {
    TensorMap map = getTensorMap(launch, addresses[lane]);
    if (map.rank != rank)
      fail("the tensor map has rank ", map.rank, ", there are ", rank, " coordinates");
    return map;
  }
  Coordinates getFirst(unsigned lane) const {
    Coordinates first = {};
    for (uint32_t i = 0; i < rank; ++i)
      first[i] = coordinates[i][lane];
    return first;
  }

private:
  const Launch &launch;
  Lanes<uint64_t> addresses;
  std::vector<Lanes<int32_t>> coordinates;
  uint32_t rank;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Loads
//===--------------------------------------------------------------------------------------------------------------===//

/// Sends the box to one CTA; offsets are without the rank.
void sendBox(const Execution &execution, Cta &target, uint32_t destination, uint32_t barrier, const TensorMap &map,
             const Coordinates &first) {
  checkDependency(execution.warp.cta, map.address);
  const SyntaxInstruction *syntax = execution.instruction.syntax;
  uint64_t access = target.shared.begin({destination, destination + map.boxBytes(), Access::Write, syntax});
  execution.warp.cta.cluster.addLoad({0, target.rank, map, first, destination, barrier, access, syntax});
}

/// To the executing CTA, or, of the shared::cluster space, to another one, whose barrier is told then.
template <bool isCluster>
Outcome loadOne(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto destinations = execution.readAddress(0), barriers = execution.readAddress(2);
  BoxOperand box(execution, 1);
  execution.forEachLane([&](unsigned lane) {
    SharedPlace place = isCluster ? getClusterPlace(cta, destinations[lane])
                                  : SharedPlace{cta, getSharedOffset(cta, destinations[lane])};
    SharedPlace barrier =
        isCluster ? getClusterPlace(cta, barriers[lane]) : SharedPlace{cta, getSharedOffset(cta, barriers[lane])};
    if (&place.cta != &barrier.cta)
      fail("the destination is in the CTA of rank ", place.cta.rank, ", the mbarrier in that of rank ",
           barrier.cta.rank);
    sendBox(execution, place.cta, place.offset, barrier.offset, box.getMap(lane), box.getFirst(lane));
  });
  return Outcome::Done;
}

/// To the same place of all CTAs of a mask, whose barriers at the same place are told.
Outcome loadMany(Execution &execution) {
  Cluster &cluster = execution.warp.cta.cluster;
  auto destinations = execution.readAddress(0), barriers = execution.readAddress(2);
  auto masks = execution.read<uint16_t>(3);
  BoxOperand box(execution, 1);
  execution.forEachLane([&](unsigned lane) {
    if (masks[lane] >> cluster.ctas.size())
      fail("multicast mask ", masks[lane], " in a cluster of ", cluster.ctas.size());
    for (auto &target : cluster.ctas)
      if (masks[lane] >> target->rank & 1)
        sendBox(execution, *target, static_cast<uint32_t>(destinations[lane]) & kSharedOffsetMask,
                static_cast<uint32_t>(barriers[lane]) & kSharedOffsetMask, box.getMap(lane), box.getFirst(lane));
  });
  return Outcome::Done;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Stores
//===--------------------------------------------------------------------------------------------------------------===//

uint32_t getThread(const Execution &execution, unsigned lane) { return execution.warp.index * kWarpLanes + lane; }

/// The copy is made at once, but shared memory counts as being read until the store is waited for.
Outcome storeOne(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto sources = execution.readAddress(1);
  BoxOperand box(execution, 0);
  execution.forEachLane([&](unsigned lane) {
    TensorMap map = box.getMap(lane);
    uint32_t source = getSharedOffset(cta, sources[lane]);
    uint64_t access = cta.shared.begin({source, source + map.boxBytes(), Access::Read, execution.instruction.syntax});
    storeBox(map, box.getFirst(lane), cta.cluster.launch.global, cta.shared, source);
    cta.bulkStores[getThread(execution, lane)].open.push_back(access);
  });
  return Outcome::Done;
}

Outcome commitStores(Execution &execution) {
  execution.forEachLane([&](unsigned lane) {
    BulkStoreGroups &groups = execution.warp.cta.bulkStores[getThread(execution, lane)];
    groups.committed.push_back(std::move(groups.open));
    groups.open.clear();
  });
  return Outcome::Done;
}

Outcome waitForStores(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto pending = static_cast<size_t>(execution.operand(0).value);
  execution.forEachLane([&](unsigned lane) {
    auto &committed = cta.bulkStores[getThread(execution, lane)].committed;
    for (; committed.size() > pending; committed.pop_front())
      for (uint64_t access : committed.front())
        cta.shared.end(access);
  });
  return Outcome::Done;
}

} // namespace

#define TENSOR "cp.async.bulk.tensor.(1|2|3|4|5)d"
#define TO_BARRIER "[.tile].mbarrier::complete_tx::bytes"
#define HINT ".L2::cache_hint"

InstructionList rondo::emulator::getBulkCopyInstructions() {
  return {
      {TENSOR ".shared::cta.global" TO_BARRIER, "a,t,a", loadOne<false>},
      {TENSOR ".shared::cta.global" TO_BARRIER HINT, "a,t,a,l", loadOne<false>},
      {TENSOR ".shared::cluster.global" TO_BARRIER, "a,t,a", loadOne<true>},
      {TENSOR ".shared::cluster.global" TO_BARRIER HINT, "a,t,a,l", loadOne<true>},
      {TENSOR ".shared::cluster.global" TO_BARRIER ".multicast::cluster", "a,t,a,h", loadMany},
      {TENSOR ".shared::cluster.global" TO_BARRIER ".multicast::cluster" HINT, "a,t,a,h,l", loadMany},
      {TENSOR ".global.shared::cta[.tile].bulk_group", "t,a", storeOne},
      {TENSOR ".global.shared::cta[.tile].bulk_group" HINT, "t,a,l", storeOne},
      {"cp.async.bulk.commit_group", "", commitStores},
      {"cp.async.bulk.wait_group[.read]", "i", waitForStores},
  };
}
