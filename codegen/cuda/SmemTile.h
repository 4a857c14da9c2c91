//===- SmemTile.h - Matrices in shared memory -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile of 16-bit elements as bulk copies write it and wgmma reads it: panels of 64 columns, one behind the other,
// each [rows][128 bytes]. Inside eight rows, the 16-byte chunks are permuted by the row (128-byte swizzle), so that
// neither reading rows nor reading columns meets bank conflicts.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_SMEMTILE_H
#define RONDO_CODEGEN_CUDA_SMEMTILE_H

#include "codegen/cuda/Emitter.h"

#include "llvm/Support/MathExtras.h"

#include <utility>

namespace mlir::rondo::cuda {

/// The k dimension of one wgmma, in 16-bit elements.
constexpr int64_t kMmaDepth = 16;

/// How a product walks a tile. K: the k dimension runs along the columns, which are contiguous (Q and K in Q K^T).
/// MN: it runs along the rows (V in P V).
enum class Major { K, MN };

struct SmemTile {
  static constexpr int64_t kPanelColumns = 64;
  static constexpr int64_t kRowBytes = 128;
  /// Rows over which the swizzle repeats; tiles start at multiples of this many rows.
  static constexpr int64_t kSwizzleRows = 8;
  static constexpr int64_t kAlignment = kSwizzleRows * kRowBytes;

  int64_t rows;
  int64_t columns;

  int64_t panels() const { return llvm::divideCeil(columns, kPanelColumns); }
  int64_t panelBytes() const { return rows * kRowBytes; }
  int64_t bytes() const { return panels() * panelBytes(); }

  /// The extent of the tile across the k dimension, as wgmma wants it: a multiple of 8.
  int64_t extent(Major major) const { return major == Major::K ? rows : llvm::alignTo(columns, 8); }
  /// The steps of 16 along the k dimension.
  int64_t steps(Major major) const { return llvm::divideCeil(major == Major::K ? columns : rows, kMmaDepth); }
  /// Where step `step` begins, in bytes.
  int64_t stepOffset(Major major, int64_t step) const;
  /// A wgmma matrix descriptor without its address.
  uint64_t descriptorBits(Major major) const;
};

/// A tile that a product reads, by descriptor.
struct SmemOperand {
  SmemTile tile;
  Major major;
  Value descriptor;
};

/// The descriptor of the tile at `pointer`.
SmemOperand emitOperand(Emitter &emit, const SmemTile &tile, Major major, Value pointer);
/// The operand `stage` tiles behind `operand`.
SmemOperand emitStage(Emitter &emit, const SmemOperand &operand, Value stage);

/// Hands out dynamic shared memory: barriers from its first bytes, tiles behind them.
class SmemLayout {
public:
  /// The offset of a fresh tile or barriers.
  int64_t allocateTiles(int64_t bytes) { return allocate(tilesEnd, bytes); }
  int64_t allocateBarriers(int64_t bytes) {
    assert(barriersEnd + bytes <= kBarrierBytes && "too many barriers");
    return allocate(barriersEnd, bytes);
  }
  int64_t bytes() const { return tilesEnd; }

private:
  static constexpr int64_t kBarrierBytes = SmemTile::kAlignment;
  static int64_t allocate(int64_t &end, int64_t bytes) { return std::exchange(end, end + bytes); }

  int64_t barriersEnd = 0;
  int64_t tilesEnd = kBarrierBytes;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_SMEMTILE_H
