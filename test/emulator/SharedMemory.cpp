//===- SharedMemory.cpp - The shared memory of one CTA --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/SharedMemory.h"

#include "test/emulator/Error.h"
#include "test/emulator/Syntax.h"

#include <algorithm>
#include <cstring>

using namespace rondo::emulator;

static constexpr uint8_t kUnwritten = 0xFF;
static constexpr uint16_t kWholeChunk = 0xFFFF;

SharedMemory::SharedMemory(uint32_t end)
    : data(end - kSharedBase, kUnwritten), written((data.size() + kChunkBytes - 1) / kChunkBytes),
      unfenced(written.size()) {}

size_t SharedMemory::checkedOffset(uint32_t address, uint32_t bytes, const char *what) const {
  size_t offset = size_t(address) - kSharedBase;
  if (address < kSharedBase || offset + bytes > data.size())
    fail("a ", what, " of ", bytes, " bytes at shared memory address ", address, ", which lies outside ", kSharedBase,
         "..", kSharedBase + data.size());
  if (address % bytes != 0)
    fail("a ", what, " of ", bytes, " bytes at shared memory address ", address, ", which is not a multiple of ",
         bytes);
  return offset;
}

/// The bits of `bytes` bytes in the chunk of `offset`.
static uint16_t getMask(size_t offset, uint32_t bytes) {
  return static_cast<uint16_t>(((1u << bytes) - 1) << offset % SharedMemory::kChunkBytes);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Ordinary accesses
//===--------------------------------------------------------------------------------------------------------------===//

void SharedMemory::read(uint32_t address, void *to, uint32_t bytes) const {
  size_t offset = checkedOffset(address, bytes, "read");
  checkConflict(address, address + bytes, Access::Read);
  uint16_t mask = getMask(offset, bytes);
  if ((written[offset / kChunkBytes] & mask) != mask)
    fail("a read of ", bytes, " bytes at shared memory address ", address, ", which have not been written");
  std::memcpy(to, &data[offset], bytes);
}

void SharedMemory::write(uint32_t address, const void *from, uint32_t bytes, unsigned warp) {
  size_t offset = checkedOffset(address, bytes, "write");
  checkConflict(address, address + bytes, Access::Write);
  written[offset / kChunkBytes] |= getMask(offset, bytes);
  unfenced[offset / kChunkBytes] = static_cast<uint8_t>(warp + 1);
  std::memcpy(&data[offset], from, bytes);
}

void SharedMemory::fenceProxy(unsigned warp) {
  std::replace(unfenced.begin(), unfenced.end(), static_cast<uint8_t>(warp + 1), uint8_t(0));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Accesses of bulk copies and wgmma
//===--------------------------------------------------------------------------------------------------------------===//

void SharedMemory::writeChunk(uint32_t address, const uint8_t *from) {
  size_t offset = checkedOffset(address, kChunkBytes, "bulk write");
  written[offset / kChunkBytes] = kWholeChunk;
  unfenced[offset / kChunkBytes] = 0;
  std::memcpy(&data[offset], from, kChunkBytes);
}

const uint8_t *SharedMemory::readChunk(uint32_t address, bool mayBeUnwritten) const {
  size_t offset = checkedOffset(address, kChunkBytes, "asynchronous read");
  size_t chunk = offset / kChunkBytes;
  if (written[chunk] != kWholeChunk && !mayBeUnwritten)
    fail("an asynchronous read of ", kChunkBytes, " bytes at shared memory address ", address,
         ", not all of which have been written");
  return &data[offset];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Accesses under way
//===--------------------------------------------------------------------------------------------------------------===//

void SharedMemory::checkConflict(uint32_t begin, uint32_t end, Access access) const {
  for (const auto &[number, other] : underWay)
    if (begin < other.end && other.begin < end && (access == Access::Write || other.access == Access::Write))
      fail("a ", access == Access::Read ? "read" : "write", " of shared memory ", begin, "..", end, ", while ",
           other.begin, "..", other.end, " is being ", other.access == Access::Read ? "read" : "written", " by line ",
           other.instruction->line, ": ", other.instruction->text);
}

void SharedMemory::checkFenced(uint32_t begin, uint32_t end) const {
  auto first = unfenced.begin() + (begin - kSharedBase) / kChunkBytes;
  auto last = unfenced.begin() + (end - kSharedBase + kChunkBytes - 1) / kChunkBytes;
  auto found = std::find_if(first, last, [](uint8_t writer) { return writer != 0; });
  if (found != last)
    fail("an asynchronous read of shared memory ", begin, "..", end, ", where warp ", *found - 1, " wrote to ",
         kSharedBase + (found - unfenced.begin()) * kChunkBytes,
         " by an ordinary store without fence.proxy.async behind it");
}

uint64_t SharedMemory::begin(const AsyncAccess &access) {
  if (access.begin < kSharedBase || access.end > kSharedBase + data.size())
    fail("an asynchronous access to shared memory ", access.begin, "..", access.end, ", which lies outside ",
         kSharedBase, "..", kSharedBase + data.size());
  checkConflict(access.begin, access.end, access.access);
  if (access.access == Access::Read)
    checkFenced(access.begin, access.end);
  underWay.push_back({nextNumber, access});
  return nextNumber++;
}

void SharedMemory::end(uint64_t number) {
  auto found =
      std::find_if(underWay.begin(), underWay.end(), [&](const Numbered &one) { return one.number == number; });
  underWay.erase(found);
}
