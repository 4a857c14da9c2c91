//===- Driver.cpp - A libcuda.so.1 whose GPU is the emulator --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the CUDA driver that Rondo's launchers use. A program that loads the driver with dlopen runs its kernels
// in the emulator if this library is what it finds, provided that its modules are PTX. cuGetErrorString tells what the
// emulator found.
//
//   RONDO_EMULATOR_MULTIPROCESSORS  how many a GPU has; 4 if unset
//   RONDO_EMULATOR_DEVICES          how many GPUs there are, at most 15; 1 if unset
//   RONDO_EMULATOR_PEERS            0: they cannot reach each other's memory
//   RONDO_EMULATOR_CAPABILITY       their compute capability, times ten; 90 if unset
//   RONDO_EMULATOR_MEMORY_BYTES     of all of them together; 16 GiB if unset
//   RONDO_EMULATOR_HANG             the name of a kernel that never ends
//   RONDO_EMULATOR_NO_CAPTURE       the name of a kernel that cannot be captured
//   RONDO_EMULATOR_NO_UPDATE        the name of a kernel whose parameters cannot be set in a graph
//   RONDO_EMULATOR_SEED             of the schedule of kernels and streams; 1 if unset. Each launch adds one.
//   RONDO_EMULATOR_GUARD_BYTES      bytes at the end of each allocation that kernels must not touch; 0 if unset. Tests
//                                   that put guards there learn of reads, too. Smaller allocations have no guard.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/emulator/cuda/Call.h"
#include "test/emulator/cuda/Graph.h"

#include <memory>
#include <unistd.h>

using namespace rondo::emulator;

namespace {

bool isPinned(const void *memory) {
  auto &pinned = getDevice().hostAllocations;
  auto next = pinned.upper_bound(static_cast<const char *>(memory));
  if (next == pinned.begin())
    return false;
  auto &[begin, data] = *std::prev(next);
  return static_cast<const char *>(memory) < begin + data.size();
}

/// Whether the current device may copy or fill at these addresses, on a stream of its own.
void checkCopy(cuda_stream stream, std::initializer_list<cuda_address> addresses) {
  getCurrentStream(stream);
  for (cuda_address address : addresses)
    getDevice().checkReach(getCurrentDevice(), address);
}

/// Rows of `width` elements.
template <typename T>
cuda_result fillRows(cuda_address to, size_t pitch, T value, size_t width, size_t height, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    if (pitch < width * sizeof(T) || to % sizeof(T) || pitch % sizeof(T))
      fail("rows of ", width * sizeof(T), " bytes with a pitch of ", pitch);
    checkCopy(stream, {to});
    getDevice().issue(stream, [=] {
      for (size_t i = 0; i < height; ++i) {
        uint8_t *row = getDevice().getHost(to + i * pitch, width * sizeof(T));
        for (size_t j = 0; j < width; ++j)
          std::memcpy(row + j * sizeof(T), &value, sizeof(T));
      }
    });
  });
}
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The driver's functions: errors
//===--------------------------------------------------------------------------------------------------------------===//

