// The reader of .npy files: headers, and the elements of files whose header was accepted.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/npy.h"

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

using namespace rondo::run;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// Reads the elements as each type, which a finite value may not fit.
static void readElements(const NpyFile &file) {
  for (ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
    Result<HostTensor> tensor = HostTensor::create("x", type, file.shape());
    require(bool(tensor), "no memory for elements that the file holds");
    if (Status read = file.read(*tensor); !read)
      require(!read.error().text.empty(), "a failure without a text");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int descriptor = memfd_create("npy", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  require(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, data, size, 0) == static_cast<ssize_t>(size),
          "no memory file");
  if (Result<NpyFile> file = NpyFile::open(path))
    readElements(*file);
  else
    require(!file.error().text.empty(), "a failure without a text");
  return 0;
}
