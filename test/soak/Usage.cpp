//===- Usage.cpp - What a process holds of the machine ---------------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/soak/Usage.h"

#include <cstdio>
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

using namespace rondo::soak;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RONDO_SOAK_OTHER_ALLOCATOR
#endif
#endif

const char *rondo::soak::resourceName(Resource resource) {
  static constexpr const char *kNames[] = {"heap_bytes", "resident_bytes", "device_bytes", "descriptors", "threads"};
  return kNames[resource];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory of a GPU
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

template <typename Function>
Function *find(void *library, const char *name) {
  return reinterpret_cast<Function *>(dlsym(library, name));
}

} // namespace

DeviceMemory::DeviceMemory(int ordinal) {
  if (ordinal < 0 || !(library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)))
    return;
  auto *init = find<int(unsigned)>(library, "cuInit");
  auto *get = find<int(int *, int)>(library, "cuDeviceGet");
  auto *retain = find<int(void **, int)>(library, "cuDevicePrimaryCtxRetain");
  if (!init || !get || !retain || init(0) || get(&handle, ordinal) || retain(&context, handle))
    context = nullptr;
}

DeviceMemory::~DeviceMemory() {
  if (context)
    find<int(int)>(library, "cuDevicePrimaryCtxRelease_v2")(handle);
  if (library)
    dlclose(library);
}

int64_t DeviceMemory::used() const {
  if (!context)
    return 0;
  size_t available = 0, total = 0;
  void *former = nullptr;
  if (find<int(void *)>(library, "cuCtxPushCurrent_v2")(context))
    return 0;
  find<int(size_t *, size_t *)>(library, "cuMemGetInfo_v2")(&available, &total);
  find<int(void **)>(library, "cuCtxPopCurrent_v2")(&former);
  return static_cast<int64_t>(total - available);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory, files and threads of the process
//===--------------------------------------------------------------------------------------------------------------===//

/// Entries of a folder of /proc, less what it takes to read it.
static int64_t countEntries(const char *path, int64_t own) {
  int64_t count = -2 - own; // . and ..
  DIR *folder = opendir(path);
  if (!folder)
    return 0;
  while (readdir(folder))
    ++count;
  closedir(folder);
  return count;
}

static int64_t readResidentBytes() {
  long long pages = 0, resident = 0;
  if (FILE *file = fopen("/proc/self/statm", "re")) {
    if (fscanf(file, "%lld %lld", &pages, &resident) != 2)
      resident = 0;
    fclose(file);
  }
  return resident * sysconf(_SC_PAGESIZE);
}

Usage rondo::soak::measureUsage(const DeviceMemory &memory) {
  Usage usage = {};
#ifndef RONDO_SOAK_OTHER_ALLOCATOR
  struct mallinfo2 info = mallinfo2();
  usage[Heap] = static_cast<int64_t>(info.uordblks + info.hblkhd);
  usage[Resident] = readResidentBytes();
#else
  (void)readResidentBytes;
#endif
  usage[Device] = memory.used();
  usage[Descriptors] = countEntries("/proc/self/fd", 1);
  usage[Threads] = countEntries("/proc/self/task", 0);
  return usage;
}