extern "C" {

cuda_result cuInit(unsigned) { return CUDA_OK; }

cuda_result cuGetErrorName(cuda_result result, const char **text) {
  *text = result == CUDA_OK              ? "CUDA_SUCCESS"
          : result == CUDA_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == CUDA_INVALID_PTX   ? "CUDA_ERROR_INVALID_PTX"
          : result == CUDA_NOT_FOUND     ? "CUDA_ERROR_NOT_FOUND"
          : result == CUDA_LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
          : result == InvalidContext     ? "CUDA_ERROR_INVALID_CONTEXT"
          : getCaptureErrorName(result)  ? getCaptureErrorName(result)
          : result == InvalidHandle      ? "CUDA_ERROR_INVALID_HANDLE"
                                         : "CUDA_ERROR_INVALID_VALUE";
  return CUDA_OK;
}

cuda_result cuGetErrorString(cuda_result result, const char **text) {
  thread_local std::string copy;
  std::lock_guard<std::recursive_mutex> guard(getDevice().lock);
  copy = result == CUDA_OK ? "no error" : getDevice().message;
  *text = copy.c_str();
  return CUDA_OK;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuMemGetInfo_v2(size_t *available, size_t *total) {
  return attemptInContext(InvalidValue, [&] {
    *total = getSetting("RONDO_EMULATOR_MEMORY_BYTES", uint64_t(16) << 30);
    *available = *total - getDevice().allocatedBytes;
  });
}

cuda_result cuMemAlloc_v2(cuda_address *address, size_t bytes) {
  return attemptInContext(InvalidValue, [&] {
    checkNotCapturing("cuMemAlloc");
    *address = getDevice().allocateShared(bytes, getCurrentDevice());
  });
}
cuda_result cuMemFree_v2(cuda_address address) {
  return attemptInContext(InvalidValue, [&] {
    checkNotCapturing("cuMemFree");
    getDevice().release(address);
  });
}

cuda_result cuMemPoolCreate(Pool **pool, const cuda_pool_properties *properties) {
  return attempt(InvalidValue, [&] {
    if (properties->allocation_type != 1 || properties->location.type != 1)
      fail("a pool of something that is not memory of a device");
    if (properties->location.id < 0 || properties->location.id >= getDeviceCount())
      fail("a pool of device ", properties->location.id, ", which does not exist");
    *pool = *getDevice().pools.insert(new Pool{properties->location.id}).first;
  });
}
cuda_result cuMemPoolDestroy(Pool *pool) {
  return attempt(InvalidValue, [&] {
    if (!getDevice().pools.erase(pool))
      fail("a pool that does not exist, or no longer");
    delete pool;
  });
}
cuda_result cuMemPoolSetAttribute(Pool *, int, void *) { return CUDA_OK; }
cuda_result cuMemPoolSetAccess(Pool *pool, const cuda_access *accesses, size_t count) {
  return attempt(InvalidValue, [&] {
    if (!getDevice().pools.count(pool))
      fail("a pool that does not exist, or no longer");
    for (const cuda_access *access = accesses; access < accesses + count; ++access) {
      int device = access->location.id;
      if (access->location.type != 1 || (access->flags != 0 && access->flags != 3) || !canReach(device, pool->device))
        fail("access of device ", device, " to a pool of device ", pool->device);
      if (access->flags)
        pool->readers->insert(device);
      else
        pool->readers->erase(device);
    }
  });
}

/// Memory is there at once.
cuda_result cuMemAllocFromPoolAsync(cuda_address *address, size_t bytes, Pool *pool, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    if (!getDevice().pools.count(pool))
      fail("a pool that does not exist, or no longer");
    checkNoMemoryNode(getCurrentStream(stream));
    if (pool->device != getCurrentDevice())
      fail("memory of a pool of device ", pool->device, " on a stream of device ", getCurrentDevice());
    try {
      *address = getDevice().allocate(bytes, pool->device, pool->readers);
    } catch (const std::bad_alloc &) {
      // What streams have yet to free would do.
      while (getDevice().advance()) {
      }
      *address = getDevice().allocate(bytes, pool->device, pool->readers);
    }
  });
}
cuda_result cuMemFreeAsync(cuda_address address, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    auto place = getDevice().allocations.find(address);
    if (place == getDevice().allocations.end() || place->second.isFreed)
      fail("address ", address, " is not that of an allocation, or was freed already");
    checkNoMemoryNode(getCurrentStream(stream));
    place->second.isFreed = true;
    getDevice().issue(stream, [address] { getDevice().release(address); });
  });
}

cuda_result cuMemAllocHost_v2(void **memory, size_t bytes) {
  return attemptInContext(InvalidValue, [&] {
    checkNotCapturing("cuMemAllocHost");
    std::vector<char> data(bytes);
    *memory = data.data();
    getDevice().hostAllocations.emplace(data.data(), std::move(data));
  });
}
cuda_result cuMemFreeHost(void *memory) {
  return attemptInContext(InvalidValue, [&] {
    checkNotCapturing("cuMemFreeHost");
    if (!getDevice().hostAllocations.erase(static_cast<const char *>(memory)))
      fail("memory of the host that was not allocated here");
  });
}

