//===- Machine.h - CTAs and clusters, and their schedule ------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CTAs of a cluster run together: their warps take turns, each for a number of instructions that varies. Bulk
// copies and products complete some time after they were issued. All of this is chosen by pseudo-random numbers, and
// so is the same in every run with the same seed.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_MACHINE_H
#define RONDO_TEST_EMULATOR_MACHINE_H

#include "test/emulator/MBarrier.h"
#include "test/emulator/SharedMemory.h"
#include "test/emulator/TensorMap.h"
#include "test/emulator/Warp.h"
#include "test/emulator/Wgmma.h"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>

namespace rondo::emulator {

struct Extent3 {
  uint32_t x = 1, y = 1, z = 1;
};

/// How a kernel is launched.
struct LaunchShape {
  Extent3 grid;
  uint32_t threads = 1;
  uint32_t sharedBytes = 0; ///< dynamic
  uint64_t seed = 1;
  /// Whether the kernel may begin before the one before it has ended: it must wait (griddepcontrol) before it reads
  /// what that one wrote.
  bool overlapsPrevious = false;
  /// Instructions, counted by warps, after which a cluster is taken to run for ever.
  uint64_t instructionLimit = 500'000'000;
};

struct Launch {
  const Program &program;
  const LaunchShape &shape;
  const GlobalMemory &global;
  const uint8_t *parameters;
};

/// bar.sync and bar.arrive
struct NamedBarrier {
  uint32_t arrived = 0, expected = 0;
  uint64_t phase = 0;
};

class Cluster;

/// Bulk stores of one thread, by group: the numbers of their reads of shared memory, which end when they are waited
/// for.
struct BulkStoreGroups {
  std::vector<uint64_t> open;
  std::deque<std::vector<uint64_t>> committed;
};

class Cta {
public:
  Cta(Cluster &cluster, Extent3 place, uint32_t rank);

  MBarrier &getBarrier(uint32_t address);
  void arrive(unsigned barrier, uint32_t threads, uint32_t expected);
  void finishWarp(Warp &warp);
  bool isDone() const { return liveWarps == 0; }

  Cluster &cluster;
  const Extent3 place;
  const uint32_t rank;
  SharedMemory shared;
  std::map<uint32_t, MBarrier> barriers; ///< by address
  std::array<NamedBarrier, 16> namedBarriers;
  const uint32_t initialRegisters;   ///< of a thread
  uint32_t freeRegisters;            ///< that setmaxnreg can give; those of ended warps are not
  bool hasWaitedForPrevious = false; ///< griddepcontrol.wait, by any thread
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<ProductQueue> products;             ///< of each warpgroup
  std::map<uint32_t, BulkStoreGroups> bulkStores; ///< by thread

private:
  unsigned liveWarps;
};

/// A box on its way to one CTA.
struct BulkLoad {
  uint64_t due; ///< the round in which it arrives
  uint32_t rank;
  TensorMap map;
  Coordinates first;
  uint32_t destination, barrier;
  uint64_t access; ///< the number of its write of shared memory
  const SyntaxInstruction *instruction;
};

class Cluster {
public:
  /// The cluster that begins with the CTA at `first`.
  Cluster(const Launch &launch, Extent3 first, uint64_t seed);
  /// Runs until all threads have ended.
  void run();

  void addLoad(BulkLoad load);
  uint32_t random(uint32_t below) { return static_cast<uint32_t>(generator() % below); }

  const Launch &launch;
  std::vector<std::unique_ptr<Cta>> ctas;
  NamedBarrier barrier; ///< of the whole cluster
  /// Whether products are computed as soon as they are issued, or only when they are waited for.
  const bool productsAreEarly;

private:
  bool runWarps();
  bool completeLoads(bool force);
  void complete(const BulkLoad &load);
  [[noreturn]] void reportDeadlock() const;
  void checkEnd() const;

  std::minstd_rand generator;
  std::vector<BulkLoad> loads;
  uint64_t round = 0;
  uint64_t instructions = 0;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_MACHINE_H
