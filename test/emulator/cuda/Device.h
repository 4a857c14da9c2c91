//===- Device.h - The state of the emulated GPUs: memory, streams, events --------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams are queues. What is issued to one is done later, in an order that the seed picks among those that streams and
// events allow: an event that a program should have waited for, but did not, shows. The default stream is not a queue:
// its work is done at once.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_CUDA_DEVICE_H
#define RONDO_TEST_EMULATOR_CUDA_DEVICE_H

#include "runtime/src/cuda_driver.h"
#include "test/emulator/Emulator.h"
#include "test/emulator/cuda/Buffer.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>

namespace rondo::emulator {

uint64_t getSetting(const char *variable, uint64_t otherwise);

struct Work {
  std::function<bool()> isReady;
  std::function<void()> run; ///< throws if something is wrong
  bool isExternal = false;   ///< another process makes it ready
};

struct Capture;

struct Stream {
  int device = 0;
  std::deque<Work> queue;
  std::shared_ptr<Capture> capture; ///< that it is part of
  std::vector<size_t> dependencies; ///< the nodes of the capture that its next one follows
};

struct Event {
  int device = 0;
  bool isTimed = false;
  uint64_t recorded = 0, completed = 0; ///< how often
  int64_t nanoseconds = 0;              ///< when it was completed last
  std::shared_ptr<Capture> capture;     ///< in which it was recorded last
  std::vector<size_t> dependencies;     ///< the nodes that it stands for there
};

/// A launch of a graph that streams have come to.
struct GraphRun {
  struct Step {
    Work work;
    std::vector<size_t> dependencies; ///< steps that come first
    bool isDone = false;
  };
  std::vector<Step> steps;
  size_t left = 0;

  bool follows(const Step &step) const {
    for (size_t dependency : step.dependencies)
      if (!steps[dependency].isDone)
        return false;
    return true;
  }
};

/// The devices that may reach a pool's memory, besides its own; it outlives the pool.
using Readers = std::shared_ptr<std::set<int>>;

struct Allocation {
  Buffer data;
  int device = 0;       ///< of another process' memory the one that has opened it
  Readers readers;      ///< null: of no pool
  bool isFreed = false; ///< in the order of a stream, which may not have come there yet
};

struct Pool {
  int device = 0;
  Readers readers = std::make_shared<std::set<int>>();
};

/// All GPUs together; guarded by `lock`.
struct Device {
  std::recursive_mutex lock;
  std::map<int, GlobalMemory> memories; ///< of the devices: kernels reach that of their own alone
  std::map<cuda_address, Allocation> allocations;
  std::set<std::pair<int, int>> peers; ///< who may reach whose memory, if it is of no pool
  std::map<const char *, std::vector<char>> hostAllocations;
  uint64_t allocatedBytes = 0;
  std::set<Stream *> streams;
  std::map<Event *, std::shared_ptr<Event>> events;
  std::set<Pool *> pools;
  std::set<std::shared_ptr<GraphRun>> running;
  std::set<Capture *> captures; ///< that have not ended
  uint64_t nextSeed = getSetting("RONDO_EMULATOR_SEED", 1);
  std::mt19937_64 random{nextSeed};
  cuda_result failure = CUDA_OK; ///< of work that was done later: every call from then on returns it
  std::string message;           ///< of the last error

  GlobalMemory &getMemory(int device);
  cuda_address allocate(size_t bytes, int device, Readers readers = nullptr);
  /// Memory of no pool, which other processes can map.
  cuda_address allocateShared(size_t bytes, int device);
  /// Maps memory of another process.
  cuda_address open(const std::string &name, int device);
  void release(cuda_address address);
  /// The host's address of `bytes` bytes of an allocation; unlike kernels, copies may touch its guard.
  uint8_t *getHost(cuda_address address, size_t bytes);
  Allocation &getAllocation(cuda_address address);
  /// Fails unless copies of the device may reach the address.
  void checkReach(int device, cuda_address address);

  /// Fail if there is no such thing, or no longer.
  Stream &getStream(cuda_stream stream);
  /// It lives on for streams that have yet to come to it.
  std::shared_ptr<Event> getEvent(cuda_event event);

  /// Issues work. The default stream does it at once, after all that was issued to it.
  void issue(cuda_stream stream, std::function<void()> run, std::function<bool()> isReady = nullptr,
             bool isExternal = false);
  /// Does one piece of work of a stream that can go on; false if there is none.
  bool advance();
  /// Works until `isDone`; fails if nothing can go on before.
  void workUntil(const std::function<bool()> &isDone);

private:
  void checkSize(size_t bytes) const;
  cuda_address add(Buffer buffer, size_t guard, int device, Readers readers);
  bool waitsForOthers() const;
  void doWork(const Work &work);
};

Device &getDevice();

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_CUDA_DEVICE_H
