//===- Device.cpp - The state of the emulated GPUs: memory, streams, events -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Device.h"
#include "test/emulator/cuda/Graph.h"

#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

using namespace rondo::emulator;

uint64_t rondo::emulator::getSetting(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

Device &rondo::emulator::getDevice() {
  // Never destroyed: programs may still free things when they end.
  static Device &device = *new Device;
  return device;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

GlobalMemory &Device::getMemory(int device) {
  return memories.try_emplace(device, static_cast<unsigned>(device)).first->second;
}

void Device::checkSize(size_t bytes) const {
  if (bytes == 0)
    fail("an allocation of 0 bytes");
  if (allocatedBytes + bytes > getSetting("RONDO_EMULATOR_MEMORY_BYTES", uint64_t(16) << 30))
    throw std::bad_alloc();
}

cuda_address Device::add(Buffer buffer, size_t guard, int device, Readers readers) {
  size_t bytes = buffer.size();
  cuda_address address = getMemory(device).map(concat("allocation ", allocations.size()),
                                               static_cast<void *>(buffer.data()), bytes - guard);
  allocations[address] = {std::move(buffer), device, std::move(readers)};
  allocatedBytes += bytes;
  return address;
}

cuda_address Device::allocate(size_t bytes, int device, Readers readers) {
  checkSize(bytes);
  uint64_t guard = getSetting("RONDO_EMULATOR_GUARD_BYTES", 0);
  return add(Buffer::create(bytes), bytes < guard ? 0 : guard, device, std::move(readers));
}

cuda_address Device::allocateShared(size_t bytes, int device) {
  checkSize(bytes);
  uint64_t guard = getSetting("RONDO_EMULATOR_GUARD_BYTES", 0);
  return add(Buffer::createShared(bytes), bytes < guard ? 0 : guard, device, nullptr);
}

cuda_address Device::open(const std::string &name, int device) { return add(Buffer::open(name), 0, device, nullptr); }

void Device::release(cuda_address address) {
  auto place = allocations.find(address);
  if (place == allocations.end())
    fail("address ", address, " is not that of an allocation");
  allocatedBytes -= place->second.data.size();
  getMemory(place->second.device).unmap(address);
  allocations.erase(place);
}

/// The allocation that begins at an address or last before it.
static auto find(std::map<cuda_address, Allocation> &allocations, cuda_address address) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin())
    fail("address ", address, " is not one of device memory");
  return std::prev(next);
}

Allocation &Device::getAllocation(cuda_address address) { return find(allocations, address)->second; }

uint8_t *Device::getHost(cuda_address address, size_t bytes) {
  auto &[begin, allocation] = *find(allocations, address);
  size_t size = allocation.data.size();
  if (address - begin > size || bytes > size - (address - begin))
    fail(bytes, " bytes at offset ", address - begin, " of an allocation of ", size, " bytes");
  return allocation.data.data() + (address - begin);
}

void Device::checkReach(int device, cuda_address address) {
  const Allocation &allocation = getAllocation(address);
  if (allocation.device == device)
    return;
  if (allocation.readers ? !allocation.readers->count(device) : !peers.count({device, allocation.device}))
    fail("device ", device, " cannot reach memory of device ", allocation.device, ": ",
         allocation.readers ? "its pool does not allow it" : "peer access is not enabled");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Streams
//===--------------------------------------------------------------------------------------------------------------===//

Stream &Device::getStream(cuda_stream handle) {
  static Stream defaultStream;
  if (!handle)
    return defaultStream;
  auto *stream = reinterpret_cast<Stream *>(handle);
  if (!streams.count(stream))
    fail("a stream that does not exist, or no longer");
  return *stream;
}

std::shared_ptr<Event> Device::getEvent(cuda_event handle) {
  auto place = events.find(reinterpret_cast<Event *>(handle));
  if (place == events.end())
    fail("an event that does not exist, or no longer");
  return place->second;
}

void Device::doWork(const Work &work) {
  try {
    work.run();
  } catch (const std::exception &error) {
    failure = CUDA_LAUNCH_FAILED;
    message = error.what();
    throw;
  }
}

bool Device::advance() {
  auto isReady = [](const Work &work) { return !work.isReady || work.isReady(); };
  std::vector<Stream *> ready;
  for (Stream *stream : streams)
    if (!stream->queue.empty() && isReady(stream->queue.front()))
      ready.push_back(stream);
  std::vector<std::pair<std::shared_ptr<GraphRun>, GraphRun::Step *>> steps;
  for (const std::shared_ptr<GraphRun> &run : running)
    for (GraphRun::Step &step : run->steps)
      if (!step.isDone && run->follows(step) && isReady(step.work))
        steps.emplace_back(run, &step);
  if (ready.empty() && steps.empty())
    return false;
  size_t choice = random() % (ready.size() + steps.size());
  if (choice < ready.size()) {
    Work work = std::move(ready[choice]->queue.front());
    ready[choice]->queue.pop_front();
    doWork(work);
    return true;
  }
  auto [run, step] = steps[choice - ready.size()];
  step->isDone = true;
  --run->left;
  doWork(step->work);
  return true;
}

bool Device::waitsForOthers() const {
  for (const Stream *stream : streams)
    if (!stream->queue.empty() && stream->queue.front().isExternal)
      return true;
  for (const std::shared_ptr<GraphRun> &run : running)
    for (const GraphRun::Step &step : run->steps)
      if (!step.isDone && run->follows(step) && step.work.isExternal)
        return true;
  return false;
}

void Device::workUntil(const std::function<bool()> &isDone) {
  while (!isDone())
    if (!advance()) {
      if (!waitsForOthers())
        fail("streams wait for what never comes");
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

void Device::issue(cuda_stream handle, std::function<void()> run, std::function<bool()> isReady, bool isExternal) {
  Stream &stream = getStream(handle);
  if (stream.capture) {
    Node node;
    node.make = [work = Work{std::move(isReady), std::move(run), isExternal}] { return work; };
    return addNode(stream, std::move(node));
  }
  if (!handle) {
    if (isReady)
      workUntil(isReady);
    return run();
  }
  stream.queue.push_back({std::move(isReady), std::move(run), isExternal});
  if (random() % 2)
    advance();
}
