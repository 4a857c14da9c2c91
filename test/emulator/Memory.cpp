//===- Memory.cpp - Global memory -----------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Memory.h"

#include "test/emulator/Error.h"

#include <utility>

using namespace rondo::emulator;

/// From the address of one piece to that of the next.
static constexpr unsigned kPieceShift = 40;

/// How many freed pieces are remembered, so that stale addresses are found.
static constexpr size_t kRemembered = 1024;

/// From the addresses of one memory to those of the next.
static constexpr unsigned kMemoryShift = 60;

GlobalMemory::GlobalMemory(unsigned number) : base(kGlobalWindow + (uint64_t(number) << kMemoryShift)) {
  if (number >= kMaxNumber)
    fail("global memory ", number, "; the emulator has addresses for ", kMaxNumber);
}

uint64_t GlobalMemory::getIndex(uint64_t address) const {
  return address < base ? UINT64_MAX : (address - base) >> kPieceShift;
}

uint64_t GlobalMemory::add(std::string name, void *data, uint64_t bytes, bool isWritable) {
  if (bytes >> kPieceShift)
    fail("'", name, "' has ", bytes, " bytes; the emulator has room for ", uint64_t(1) << kPieceShift);
  uint64_t index = pieces.size();
  if (freed.size() > kRemembered) {
    index = freed.front();
    freed.pop_front();
    pieces[index] = {std::move(name), static_cast<uint8_t *>(data), bytes, isWritable};
  } else {
    pieces.push_back({std::move(name), static_cast<uint8_t *>(data), bytes, isWritable});
  }
  return base + (index << kPieceShift);
}

void GlobalMemory::unmap(uint64_t address) {
  Piece &piece = pieces.at(getIndex(address));
  piece = {piece.name + ", which has been freed", nullptr, 0, /*isWritable=*/false};
  freed.push_back(static_cast<uint64_t>(&piece - pieces.data()));
}

void GlobalMemory::beginLaunch() {
  for (Piece &piece : pieces)
    piece.isFromPreviousKernel = std::exchange(piece.isWritten, false);
}

bool GlobalMemory::isFromPreviousKernel(uint64_t address) const {
  uint64_t index = getIndex(address);
  return index < pieces.size() && pieces[index].isFromPreviousKernel;
}

uint8_t *GlobalMemory::resolve(uint64_t address, uint64_t bytes, Access access, uint64_t alignment) const {
  const char *what = access == Access::Read ? "read" : "write";
  uint64_t index = getIndex(address);
  if (index >= pieces.size())
    fail("a ", what, " of ", bytes, " bytes at ", reinterpret_cast<void *>(address), ", which is not global memory");
  const Piece &piece = pieces[index];
  uint64_t offset = address & ((uint64_t(1) << kPieceShift) - 1);
  if (offset + bytes > piece.bytes)
    fail("a ", what, " of ", bytes, " bytes at offset ", offset, " of '", piece.name, "', which has ", piece.bytes,
         " bytes");
  if (access == Access::Write && !piece.isWritable)
    fail("a write of ", bytes, " bytes at offset ", offset, " of '", piece.name, "', which is only to be read");
  if (offset % alignment != 0)
    fail("a ", what, " of ", bytes, " bytes at offset ", offset, " of '", piece.name, "', which is not a multiple of ",
         alignment);
  if (access == Access::Write)
    __atomic_store_n(&piece.isWritten, true, __ATOMIC_RELAXED);
  return piece.data + offset;
}
