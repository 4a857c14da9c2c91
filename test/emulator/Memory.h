//===- Memory.h - Addresses, and global memory ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_MEMORY_H
#define RONDO_TEST_EMULATOR_MEMORY_H

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace rondo::emulator {

// Addresses in shared memory have 32 bits. The highest eight are the rank of the CTA in its cluster: a CTA's own
// addresses have them too, as on the device. Below kSharedBase lies what the system keeps for itself.
constexpr uint32_t kSharedBase = 1024;
constexpr unsigned kClusterRankShift = 24;
constexpr uint32_t kSharedOffsetMask = (1u << kClusterRankShift) - 1;
/// What a CTA of sm_90 can have, beside what the system keeps.
constexpr uint32_t kSharedLimit = 232448;

// Generic addresses: parameters and shared memory have windows; global memory has the rest.
constexpr uint64_t kParameterWindow = uint64_t(1) << 46;
constexpr uint64_t kSharedWindow = uint64_t(1) << 47;
constexpr uint64_t kGlobalWindow = uint64_t(1) << 48;

inline bool isParameterAddress(uint64_t address) { return address >= kParameterWindow && address < kSharedWindow; }
inline bool isSharedAddress(uint64_t address) { return address >= kSharedWindow && address < kGlobalWindow; }

enum class Access { Read, Write };

/// Global memory is a set of pieces of the host's memory. They lie far apart, so that an access past the end of one
/// never hits another one.
class GlobalMemory {
public:
  static constexpr unsigned kMaxNumber = 15;
  /// Memories of other numbers, up to the largest, have other addresses.
  explicit GlobalMemory(unsigned number = 0);

  /// Makes memory of the host visible to kernels, under an address that is a multiple of 256 bytes. What is const can
  /// only be read.
  uint64_t map(std::string name, void *data, uint64_t bytes) { return add(std::move(name), data, bytes, true); }
  uint64_t map(std::string name, const void *data, uint64_t bytes) {
    return add(std::move(name), const_cast<void *>(data), bytes, false);
  }

  /// Nothing is at `address` any more, which map() gave. Only after many others is it used again.
  void unmap(uint64_t address);

  /// What was written until now was written by the kernel before the next one.
  void beginLaunch();
  /// Whether the kernel before this one wrote to the memory at `address`.
  bool isFromPreviousKernel(uint64_t address) const;

  /// The host's address. Fails unless all bytes belong to one piece, and the address is a multiple of `alignment`.
  uint8_t *resolve(uint64_t address, uint64_t bytes, Access access, uint64_t alignment = 1) const;

private:
  struct Piece {
    std::string name;
    uint8_t *data;
    uint64_t bytes;
    bool isWritable;
    mutable bool isWritten = false; ///< by the kernel that runs, whose clusters may run at the same time
    bool isFromPreviousKernel = false;
  };
  uint64_t add(std::string name, void *data, uint64_t bytes, bool isWritable);
  /// The index of an address' piece; no such piece need exist.
  uint64_t getIndex(uint64_t address) const;

  uint64_t base;
  std::vector<Piece> pieces;
  std::deque<uint64_t> freed; ///< indices, the oldest first
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_MEMORY_H