cuda_result cuMemcpyHtoD_v2(cuda_address to, const void *from, size_t bytes) {
  return attemptInContext(InvalidValue, [&] { std::memcpy(getDevice().getHost(to, bytes), from, bytes); });
}
cuda_result cuMemcpyDtoH_v2(void *to, cuda_address from, size_t bytes) {
  return attemptInContext(InvalidValue, [&] { std::memcpy(to, getDevice().getHost(from, bytes), bytes); });
}
cuda_result cuMemsetD8_v2(cuda_address to, unsigned char value, size_t bytes) {
  return attemptInContext(InvalidValue, [&] { std::memset(getDevice().getHost(to, bytes), value, bytes); });
}

/// Between devices it is the copy of the stream's device, which must reach both.
cuda_result cuMemcpyAsync(cuda_address to, cuda_address from, size_t bytes, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    checkCopy(stream, {to, from});
    getDevice().issue(stream,
                      [=] { std::memmove(getDevice().getHost(to, bytes), getDevice().getHost(from, bytes), bytes); });
  });
}
/// By way of the host, if need be: neither device must reach the other's memory.
cuda_result cuMemcpyPeerAsync(cuda_address to, cuda_context toContext, cuda_address from, cuda_context fromContext,
                              size_t bytes, cuda_stream handle) {
  return attemptInContext(InvalidValue, [&] {
    const Stream &stream = getDevice().getStream(handle);
    int toDevice = getOrdinal(toContext), fromDevice = getOrdinal(fromContext);
    if (getDevice().getAllocation(to).device != toDevice || getDevice().getAllocation(from).device != fromDevice)
      fail("a copy from device ", fromDevice, " to device ", toDevice, ", of memory of others");
    if (handle && stream.device != toDevice && stream.device != fromDevice)
      fail("a copy from device ", fromDevice, " to device ", toDevice, " on a stream of device ", stream.device);
    getDevice().issue(handle,
                      [=] { std::memmove(getDevice().getHost(to, bytes), getDevice().getHost(from, bytes), bytes); });
  });
}
cuda_result cuMemcpyDtoDAsync_v2(cuda_address to, cuda_address from, size_t bytes, cuda_stream stream) {
  return cuMemcpyAsync(to, from, bytes, stream);
}
/// What is not pinned is read before the call returns.
cuda_result cuMemcpyHtoDAsync_v2(cuda_address to, const void *from, size_t bytes, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    const auto *begin = static_cast<const uint8_t *>(from);
    checkCopy(stream, {to});
    if (isPinned(from))
      return getDevice().issue(stream, [=] { std::memcpy(getDevice().getHost(to, bytes), begin, bytes); });
    std::vector<uint8_t> copy(begin, begin + bytes);
    getDevice().issue(stream, [=] { std::memcpy(getDevice().getHost(to, bytes), copy.data(), bytes); });
  });
}
cuda_result cuMemcpyDtoHAsync_v2(void *to, cuda_address from, size_t bytes, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    checkCopy(stream, {from});
    getDevice().issue(stream, [=] { std::memcpy(to, getDevice().getHost(from, bytes), bytes); });
  });
}
cuda_result cuMemcpy2DAsync_v2(const cuda_copy_2d *given, cuda_stream stream) {
  return attemptInContext(InvalidValue, [&] {
    cuda_copy_2d copy = *given;
    if (copy.source_type != CUDA_MEMORY_DEVICE || copy.target_type != CUDA_MEMORY_DEVICE || copy.source_x ||
        copy.source_y || copy.target_x || copy.target_y || copy.source_pitch < copy.width ||
        copy.target_pitch < copy.width)
      fail("a copy in two dimensions that the emulator does not know");
    checkCopy(stream, {copy.target, copy.source});
    getDevice().issue(stream, [copy] {
      for (size_t i = 0; i < copy.height; ++i)
        std::memmove(getDevice().getHost(copy.target + i * copy.target_pitch, copy.width),
                     getDevice().getHost(copy.source + i * copy.source_pitch, copy.width), copy.width);
    });
  });
}

