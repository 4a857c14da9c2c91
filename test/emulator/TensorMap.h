//===- TensorMap.h - Tensors in global memory as bulk copies see them -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_TENSORMAP_H
#define RONDO_TEST_EMULATOR_TENSORMAP_H

#include "test/emulator/SharedMemory.h"

#include <array>
#include <cstdint>

namespace rondo::emulator {

/// Where 16-byte chunks go inside 1024 bytes of shared memory: with the 128-byte swizzle, the bits of an address that
/// count rows of 128 bytes permute those that count chunks of a row.
inline uint32_t swizzle128(uint32_t address) { return address ^ ((address >> 7 & 7) << 4); }

/// What cuTensorMapEncodeTiled is told. Dimensions are innermost first.
struct TensorMap {
  static constexpr unsigned kMaxRank = 5;
  static constexpr unsigned kBytes = 128; // of the opaque form
  static constexpr unsigned kAlignment = 64;

  uint32_t rank = 0;
  uint32_t elementBytes = 2;
  uint64_t address = 0;
  std::array<uint64_t, kMaxRank> extents = {1, 1, 1, 1, 1};
  std::array<uint64_t, kMaxRank> strides = {}; ///< bytes; that of dimension 0 is not used
  std::array<uint32_t, kMaxRank> box = {1, 1, 1, 1, 1};
  bool swizzle128 = true;

  uint32_t boxBytes() const;
};

/// Writes the opaque form, which is the emulator's own. Fails where the driver would.
void encodeTensorMap(const TensorMap &map, uint8_t (&bytes)[TensorMap::kBytes]);
/// Fails if these bytes are no tensor map.
TensorMap decodeTensorMap(const uint8_t *bytes);

using Coordinates = std::array<int32_t, TensorMap::kMaxRank>;

/// Copies a box to shared memory. What lies outside of the tensor is zero.
void loadBox(const TensorMap &map, const Coordinates &first, const GlobalMemory &global, SharedMemory &shared,
             uint32_t destination);
/// Copies a box from shared memory. What lies outside of the tensor is not written.
void storeBox(const TensorMap &map, const Coordinates &first, const GlobalMemory &global, const SharedMemory &shared,
              uint32_t source);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_TENSORMAP_H
