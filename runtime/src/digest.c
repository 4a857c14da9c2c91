/* A digest of bytes. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "digest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t add_word(uint64_t digest, uint64_t word) {
  /* The finaliser of SplitMix64: each bit reaches all others. A product alone moves bits up only. */
  digest = (digest ^ word) + 0x9e3779b97f4a7c15;
  digest = (digest ^ digest >> 30) * 0xbf58476d1ce4e5b9;
  digest = (digest ^ digest >> 27) * 0x94d049bb133111eb;
  return digest ^ digest >> 31;
}

uint64_t digest_bytes(const void *data, size_t bytes) {
  uint64_t digest = 0;
  for (size_t at = 0; at < bytes; at += sizeof digest) {
    uint64_t word = 0;
    memcpy(&word, (const char *)data + at, bytes - at < sizeof word ? bytes - at : sizeof word);
    digest = add_word(digest, word);
  }
  return add_word(digest, bytes);
}

uint64_t digest_file(const char *path) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  struct stat file;
  if (descriptor < 0)
    return 0;
  void *content = MAP_FAILED;
  if (fstat(descriptor, &file) == 0 && file.st_size > 0)
    content = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  close(descriptor);
  if (content == MAP_FAILED)
    return 0;
  uint64_t digest = digest_bytes(content, (size_t)file.st_size);
  munmap(content, (size_t)file.st_size);
  return digest;
}