cuda_result cuMemsetD2D8Async(cuda_address to, size_t pitch, unsigned char value, size_t width, size_t height,
                              cuda_stream stream) {
  return fillRows(to, pitch, value, width, height, stream);
}
cuda_result cuMemsetD2D32Async(cuda_address to, size_t pitch, unsigned value, size_t width, size_t height,
                               cuda_stream stream) {
  return fillRows(to, pitch, value, width, height, stream);
}

cuda_result cuPointerGetAttribute(void *value, int attribute, cuda_address address) {
  return attempt(InvalidValue, [&] {
    if (attribute != CUDA_POINTER_DEVICE)
      fail("the emulator does not know attribute ", attribute, " of a pointer");
    getDevice().getHost(address, 1);
    *static_cast<int *>(value) = getDevice().getAllocation(address).device;
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory of other processes, and words that streams wait for
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuIpcGetMemHandle(cuda_ipc_handle *handle, cuda_address address) {
  return attemptInContext(InvalidValue, [&] {
    auto place = getDevice().allocations.find(address);
    std::string name = place == getDevice().allocations.end() ? "" : place->second.data.getName();
    if (name.empty() || name.size() >= sizeof handle->reserved)
      fail("address ", address, " is not that of an allocation that other processes can map");
    std::memset(handle, 0, sizeof *handle);
    name.copy(handle->reserved, sizeof handle->reserved - 1);
  });
}
cuda_result cuIpcOpenMemHandle_v2(cuda_address *address, cuda_ipc_handle handle, unsigned flags) {
  return attemptInContext(InvalidValue, [&] {
    std::string name = handle.reserved, own = concat("/proc/", getpid(), "/");
    if (flags != CUDA_IPC_PEER_ACCESS)
      fail("a handle is opened with flags ", flags, ", expected ", CUDA_IPC_PEER_ACCESS);
    if (name.rfind(own, 0) == 0)
      fail("a process opens a handle of its own");
    checkNotCapturing("cuIpcOpenMemHandle");
    *address = getDevice().open(name, getCurrentDevice());
  });
}
cuda_result cuIpcCloseMemHandle(cuda_address address) {
  return attemptInContext(InvalidValue, [&] {
    auto place = getDevice().allocations.find(address);
    checkNotCapturing("cuIpcCloseMemHandle");
    if (place == getDevice().allocations.end() || !place->second.data.isOpened())
      fail("address ", address, " is not that of another process' memory");
    getDevice().release(address);
  });
}

/// Other processes may set the words.
cuda_result cuStreamBatchMemOp_v2(cuda_stream stream, unsigned count, cuda_stream_operation *operations, unsigned) {
  return attemptInContext(InvalidValue, [&] {
    for (unsigned i = 0; i < count; ++i) {
      auto word = operations[i].word;
      getDevice().getHost(word.address, sizeof(uint32_t));
      auto place = [word] { return reinterpret_cast<uint32_t *>(getDevice().getHost(word.address, sizeof(uint32_t))); };
      auto value = static_cast<uint32_t>(word.value);
      if (word.operation == CUDA_WRITE_VALUE)
        getDevice().issue(stream, [=] { __atomic_store_n(place(), value, __ATOMIC_RELEASE); });
      else if (word.operation == CUDA_WAIT_VALUE && word.flags == CUDA_WAIT_EQUAL)
        getDevice().issue(
            stream, [] {}, [=] { return __atomic_load_n(place(), __ATOMIC_ACQUIRE) == value; }, /*isExternal=*/true);
      else
        fail("operation ", word.operation, " on a word with flags ", word.flags, ", which the emulator does not know");
    }
  });
}

} // extern "C"
