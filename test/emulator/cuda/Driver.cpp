//===- Driver.cpp - A libcuda.so.1 whose GPU is the emulator --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the CUDA driver that Rondo's launchers use. A program that loads the driver with dlopen runs its kernels
// in the emulator if this library is what it finds, provided that its modules are PTX. Launches are synchronous,
// streams mean nothing, and events tell the time of this machine. cuGetErrorString tells what the emulator found.
//
//   RONDO_EMULATOR_MULTIPROCESSORS  how many the GPU has; 4 if unset
//   RONDO_EMULATOR_SEED             of the schedule; 1 if unset. Each launch adds one.
//   RONDO_EMULATOR_GUARD_BYTES      bytes at the end of each allocation that kernels must not touch; 0 if unset. Tests
//                                   that put guards there learn of reads, too. Smaller allocations have no guard.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/gpu/Driver.h"
#include "test/emulator/Emulator.h"

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>

using namespace rondo::emulator;
using gpu::Address;
using gpu::LaunchAttribute;
using gpu::LaunchConfiguration;
using gpu::Result;

namespace {

enum : Result { Success = 0, InvalidValue = 1, OutOfMemory = 2, NotFound = 500, LaunchFailed = 719 };

/// What an event points to.
using Time = std::chrono::steady_clock::time_point;

/// What a launch can have without cuFuncSetAttribute.
constexpr uint32_t kDefaultSharedBytes = 48 * 1024;

uint64_t getSetting(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Function {
  const Kernel &kernel;
  uint32_t maxSharedBytes;
};

struct LoadedModule {
  explicit LoadedModule(const char *ptx) : module(ptx) {}
  Module module;
  std::map<std::string, Function> functions;
};

struct Device {
  GlobalMemory memory;
  std::map<Address, std::vector<uint8_t>> allocations;
  uint64_t nextSeed = getSetting("RONDO_EMULATOR_SEED", 1);
  std::string message; // of the last error
};

Device &getDevice() {
  static Device device;
  return device;
}

/// Calls function(); an error of the emulator becomes `result`.
template <typename Callable>
Result attempt(Result result, Callable callable) {
  try {
    callable();
    return Success;
  } catch (const std::bad_alloc &) {
    getDevice().message = "out of memory";
    return OutOfMemory;
  } catch (const std::exception &error) {
    getDevice().message = error.what();
    return result;
  }
}

/// The host's address of `bytes` bytes of an allocation; unlike kernels, copies may touch its guard.
uint8_t *getHost(Address address, size_t bytes) {
  auto next = getDevice().allocations.upper_bound(address);
  if (next == getDevice().allocations.begin())
    fail("address ", address, " is not one of device memory");
  auto &[begin, data] = *std::prev(next);
  if (address - begin + bytes > data.size())
    fail(bytes, " bytes at offset ", address - begin, " of an allocation of ", data.size(), " bytes");
  return data.data() + (address - begin);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Launches
//===--------------------------------------------------------------------------------------------------------------===//

/// The parameter block, from the addresses of the parameters.
std::vector<uint8_t> gather(const KernelSyntax &syntax, void *const *fields) {
  std::vector<uint8_t> block;
  for (size_t i = 0; i < syntax.parameters.size(); ++i) {
    const Parameter &parameter = syntax.parameters[i];
    block.resize(parameter.offset + parameter.bytes);
    std::memcpy(&block[parameter.offset], fields[i], parameter.bytes);
  }
  return block;
}

LaunchShape getShape(const LaunchConfiguration &configuration, const Function &function) {
  const KernelSyntax &syntax = function.kernel.getSyntax();
  if (configuration.blockY != 1 || configuration.blockZ != 1)
    fail("CTAs of ", configuration.blockX, " x ", configuration.blockY, " x ", configuration.blockZ,
         " threads; the emulator knows those along x");
  if (configuration.sharedBytes > function.maxSharedBytes)
    fail(configuration.sharedBytes, " bytes of dynamic shared memory; cuFuncSetAttribute allows ",
         function.maxSharedBytes);
  LaunchShape shape;
  for (unsigned i = 0; i < configuration.attributeCount; ++i) {
    const LaunchAttribute &attribute = configuration.attributes[i];
    if (attribute.id == LaunchAttribute::ClusterDimension &&
        (attribute.value.cluster.x != syntax.cluster || attribute.value.cluster.y != 1 ||
         attribute.value.cluster.z != 1))
      fail("clusters of ", attribute.value.cluster.x, " CTAs; the kernel wants ", syntax.cluster);
    if (attribute.id == LaunchAttribute::ProgrammaticStreamSerialization)
      shape.overlapsPrevious = attribute.value.programmatic;
  }
  shape.grid = {configuration.gridX, configuration.gridY, configuration.gridZ};
  shape.threads = configuration.blockX;
  shape.sharedBytes = configuration.sharedBytes;
  shape.seed = getDevice().nextSeed++;
  return shape;
}

TensorMap makeTensorMap(int type, uint32_t rank, Address address, const uint64_t *extents, const uint64_t *strides,
                        const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int fill) {
  if (type != gpu::kFloat16 && type != gpu::kBFloat16)
    fail("elements of type ", type, "; the emulator knows f16 and bf16");
  if (interleave != gpu::kNoInterleave || fill != gpu::kFillZeros || (swizzle != 0 && swizzle != gpu::kSwizzle128))
    fail("interleave ", interleave, ", fill ", fill, ", swizzle ", swizzle,
         "; the emulator knows tensor maps without interleave, with zeros, with the 128-byte swizzle or none");
  if (rank > TensorMap::kMaxRank)
    fail("rank ", rank, ", expected at most ", TensorMap::kMaxRank);
  TensorMap map;
  map.rank = rank;
  map.address = address;
  map.swizzle128 = swizzle == gpu::kSwizzle128;
  for (uint32_t i = 0; i < rank; ++i) {
    if (steps[i] != 1)
      fail("element stride ", steps[i], "; the emulator knows 1");
    map.extents[i] = extents[i];
    map.box[i] = box[i];
    if (i > 0)
      map.strides[i] = strides[i - 1];
  }
  return map;
}

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The driver's functions
//===--------------------------------------------------------------------------------------------------------------===//

extern "C" {

Result cuInit(unsigned) { return Success; }

Result cuGetErrorString(Result result, const char **text) {
  *text = result == Success ? "no error" : getDevice().message.c_str();
  return Success;
}

Result cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return attempt(InvalidValue, [&] {
    if (ordinal != 0)
      fail("device ", ordinal, "; there is one");
  });
}

Result cuDeviceGetName(char *name, int bytes, int) {
  std::snprintf(name, static_cast<size_t>(bytes), "PTX emulator");
  return Success;
}

Result cuDeviceGetAttribute(int *value, int attribute, int) {
  return attempt(InvalidValue, [&] {
    if (attribute == gpu::kMultiprocessors)
      *value = static_cast<int>(getSetting("RONDO_EMULATOR_MULTIPROCESSORS", 4));
    else if (attribute == gpu::kMajor || attribute == gpu::kMinor)
      *value = attribute == gpu::kMajor ? 9 : 0;
    else
      fail("the emulator does not know attribute ", attribute, " of a device");
  });
}

Result cuDevicePrimaryCtxRetain(void **context, int) {
  *context = &getDevice();
  return Success;
}
Result cuCtxSetCurrent(void *) { return Success; }
Result cuCtxSynchronize() { return Success; }

Result cuStreamCreate(gpu::Stream *stream, unsigned) {
  *stream = nullptr;
  return Success;
}
Result cuEventCreate(gpu::Event *event, unsigned) {
  *event = reinterpret_cast<gpu::Event>(new (std::nothrow) Time());
  return *event ? Success : OutOfMemory;
}
Result cuEventRecord(gpu::Event event, gpu::Stream) {
  *reinterpret_cast<Time *>(event) = std::chrono::steady_clock::now();
  return Success;
}
Result cuEventSynchronize(gpu::Event) { return Success; }
Result cuEventElapsedTime(float *milliseconds, gpu::Event begin, gpu::Event end) {
  std::chrono::duration<float, std::milli> elapsed = *reinterpret_cast<Time *>(end) - *reinterpret_cast<Time *>(begin);
  *milliseconds = elapsed.count();
  return Success;
}

Result cuModuleLoadData(void **module, const void *image) {
  return attempt(InvalidValue, [&] {
    if (std::string_view(static_cast<const char *>(image), 4) == "\x7F"
                                                                 "ELF")
      fail("the module is machine code; the emulator runs PTX");
    *module = new LoadedModule(static_cast<const char *>(image));
  });
}

Result cuModuleGetFunction(void **function, void *module, const char *name) {
  return attempt(NotFound, [&] {
    auto &loaded = *static_cast<LoadedModule *>(module);
    Function fresh = {loaded.module.getKernel(name), kDefaultSharedBytes};
    *function = &loaded.functions.emplace(name, fresh).first->second;
  });
}

Result cuFuncSetAttribute(void *function, int attribute, int value) {
  return attempt(InvalidValue, [&] {
    if (attribute != gpu::kMaxDynamicSharedBytes)
      fail("the emulator does not know attribute ", attribute, " of a function");
    if (value < 0 || static_cast<uint32_t>(value) > kSharedLimit)
      fail(value, " bytes of dynamic shared memory; a CTA can have ", kSharedLimit);
    static_cast<Function *>(function)->maxSharedBytes = static_cast<uint32_t>(value);
  });
}

Result cuMemAlloc_v2(Address *address, size_t bytes) {
  return attempt(InvalidValue, [&] {
    if (bytes == 0)
      fail("an allocation of 0 bytes");
    uint64_t guard = getSetting("RONDO_EMULATOR_GUARD_BYTES", 0);
    if (bytes < guard)
      guard = 0;
    std::vector<uint8_t> data(bytes, 0xFF);
    Device &device = getDevice();
    *address = device.memory.map(concat("allocation ", device.allocations.size()), static_cast<void *>(data.data()),
                                 bytes - guard);
    device.allocations.emplace(*address, std::move(data));
  });
}

Result cuMemFree_v2(Address address) {
  return attempt(InvalidValue, [&] {
    if (!getDevice().allocations.erase(address))
      fail("address ", address, " is not that of an allocation");
    getDevice().memory.unmap(address);
  });
}

Result cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) {
  return attempt(InvalidValue, [&] { std::memcpy(getHost(to, bytes), from, bytes); });
}
Result cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  return attempt(InvalidValue, [&] { std::memcpy(to, getHost(from, bytes), bytes); });
}
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, gpu::Stream) {
  return attempt(InvalidValue, [&] { std::memmove(getHost(to, bytes), getHost(from, bytes), bytes); });
}
Result cuMemsetD8_v2(Address to, unsigned char value, size_t bytes) {
  return attempt(InvalidValue, [&] { std::memset(getHost(to, bytes), value, bytes); });
}

