//===- Machine.cpp - CTAs and clusters, and their schedule ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Machine.h"

#include "test/emulator/Error.h"

#include <algorithm>

using namespace rondo::emulator;

static constexpr uint32_t kRegistersOfMultiprocessor = 65536;

//===--------------------------------------------------------------------------------------------------------------===//
// CTAs
//===--------------------------------------------------------------------------------------------------------------===//

/// What a thread has at the start if one CTA has all registers; they come in units of eight.
static uint32_t getInitialRegisters(uint32_t threads) {
  return std::min(kRegistersOfMultiprocessor / threads / 8 * 8, 248u);
}

Cta::Cta(Cluster &cluster, Extent3 place, uint32_t rank)
    : cluster(cluster), place(place), rank(rank),
      shared(cluster.launch.program.staticSharedEnd + cluster.launch.shape.sharedBytes),
      initialRegisters(getInitialRegisters(cluster.launch.shape.threads)), freeRegisters(0),
      products(cluster.launch.shape.threads / (kWarpgroupWarps * kWarpLanes)),
      liveWarps(cluster.launch.shape.threads / kWarpLanes) {
  for (unsigned i = 0; i < liveWarps; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
}

MBarrier &Cta::getBarrier(uint32_t address) {
  auto barrier = barriers.find(address);
  if (barrier == barriers.end())
    fail("there is no mbarrier at shared memory address ", address, " of the CTA of rank ", rank);
  return barrier->second;
}

void Cta::arrive(unsigned number, uint32_t threads, uint32_t expected) {
  NamedBarrier &barrier = namedBarriers[number];
  if (barrier.arrived && barrier.expected != expected)
    fail("barrier ", number, " expects ", barrier.expected, " threads, not ", expected);
  barrier.expected = expected;
  barrier.arrived += threads;
  if (barrier.arrived > expected)
    fail(barrier.arrived, " threads arrive at barrier ", number, ", which expects ", expected);
  if (barrier.arrived == expected)
    barrier = {0, 0, barrier.phase + 1};
}

void Cta::finishWarp(Warp &warp) {
  --liveWarps;
  for (const auto &[thread, groups] : bulkStores)
    if (thread / kWarpLanes == warp.index && (!groups.open.empty() || !groups.committed.empty()))
      fail("thread ", thread, " ends before its bulk stores have been waited for");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bulk loads
//===--------------------------------------------------------------------------------------------------------------===//

void Cluster::addLoad(BulkLoad load) {
  constexpr uint32_t longest = 24; // rounds
  Cta &cta = *ctas.at(load.rank);
  if (cta.isDone())
    fail("a bulk copy to the CTA of rank ", load.rank, ", which has ended");
  cta.getBarrier(load.barrier);
  load.due = round + random(longest);
  loads.push_back(std::move(load));
}

void Cluster::complete(const BulkLoad &load) {
  Cta &cta = *ctas[load.rank];
  cta.shared.end(load.access);
  try {
    loadBox(load.map, load.first, launch.global, cta.shared, load.destination);
    cta.getBarrier(load.barrier).completeBytes(load.map.boxBytes());
  } catch (const EmulationError &error) {
    fail(launch.program.syntax.name, ", line ", load.instruction->line, ": ", load.instruction->text, ": ",
         error.what());
  }
}

/// Completes what is due; with `force`, also what comes first otherwise. False if there was nothing.
bool Cluster::completeLoads(bool force) {
  if (force && !loads.empty())
    round = std::max(round, std::min_element(loads.begin(), loads.end(), [](const auto &a, const auto &b) {
                              return a.due < b.due;
                            })->due);
  std::vector<BulkLoad> before = std::move(loads);
  loads.clear();
  for (BulkLoad &load : before)
    if (load.due <= round)
      complete(load);
    else
      loads.push_back(std::move(load));
  return loads.size() != before.size();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Clusters
//===--------------------------------------------------------------------------------------------------------------===//

Cluster::Cluster(const Launch &launch, Extent3 first, uint64_t seed)
    : launch(launch), productsAreEarly(seed % 2 == 0), generator(static_cast<uint32_t>(seed * 2654435761u + 1)) {
  for (uint32_t rank = 0; rank < launch.program.syntax.cluster; ++rank)
    ctas.push_back(std::make_unique<Cta>(*this, Extent3{first.x + rank, first.y, first.z}, rank));
}

/// Each warp has a turn; false if all are blocked.
bool Cluster::runWarps() {
  constexpr uint32_t longestTurn = 60;
  bool any = false;
  for (auto &cta : ctas)
    for (auto &warp : cta->warps)
      for (uint32_t turn = 1 + random(longestTurn); turn && !warp->isDone() && warp->step(); --turn) {
        any = true;
        ++instructions;
      }
  return any;
}

void Cluster::run() {
  auto isDone = [](const std::unique_ptr<Cta> &cta) { return cta->isDone(); };
  while (!std::all_of(ctas.begin(), ctas.end(), isDone)) {
    bool any = runWarps();
    ++round;
    if (!completeLoads(/*force=*/!any) && !any)
      reportDeadlock();
    if (instructions > launch.shape.instructionLimit)
      fail(launch.program.syntax.name, ": no end after ", instructions, " instructions");
  }
  checkEnd();
}

void Cluster::reportDeadlock() const {
  std::string waits;
  for (const auto &cta : ctas)
    for (const auto &warp : cta->warps)
      if (!warp->isDone())
        waits += warp->describeWait();
  fail(launch.program.syntax.name, ": deadlock; no warp can go on:", waits);
}

void Cluster::checkEnd() const {
  if (!loads.empty())
    fail(launch.program.syntax.name, ": all threads have ended before ", loads.size(),
         " bulk loads have been waited for");
  for (const auto &cta : ctas)
    for (const ProductQueue &queue : cta->products)
      if (!queue.isEmpty())
        fail(launch.program.syntax.name, ": all threads have ended before a wgmma has been waited for");
}
