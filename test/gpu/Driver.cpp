//===- Driver.cpp - The part of the CUDA driver that GPU tests use --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Driver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <vector>

using namespace gpu;

Driver gpu::driver;

[[noreturn]] static void fail(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::exit(2);
}

void Driver::check(Result result, const std::string &what) const {
  if (result == 0)
    return;
  const char *text = nullptr;
  if (getErrorString)
    getErrorString(result, &text);
  fail(what + ": " + (text ? text : "unknown error") + " (" + std::to_string(result) + ")");
}

void Driver::open() {
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library)
    fail(std::string("no CUDA driver: ") + dlerror());
  auto load = [&](auto &function, const char *symbol) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, symbol));
    if (!function)
      fail(std::string("the CUDA driver has no ") + symbol + "; it is too old");
  };
  load(getErrorString, "cuGetErrorString");
  load(init, "cuInit");
  load(deviceGet, "cuDeviceGet");
  load(deviceGetName, "cuDeviceGetName");
  load(deviceGetAttribute, "cuDeviceGetAttribute");
  load(primaryContextRetain, "cuDevicePrimaryCtxRetain");
  load(contextSetCurrent, "cuCtxSetCurrent");
  load(contextSynchronize, "cuCtxSynchronize");
  load(moduleLoadData, "cuModuleLoadData");
  load(moduleGetFunction, "cuModuleGetFunction");
  load(functionSetAttribute, "cuFuncSetAttribute");
  load(allocate, "cuMemAlloc_v2");
  load(free, "cuMemFree_v2");
  load(copyToDevice, "cuMemcpyHtoD_v2");
  load(copyFromDevice, "cuMemcpyDtoH_v2");
  load(copyOnDevice, "cuMemcpyDtoDAsync_v2");
  load(fill, "cuMemsetD8_v2");
  load(streamCreate, "cuStreamCreate");
  load(eventCreate, "cuEventCreate");
  load(eventRecord, "cuEventRecord");
  load(eventSynchronize, "cuEventSynchronize");
  load(eventElapsed, "cuEventElapsedTime");

  char missing[512];
  api = cuda_driver_get(missing, sizeof missing);
  if (!api)
    fail(missing);
  int device = 0, major = 0, minor = 0;
  void *context = nullptr;
  check(init(0), "cuInit");
  check(deviceGet(&device, 0), "cuDeviceGet");
  char buffer[128];
  check(deviceGetName(buffer, sizeof buffer, device), "cuDeviceGetName");
  name = buffer;
  check(deviceGetAttribute(&major, kMajor, device), "cuDeviceGetAttribute");
  check(deviceGetAttribute(&minor, kMinor, device), "cuDeviceGetAttribute");
  if (major != 9 || minor != 0)
    fail(name + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) + "; expected 9.0");
  check(deviceGetAttribute(&multiprocessors, kMultiprocessors, device), "cuDeviceGetAttribute");
  check(primaryContextRetain(&context, device), "cuDevicePrimaryCtxRetain");
  check(contextSetCurrent(context), "cuCtxSetCurrent");
}

static constexpr unsigned char kPoison = 0xFF;

/// Behind each buffer. A tool that sees accesses past a buffer's end finds more without guards.
static size_t getGuardBytes() {
  static const char *setting = std::getenv("RONDO_TEST_GUARD_BYTES");
  return setting ? std::strtoul(setting, nullptr, 10) : 4096;
}

Buffer::Buffer(size_t bytes) : bytes(bytes) {
  constexpr size_t least = 16; // the driver allocates no empty buffers, which are launched with nevertheless
  driver.check(driver.allocate(&address, std::max(bytes + getGuardBytes(), least)),
               "cannot allocate " + std::to_string(bytes) + " bytes");
  poison();
}

Buffer::~Buffer() { driver.free(address); }

void Buffer::poison() {
  if (bytes + getGuardBytes() == 0)
    return;
  driver.check(driver.fill(address, kPoison, bytes + getGuardBytes()), "cuMemsetD8");
  driver.check(driver.contextSynchronize(), "cuCtxSynchronize");
}

bool Buffer::guardIsIntact() const {
  std::vector<unsigned char> guard(getGuardBytes());
  if (!guard.empty())
    driver.check(driver.copyFromDevice(guard.data(), address + bytes, guard.size()), "cuMemcpyDtoH");
  return std::all_of(guard.begin(), guard.end(), [](unsigned char byte) { return byte == kPoison; });
}
