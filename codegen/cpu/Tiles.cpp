//===- Tiles.cpp - Tile sizes of the attention kernel ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cpu/Tiles.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir::rondo::cpu;

static constexpr int64_t kFloatBytes = 4;
static constexpr int64_t kCacheLineFloats = 64 / kFloatBytes;

/// The packed queries and the running outputs of the rows that are worked on together stay in the second-level cache
/// (at least 512 KiB on the CPUs we aim at) next to the tiles of K and V: each may take this much.
static constexpr int64_t kRowStateBytes = 128 * 1024;

/// A register block leaves room for its `width` row vectors and one broadcast; more accumulators than a dozen in height
/// gain nothing, since the loads are hidden already.
static RegisterBlock chooseBlock(int64_t registers, int64_t width) {
  constexpr int64_t maximalHeight = 12;
  return {std::min(maximalHeight, (registers - width - 1) / width), width};
}

/// An odd number of cache lines, so that the same column of successive rows falls into different cache sets.
static int64_t chooseRowStride(int64_t columns) {
  return (llvm::divideCeil(columns, kCacheLineFloats) | 1) * kCacheLineFloats;
}

AttendTiles mlir::rondo::cpu::chooseAttendTiles(const CpuTarget &target, int64_t keyFeatures, int64_t valueFeatures) {
  AttendTiles tiles;
  tiles.wide = chooseBlock(target.registers(), 2);
  tiles.narrow = chooseBlock(target.registers(), 1);
  // 96 keys: a tile of scores of one register block's width stays in the first-level cache, and both heights divide it.
  tiles.keys = 96;
  int64_t vectorBytes = std::max(keyFeatures, valueFeatures) * target.lanes() * kFloatBytes;
  constexpr int64_t maximalRows = 256;
  int64_t vectors = std::min(kRowStateBytes / vectorBytes, maximalRows / target.lanes());
  tiles.vectors = std::max<int64_t>(llvm::alignDown(vectors, tiles.wide.width), tiles.wide.width);
  tiles.keyRowStride = chooseRowStride(keyFeatures);
  tiles.valueRowStride = chooseRowStride(valueFeatures);
  return tiles;
}
