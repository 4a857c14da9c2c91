//===- Usage.h - What a process holds of the machine -----------------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_SOAK_USAGE_H
#define RONDO_TEST_SOAK_USAGE_H

#include <array>
#include <cstdint>

namespace rondo::soak {

/// What is counted, in this order everywhere.
enum Resource { Heap, Resident, Device, Descriptors, Threads, ResourceCount };

/// As files of results call them: "heap_bytes".
const char *resourceName(Resource resource);

using Usage = std::array<int64_t, ResourceCount>;

/// Free memory of a GPU, asked of the driver. Keeps the GPU's primary context, as an application's own use of CUDA
/// would.
class DeviceMemory {
public:
  /// Without a driver, or with ordinal -1, there is nothing to count.
  explicit DeviceMemory(int ordinal);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;

  /// Bytes that are taken, by whomever; 0 if there is nothing to count.
  int64_t used() const;
  bool isCounted() const { return context != nullptr; }

private:
  void *library = nullptr, *context = nullptr;
  int handle = 0;
};

/// The present usage. Heap is what malloc has handed out, resident what pages are in memory; both are 0 under
/// AddressSanitizer, whose allocator keeps what was freed.
Usage measureUsage(const DeviceMemory &memory);

} // namespace rondo::soak

#endif // RONDO_TEST_SOAK_USAGE_H
