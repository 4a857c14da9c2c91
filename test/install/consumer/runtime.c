/* The runtime's headers in C99, and the library that belongs to them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <rondo/abi.h>
#include <rondo/rondo.h>

int main(void) { return rondo_version() != RONDO_VERSION_MAJOR * 1000 + RONDO_VERSION_MINOR; }
