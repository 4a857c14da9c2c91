//===- TensorMap.cpp - Tensors in global memory as bulk copies see them ---------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/TensorMap.h"

#include "test/emulator/Error.h"

#include <algorithm>
#include <cstring>

using namespace rondo::emulator;

static constexpr uint32_t kSwizzledRowBytes = 128;

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes;
  for (uint32_t extent : box)
    bytes *= extent;
  return bytes;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The opaque form
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
struct Encoded {
  static constexpr uint64_t kMagic = 0x70616d726f736e65;
  uint64_t magic;
  uint64_t address;
  uint64_t extents[TensorMap::kMaxRank];
  uint64_t outerStrides[TensorMap::kMaxRank - 1];
  uint16_t box[TensorMap::kMaxRank];
  uint8_t rank, elementBytes, swizzle128;
};
} // namespace
static_assert(sizeof(Encoded) <= TensorMap::kBytes);

static void checkDimension(const TensorMap &map, unsigned i) {
  if (map.extents[i] == 0 || map.extents[i] > uint64_t(1) << 32)
    fail("tensor map: extent ", i, " is ", map.extents[i], ", expected 1 to 2^32");
  if (map.box[i] == 0 || map.box[i] > 256)
    fail("tensor map: the box has ", map.box[i], " elements along dimension ", i, ", expected 1 to 256");
  if (i == 0)
    return;
  if (map.strides[i] % 16 != 0 || map.strides[i] >= uint64_t(1) << 40)
    fail("tensor map: stride ", i, " is ", map.strides[i], " bytes, expected a multiple of 16 below 2^40");
}

static void checkTensorMap(const TensorMap &map) {
  if (map.rank < 1 || map.rank > TensorMap::kMaxRank)
    fail("tensor map: the rank is ", map.rank, ", expected 1 to ", TensorMap::kMaxRank);
  if (map.address % 16 != 0)
    fail("tensor map: address ", map.address, " is not a multiple of 16");
  for (unsigned i = 0; i < map.rank; ++i)
    checkDimension(map, i);
  uint32_t rowBytes = map.box[0] * map.elementBytes;
  if (map.swizzle128 ? rowBytes != kSwizzledRowBytes : rowBytes % SharedMemory::kChunkBytes != 0)
    fail("tensor map: rows of the box have ", rowBytes, " bytes, expected ",
         map.swizzle128 ? "128, as for the 128-byte swizzle" : "a multiple of 16");
}

void rondo::emulator::encodeTensorMap(const TensorMap &map, uint8_t (&bytes)[TensorMap::kBytes]) {
  checkTensorMap(map);
  Encoded encoded = {};
  encoded.magic = Encoded::kMagic;
  encoded.address = map.address;
  encoded.rank = static_cast<uint8_t>(map.rank);
  encoded.elementBytes = static_cast<uint8_t>(map.elementBytes);
  encoded.swizzle128 = map.swizzle128;
  std::copy(map.extents.begin(), map.extents.end(), encoded.extents);
  std::copy(map.strides.begin() + 1, map.strides.end(), encoded.outerStrides);
  std::copy(map.box.begin(), map.box.end(), encoded.box);
  std::memcpy(bytes, &encoded, sizeof(encoded));
}

TensorMap rondo::emulator::decodeTensorMap(const uint8_t *bytes) {
  Encoded encoded;
  std::memcpy(&encoded, bytes, sizeof(encoded));
  if (encoded.magic != Encoded::kMagic)
    fail("there is no tensor map at this address");
  TensorMap map;
  map.rank = encoded.rank;
  map.elementBytes = encoded.elementBytes;
  map.address = encoded.address;
  map.swizzle128 = encoded.swizzle128;
  std::copy(std::begin(encoded.extents), std::end(encoded.extents), map.extents.begin());
  std::copy(std::begin(encoded.outerStrides), std::end(encoded.outerStrides), map.strides.begin() + 1);
  std::copy(std::begin(encoded.box), std::end(encoded.box), map.box.begin());
  return map;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Boxes
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

/// Sixteen bytes of a box. Their first `validBytes` lie in the tensor.
struct BoxChunk {
  uint32_t shared;
  uint64_t global;
  uint32_t validBytes;
};

/// A row of a box: where it lies in the tensor, if it does.
struct BoxRow {
  uint64_t global;
  bool isInside;
};

} // namespace

/// Row `index` of a box, in the order in which rows lie in shared memory.
static BoxRow getRow(const TensorMap &map, const Coordinates &first, uint32_t index) {
  BoxRow row = {map.address, true};
  for (unsigned i = 1; i < map.rank; ++i) {
    int64_t coordinate = int64_t(first[i]) + index % map.box[i];
    index /= map.box[i];
    row.isInside &= coordinate >= 0 && coordinate < static_cast<int64_t>(map.extents[i]);
    row.global += static_cast<uint64_t>(coordinate) * map.strides[i];
  }
  return row;
}

template <typename Function>
static void forEachChunk(const TensorMap &map, const Coordinates &first, uint32_t shared, Function function) {
  constexpr int64_t chunkBytes = SharedMemory::kChunkBytes;
  if (shared % kSwizzledRowBytes != 0)
    fail("a bulk copy at shared memory address ", shared, ", which is not a multiple of ", kSwizzledRowBytes);
  int64_t rowBytes = map.box[0] * map.elementBytes, begin = int64_t(first[0]) * map.elementBytes;
  auto tensorRowBytes = static_cast<int64_t>(map.extents[0] * map.elementBytes);
  if (begin % chunkBytes != 0)
    fail("a bulk copy from element ", first[0], " of a row; the emulator knows those that begin at multiples of ",
         chunkBytes / map.elementBytes);
  uint32_t rows = map.boxBytes() / static_cast<uint32_t>(rowBytes);
  for (uint32_t i = 0; i < rows; ++i) {
    BoxRow row = getRow(map, first, i);
    for (int64_t at = 0; at < rowBytes; at += chunkBytes, shared += chunkBytes) {
      int64_t left = begin + at < 0 || !row.isInside ? 0 : tensorRowBytes - (begin + at);
      auto valid = static_cast<uint32_t>(std::clamp<int64_t>(left, 0, chunkBytes));
      function(BoxChunk{map.swizzle128 ? swizzle128(shared) : shared, row.global + begin + at, valid});
    }
  }
}

void rondo::emulator::loadBox(const TensorMap &map, const Coordinates &first, const GlobalMemory &global,
                              SharedMemory &shared, uint32_t destination) {
  forEachChunk(map, first, destination, [&](const BoxChunk &chunk) {
    uint8_t bytes[SharedMemory::kChunkBytes] = {};
    if (chunk.validBytes)
      std::memcpy(bytes, global.resolve(chunk.global, chunk.validBytes, Access::Read), chunk.validBytes);
    shared.writeChunk(chunk.shared, bytes);
  });
}

void rondo::emulator::storeBox(const TensorMap &map, const Coordinates &first, const GlobalMemory &global,
                               const SharedMemory &shared, uint32_t source) {
  forEachChunk(map, first, source, [&](const BoxChunk &chunk) {
    if (chunk.validBytes)
      std::memcpy(global.resolve(chunk.global, chunk.validBytes, Access::Write), shared.readChunk(chunk.shared),
                  chunk.validBytes);
  });
}
