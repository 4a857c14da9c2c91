//===- Call.h - Calls of the emulated driver: their contexts and their errors ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_CUDA_CALL_H
#define RONDO_TEST_EMULATOR_CUDA_CALL_H

#include "test/emulator/cuda/Device.h"

#include <new>
#include <stdexcept>

namespace rondo::emulator {

enum : cuda_result {
  InvalidValue = 1,
  InvalidDevice = 101,
  InvalidContext = 201,
  PeerAccessUnsupported = 217,
  InvalidHandle = 400,
  PeerAccessAlreadyEnabled = 704
};

/// An error that is another one than its call usually has.
struct DriverError : std::runtime_error {
  DriverError(cuda_result result, const std::string &text) : std::runtime_error(text), result(result) {}
  cuda_result result;
};

/// How many GPUs there are.
int getDeviceCount();
/// Whether the machine lets one GPU reach another one's memory.
bool canReach(int device, int peer);
/// The GPU of a primary context; fails if it is none.
int getOrdinal(cuda_context context);
/// Whether a context is current on this thread, and its GPU.
bool hasContext();
int getCurrentDevice();

/// The stream, which must be of the current context: what is issued to another one is an error of some of the driver's
/// functions, and undefined for memory of pools.
Stream &getCurrentStream(cuda_stream stream);

/// Calls function(), alone; an error of the emulator becomes `result`.
template <typename Callable>
cuda_result attempt(cuda_result result, Callable callable) {
  Device &device = getDevice();
  std::lock_guard<std::recursive_mutex> guard(device.lock);
  if (device.failure != CUDA_OK)
    return device.failure;
  try {
    callable();
    return CUDA_OK;
  } catch (const DriverError &error) {
    device.message = error.what();
    return device.failure != CUDA_OK ? device.failure : error.result;
  } catch (const std::bad_alloc &) {
    device.message = "out of memory";
    return CUDA_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    device.message = error.what();
    return device.failure != CUDA_OK ? device.failure : result;
  }
}

/// The same for calls that need a current context.
template <typename Callable>
cuda_result attemptInContext(cuda_result result, Callable callable) {
  if (!hasContext())
    return attempt(InvalidContext, [] { fail("no context is current on this thread"); });
  return attempt(result, callable);
}

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_CUDA_CALL_H
