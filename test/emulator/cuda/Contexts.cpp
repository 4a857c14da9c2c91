//===- Contexts.cpp - The emulated driver's devices, contexts, and access between devices ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Call.h"
#include "test/emulator/cuda/Graph.h"

#include <cstdio>

using namespace rondo::emulator;

namespace {

/// Primary contexts have no state of their own: each is an address here.
constexpr int kMaxDevices = GlobalMemory::kMaxNumber;
char contexts[kMaxDevices];

/// The contexts that are current on this thread, the present one last.
thread_local std::vector<cuda_context> currentContexts;

void checkOrdinal(int device) {
  if (device < 0 || device >= getDeviceCount())
    fail("there is no device ", device);
}

} // namespace

int rondo::emulator::getDeviceCount() {
  return static_cast<int>(std::min<uint64_t>(getSetting("RONDO_EMULATOR_DEVICES", 1), kMaxDevices));
}

bool rondo::emulator::canReach(int device, int peer) {
  return device != peer && device >= 0 && device < getDeviceCount() && getSetting("RONDO_EMULATOR_PEERS", 1) != 0;
}

int rondo::emulator::getOrdinal(cuda_context context) {
  const char *place = reinterpret_cast<const char *>(context);
  if (place < contexts || place >= contexts + kMaxDevices)
    fail("a context that does not exist");
  return static_cast<int>(place - contexts);
}

bool rondo::emulator::hasContext() { return !currentContexts.empty() && currentContexts.back(); }
int rondo::emulator::getCurrentDevice() { return getOrdinal(currentContexts.back()); }

Stream &rondo::emulator::getCurrentStream(cuda_stream handle) {
  Stream &stream = getDevice().getStream(handle);
  if (handle && stream.device != getCurrentDevice())
    fail("a stream of device ", stream.device, ", while the context of device ", getCurrentDevice(), " is current");
  return stream;
}

extern "C" {

//===--------------------------------------------------------------------------------------------------------------===//
// Devices
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuDeviceGetCount(int *count) {
  *count = getDeviceCount();
  return CUDA_OK;
}

cuda_result cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return attempt(InvalidDevice, [&] { checkOrdinal(ordinal); });
}

cuda_result cuDeviceGetName(char *name, int bytes, int) {
  std::snprintf(name, static_cast<size_t>(bytes), "PTX emulator");
  return CUDA_OK;
}

cuda_result cuDeviceGetAttribute(int *value, int attribute, int) {
  return attempt(InvalidValue, [&] {
    int capability = static_cast<int>(getSetting("RONDO_EMULATOR_CAPABILITY", 90));
    if (attribute == CUDA_MULTIPROCESSORS)
      *value = static_cast<int>(getSetting("RONDO_EMULATOR_MULTIPROCESSORS", 4));
    else if (attribute == CUDA_MAJOR || attribute == CUDA_MINOR)
      *value = attribute == CUDA_MAJOR ? capability / 10 : capability % 10;
    else if (attribute == CUDA_SHARED_BYTES_LIMIT)
      *value = static_cast<int>(kSharedLimit);
    else if (attribute == CUDA_POOLS_SUPPORTED)
      *value = 1;
    else
      fail("the emulator does not know attribute ", attribute, " of a device");
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Contexts
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuDevicePrimaryCtxRetain(cuda_context *context, int device) {
  return attempt(InvalidDevice, [&] {
    checkOrdinal(device);
    *context = reinterpret_cast<cuda_context>(&contexts[device]);
  });
}
cuda_result cuDevicePrimaryCtxRelease_v2(int) { return CUDA_OK; }

cuda_result cuCtxSetCurrent(cuda_context context) {
  if (currentContexts.empty())
    currentContexts.push_back(context);
  currentContexts.back() = context;
  return CUDA_OK;
}
cuda_result cuCtxPushCurrent_v2(cuda_context context) {
  currentContexts.push_back(context);
  return CUDA_OK;
}
cuda_result cuCtxPopCurrent_v2(cuda_context *context) {
  return attemptInContext(InvalidContext, [&] {
    *context = currentContexts.back();
    currentContexts.pop_back();
  });
}
cuda_result cuCtxSynchronize() {
  return attemptInContext(InvalidValue, [] {
    checkNotCapturing("cuCtxSynchronize");
    getDevice().workUntil([] {
      for (Stream *stream : getDevice().streams)
        if (stream->device == getCurrentDevice() && !stream->queue.empty())
          return false;
      return true;
    });
  });
}
cuda_result cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return CUDA_OK;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Access between devices
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuDeviceCanAccessPeer(int *possible, int device, int peer) {
  return attempt(InvalidDevice, [&] {
    checkOrdinal(device);
    checkOrdinal(peer);
    *possible = canReach(device, peer);
  });
}

/// From now on the current context reaches what the other one's device allocates, but not its pools.
cuda_result cuCtxEnablePeerAccess(cuda_context context, unsigned flags) {
  cuda_result result = CUDA_OK;
  cuda_result failed = attemptInContext(InvalidContext, [&] {
    int device = getCurrentDevice(), peer = getOrdinal(context);
    if (device == peer || flags != 0)
      fail("peer access of device ", device, " to itself, or with flags");
    if (!canReach(device, peer))
      result = PeerAccessUnsupported;
    else if (!getDevice().peers.emplace(device, peer).second)
      result = PeerAccessAlreadyEnabled;
  });
  return failed != CUDA_OK ? failed : result;
}

} // extern "C"
