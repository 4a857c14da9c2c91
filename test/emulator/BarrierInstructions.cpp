//===- BarrierInstructions.cpp - Between the warps of a CTA and of a cluster ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Addresses.h"
#include "test/emulator/InstructionTable.h"

using namespace rondo::emulator;

namespace {

//===--------------------------------------------------------------------------------------------------------------===//
// Named barriers
//===--------------------------------------------------------------------------------------------------------------===//

uint32_t getBarrierNumber(const Execution &execution) {
  auto number = execution.readUniform<uint32_t>(0);
  if (number >= execution.warp.cta.namedBarriers.size())
    fail("barrier ", number, "; there are 16");
  return number;
}

/// The threads that take part: all, or those that the second operand says.
uint32_t getBarrierThreads(const Execution &execution) {
  if (execution.operandCount() == 1)
    return execution.warp.cta.cluster.launch.shape.threads;
  auto threads = execution.readUniform<uint32_t>(1);
  if (threads == 0 || threads % kWarpLanes != 0)
    fail("a barrier of ", threads, " threads, expected a multiple of ", kWarpLanes);
  return threads;
}

Outcome barrierArrive(Execution &execution) {
  execution.warp.cta.arrive(getBarrierNumber(execution), kWarpLanes, getBarrierThreads(execution));
  return Outcome::Done;
}

Outcome barrierSync(Execution &execution) {
  Warp &warp = execution.warp;
  uint32_t number = getBarrierNumber(execution);
  const NamedBarrier &barrier = warp.cta.namedBarriers[number];
  if (!warp.namedBarrierPhase) {
    warp.namedBarrierPhase = barrier.phase;
    warp.cta.arrive(number, kWarpLanes, getBarrierThreads(execution));
  }
  if (barrier.phase == *warp.namedBarrierPhase)
    return execution.block({WaitReason::Kind::NamedBarrier, number, barrier.arrived, barrier.expected});
  warp.namedBarrierPhase.reset();
  return Outcome::Done;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The barrier of the cluster
//===--------------------------------------------------------------------------------------------------------------===//

Outcome clusterArrive(Execution &execution) {
  Warp &warp = execution.warp;
  Cluster &cluster = warp.cta.cluster;
  NamedBarrier &barrier = cluster.barrier;
  if (warp.clusterBarrierPhase)
    fail("the warp arrives at the barrier of the cluster for the second time without having waited");
  warp.clusterBarrierPhase = barrier.phase;
  barrier.expected = static_cast<uint32_t>(cluster.ctas.size()) * cluster.launch.shape.threads;
  barrier.arrived += kWarpLanes;
  if (barrier.arrived == barrier.expected)
    barrier = {0, 0, barrier.phase + 1};
  return Outcome::Done;
}

Outcome clusterWait(Execution &execution) {
  Warp &warp = execution.warp;
  const NamedBarrier &barrier = warp.cta.cluster.barrier;
  if (!warp.clusterBarrierPhase)
    fail("the warp waits for the barrier of the cluster without having arrived");
  if (barrier.phase == *warp.clusterBarrierPhase)
    return execution.block({WaitReason::Kind::ClusterBarrier, barrier.arrived, barrier.expected});
  warp.clusterBarrierPhase.reset();
  return Outcome::Done;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Barriers in shared memory
//===--------------------------------------------------------------------------------------------------------------===//

/// The bytes of a barrier are written for ever, as far as other accesses are concerned.
Outcome mbarrierInit(Execution &execution) {
  constexpr uint32_t bytes = 8;
  Cta &cta = execution.warp.cta;
  auto addresses = execution.readAddress(0);
  auto counts = execution.read<uint32_t>(1);
  execution.forEachLane([&](unsigned lane) {
    uint32_t address = getSharedOffset(cta, addresses[lane]);
    if (address % bytes != 0)
      fail("an mbarrier at shared memory address ", address, ", which is not a multiple of ", bytes);
    if (counts[lane] == 0)
      fail("an mbarrier of no arrivals");
    cta.shared.begin({address, address + bytes, Access::Write, execution.instruction.syntax});
    cta.barriers.emplace(address, MBarrier(counts[lane]));
  });
  return Outcome::Done;
}

/// Calls function(barrier, lane) for the barriers that operand 1 gives. Operand 0 is the state, which nobody uses.
template <bool isCluster, typename Function>
Outcome forEachBarrier(Execution &execution, Function function) {
  if (execution.operand(0).kind != Operand::Kind::Sink)
    execution.write(0, Lanes<uint64_t>{});
  auto addresses = execution.readAddress(1);
  Cta &cta = execution.warp.cta;
  execution.forEachLane([&](unsigned lane) {
    if constexpr (isCluster) {
      SharedPlace place = getClusterPlace(cta, addresses[lane]);
      function(place.cta.getBarrier(place.offset), lane);
    } else {
      function(cta.getBarrier(getSharedOffset(cta, addresses[lane])), lane);
    }
  });
  return Outcome::Done;
}

template <bool isCluster>
Outcome mbarrierArrive(Execution &execution) {
  return forEachBarrier<isCluster>(execution, [](MBarrier &barrier, unsigned) { barrier.arrive(1); });
}

template <bool isCluster>
Outcome mbarrierArriveMany(Execution &execution) {
  auto counts = execution.read<uint32_t>(2);
  return forEachBarrier<isCluster>(execution, [&](MBarrier &barrier, unsigned lane) { barrier.arrive(counts[lane]); });
}

template <bool isCluster>
Outcome mbarrierArriveExpect(Execution &execution) {
  auto bytes = execution.read<uint32_t>(2);
  return forEachBarrier<isCluster>(execution, [&](MBarrier &barrier, unsigned lane) {
    barrier.expectBytes(bytes[lane]);
    barrier.arrive(1);
  });
}

/// Does not give up: the time after which the device does is not known.
Outcome mbarrierWait(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto addresses = execution.readAddress(1);
  auto parities = execution.read<uint32_t>(2);
  WaitReason reason;
  execution.forEachLane([&](unsigned lane) {
    uint32_t address = getSharedOffset(cta, addresses[lane]);
    if (!cta.getBarrier(address).isComplete(parities[lane]))
      reason = {WaitReason::Kind::MBarrier, address, parities[lane] & 1};
  });
  if (reason.kind != WaitReason::Kind::Nothing)
    return execution.block(reason);
  Lanes<bool> done;
  std::fill(done.values, done.values + kWarpLanes, true);
  execution.write(0, done);
  return Outcome::Done;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Registers, which warps hand to each other
//===--------------------------------------------------------------------------------------------------------------===//

uint32_t getRegisterBudget(const Execution &execution) {
  if (!execution.warp.cta.cluster.launch.program.syntax.hasRegisterBound)
    fail("the kernel has neither .maxnreg nor .minnctapersm: ptxas would ignore this");
  int64_t wanted = execution.operand(0).value;
  if (wanted < 24 || wanted > 256 || wanted % 8 != 0)
    fail("a budget of ", wanted, " registers, expected a multiple of 8 within 24..256");
  return static_cast<uint32_t>(wanted);
}

Outcome decreaseRegisters(Execution &execution) {
  Warp &warp = execution.warp;
  uint32_t wanted = getRegisterBudget(execution);
  if (wanted > warp.registerBudget)
    fail("decreases registers from ", warp.registerBudget, " to ", wanted);
  warp.cta.freeRegisters += (warp.registerBudget - wanted) * kWarpLanes;
  warp.registerBudget = wanted;
  return Outcome::Done;
}

Outcome increaseRegisters(Execution &execution) {
  Warp &warp = execution.warp;
  uint32_t wanted = getRegisterBudget(execution);
  if (wanted < warp.registerBudget)
    fail("increases registers from ", warp.registerBudget, " to ", wanted);
  uint32_t more = (wanted - warp.registerBudget) * kWarpLanes;
  if (more > warp.cta.freeRegisters)
    return execution.block({WaitReason::Kind::Registers, warp.cta.freeRegisters, more});
  warp.cta.freeRegisters -= more;
  warp.registerBudget = wanted;
  return Outcome::Done;
}

} // namespace

InstructionList rondo::emulator::getBarrierInstructions() {
  constexpr auto wholeWarp = InstructionEntry::WholeWarp;
  return {
      {"(bar|barrier[.cta]).sync[.aligned]", "r", barrierSync, wholeWarp},
      {"(bar|barrier[.cta]).sync[.aligned]", "r,r", barrierSync, wholeWarp},
      {"(bar|barrier[.cta]).arrive[.aligned]", "r,r", barrierArrive, wholeWarp},
      {"barrier.cluster.arrive[.(release|relaxed)][.aligned]", "", clusterArrive, wholeWarp},
      {"barrier.cluster.wait[.acquire][.aligned]", "", clusterWait, wholeWarp},

      {"mbarrier.init.shared[::cta].b64", "a,r", mbarrierInit},
      {"mbarrier.arrive[.release.(cta|cluster)].shared[::cta].b64", "=l,a", mbarrierArrive<false>},
      {"mbarrier.arrive[.release.(cta|cluster)].shared[::cta].b64", "=l,a,r", mbarrierArriveMany<false>},
      {"mbarrier.arrive[.release.cluster].shared::cluster.b64", "=l,a", mbarrierArrive<true>},
      {"mbarrier.arrive[.release.cluster].shared::cluster.b64", "=l,a,r", mbarrierArriveMany<true>},
      {"mbarrier.arrive.expect_tx[.release.(cta|cluster)].shared[::cta].b64", "=l,a,r", mbarrierArriveExpect<false>},
      {"mbarrier.arrive.expect_tx[.release.cluster].shared::cluster.b64", "=l,a,r", mbarrierArriveExpect<true>},
      {"mbarrier.try_wait.parity[.acquire.(cta|cluster)].shared[::cta].b64", "=p,a,r", mbarrierWait},
      {"mbarrier.try_wait.parity[.acquire.(cta|cluster)].shared[::cta].b64", "=p,a,r,r", mbarrierWait},

      {"setmaxnreg.dec.sync.aligned.u32", "i", decreaseRegisters, wholeWarp},
      {"setmaxnreg.inc.sync.aligned.u32", "i", increaseRegisters, wholeWarp},
  };
}
