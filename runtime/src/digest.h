/* A digest of bytes that is the same on every machine of one byte order; not for security. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_DIGEST_H
#define RONDO_SRC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* Of 64-bit words, the last one padded with zeros, and the number of bytes. */
uint64_t digest_bytes(const void *data, size_t bytes);

/* The digest of a file's content, or 0 if it cannot be read. */
uint64_t digest_file(const char *path);

#endif /* RONDO_SRC_DIGEST_H */
