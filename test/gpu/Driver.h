//===- Driver.h - The part of the CUDA driver that GPU tests use ----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declared here and loaded with dlopen, so that the tests need neither the toolkit to build nor a driver to start.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_GPU_DRIVER_H
#define RONDO_TEST_GPU_DRIVER_H

#include "runtime/src/cuda_driver.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace gpu {

using Result = int;
using Address = uint64_t;
struct ModuleTag;
struct FunctionTag;
struct StreamTag;
struct EventTag;
using Module = ModuleTag *;
using Function = FunctionTag *;
using Stream = StreamTag *;
using Event = EventTag *;

enum : int { kMultiprocessors = 16, kMajor = 75, kMinor = 76, kMaxDynamicSharedBytes = 8 };

/// The functions of the driver. `open` fails with a message where there is no driver or no GPU.
struct Driver {
  void open();
  /// Ends the process, with the driver's text, unless `result` is success.
  void check(Result result, const std::string &what) const;

  const cuda_api *api = nullptr; ///< what the launchers of the runtime use of it

  Result (*init)(unsigned);
  Result (*deviceGet)(int *, int);
  Result (*deviceGetName)(char *, int, int);
  Result (*deviceGetAttribute)(int *, int, int);
  Result (*primaryContextRetain)(void **, int);
  Result (*contextSetCurrent)(void *);
  Result (*contextSynchronize)();
  Result (*moduleLoadData)(Module *, const void *);
  Result (*moduleGetFunction)(Function *, Module, const char *);
  Result (*functionSetAttribute)(Function, int, int);
  Result (*allocate)(Address *, size_t);
  Result (*free)(Address);
  Result (*copyToDevice)(Address, const void *, size_t);
  Result (*copyFromDevice)(void *, Address, size_t);
  Result (*copyOnDevice)(Address, Address, size_t, Stream);
  Result (*fill)(Address, unsigned char, size_t);
  Result (*streamCreate)(Stream *, unsigned);
  Result (*eventCreate)(Event *, unsigned);
  Result (*eventRecord)(Event, Stream);
  Result (*eventSynchronize)(Event);
  Result (*eventElapsed)(float *, Event, Event);
  Result (*getErrorString)(Result, const char **);

  int multiprocessors = 0;
  std::string name;
};

extern Driver driver;

/// Memory of the device, with guards behind it that tell whether something wrote past its end.
class Buffer {
public:
  explicit Buffer(size_t bytes);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  /// Fills all of it, and the guards, with bytes that are NaN in every format.
  void poison();
  bool guardIsIntact() const;

  Address address = 0;
  size_t bytes;
};

} // namespace gpu

#endif // RONDO_TEST_GPU_DRIVER_H