/// Parameters come by address, or as a whole in `extra`: pointer (1) and size (2), then 0.
Result cuLaunchKernelEx(const LaunchConfiguration *configuration, void *handle, void **fields, void **extra) {
  return attempt(LaunchFailed, [&] {
    const auto &function = *static_cast<const Function *>(handle);
    LaunchShape shape = getShape(*configuration, function);
    getDevice().memory.beginLaunch();
    if (fields) {
      std::vector<uint8_t> block = gather(function.kernel.getSyntax(), fields);
      return function.kernel.launch(getDevice().memory, shape, block.data(), block.size());
    }
    void *block = nullptr;
    size_t bytes = 0;
    for (; extra && *extra; extra += 2)
      if (reinterpret_cast<uintptr_t>(*extra) == 1)
        block = extra[1];
      else
        bytes = *static_cast<size_t *>(extra[1]);
    function.kernel.launch(getDevice().memory, shape, block, bytes);
  });
}

Result cuTensorMapEncodeTiled(rondo_tensor_map *map, int type, uint32_t rank, void *address, const uint64_t *extents,
                              const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                              int swizzle, int /*promotion*/, int fill) {
  return attempt(InvalidValue, [&] {
    encodeTensorMap(makeTensorMap(type, rank, reinterpret_cast<Address>(address), extents, strides, box, steps,
                                  interleave, swizzle, fill),
                    map->bytes);
  });
}

} // extern "C"
