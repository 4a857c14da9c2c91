//===- SharedMemory.h - The shared memory of one CTA ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Besides its bytes it knows which of them were written, which were written by ordinary stores that bulk copies and
// wgmma cannot see yet (they go through another proxy), and which are being read or written by instructions that have
// been issued, but not waited for. Addresses are without the rank of the CTA.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_SHAREDMEMORY_H
#define RONDO_TEST_EMULATOR_SHAREDMEMORY_H

#include "test/emulator/Memory.h"

#include <cstdint>
#include <vector>

namespace rondo::emulator {

struct SyntaxInstruction;

/// The range of an access that goes on after its instruction was issued.
struct AsyncAccess {
  uint32_t begin, end;
  Access access;
  const SyntaxInstruction *instruction;
};

class SharedMemory {
public:
  /// The unit of bulk copies, and of the swizzle.
  static constexpr uint32_t kChunkBytes = 16;

  explicit SharedMemory(uint32_t end);

  // Ordinary accesses. `warp` is the one that writes.
  void read(uint32_t address, void *to, uint32_t bytes) const;
  void write(uint32_t address, const void *from, uint32_t bytes, unsigned warp);
  /// What `warp` wrote becomes visible to bulk copies and wgmma.
  void fenceProxy(unsigned warp);

  // Accesses of bulk copies and wgmma, by chunk.
  void writeChunk(uint32_t address, const uint8_t *from);
  /// Unwritten bytes are NaNs in every format.
  const uint8_t *readChunk(uint32_t address, bool mayBeUnwritten = false) const;

  /// Begins an access of a bulk copy or wgmma; gives a number that ends it. Fails if the range has another access under
  /// way and one of both writes, or if it reads what was written by ordinary stores that were not fenced.
  uint64_t begin(const AsyncAccess &access);
  void end(uint64_t number);

private:
  void checkConflict(uint32_t begin, uint32_t end, Access access) const;
  void checkFenced(uint32_t begin, uint32_t end) const;
  size_t checkedOffset(uint32_t address, uint32_t bytes, const char *what) const;

  std::vector<uint8_t> data;
  std::vector<uint16_t> written; // for each chunk, a bit for each byte
  std::vector<uint8_t> unfenced; // for each chunk, the warp that wrote it last, plus 1; 0 if all can see it
  struct Numbered {
    uint64_t number;
    AsyncAccess access;
  };
  std::vector<Numbered> underWay;
  uint64_t nextNumber = 0;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_SHAREDMEMORY_H
