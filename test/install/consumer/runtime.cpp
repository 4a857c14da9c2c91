// The runtime's headers in C++17, and the library that belongs to them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <rondo/abi.h>
#include <rondo/rondo.hpp>

int main() {
  rondo::Context context;
  rondo::Communicator ranks(context, 2);
  return rondo_version() != RONDO_VERSION_MAJOR * 1000 + RONDO_VERSION_MINOR;
}
