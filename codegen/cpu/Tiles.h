//===- Tiles.h - Tile sizes of the attention kernel -----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small model of registers and caches that chooses how the attention kernel is blocked. See Attend.cpp for the loop
// nest that these sizes shape.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_TILES_H
#define RONDO_CODEGEN_CPU_TILES_H

#include <cstdint>

namespace mlir::rondo::cpu {

/// What the kernels need to know of a CPU.
struct CpuTarget {
  unsigned vectorBits;

  int64_t lanes() const { return vectorBits / 32; }
  /// AVX-512 doubles the registers along with their width.
  int64_t registers() const { return vectorBits == 512 ? 32 : 16; }
};

/// The micro-kernels hold `height` x `width` accumulators in registers: `width` vectors of query rows (the lanes), and
/// `height` keys (for scores) or features of V (for outputs), each of which is one broadcast element.
struct RegisterBlock {
  int64_t height;
  int64_t width;
};

struct AttendTiles {
  RegisterBlock wide;   ///< for most query rows
  RegisterBlock narrow; ///< one vector wide, for the rows that are left
  int64_t keys;         ///< keys of a tile; a multiple of both heights
  int64_t vectors;      ///< vectors of query rows that are worked on together: K and V are read once for all of them
  int64_t keyRowStride; ///< row strides of the packed tiles of K and V, in elements
  int64_t valueRowStride;
};

/// Chooses the tiles for features of Q and K, and of V, both within 1..256.
AttendTiles chooseAttendTiles(const CpuTarget &target, int64_t keyFeatures, int64_t valueFeatures);

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_TILES_H
