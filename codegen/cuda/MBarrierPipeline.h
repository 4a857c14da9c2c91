//===- MBarrierPipeline.h - Rings of tiles between loading and computing warps --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One thread fills tiles of shared memory with bulk copies, or a warp does it by hand, and warpgroups use them up. Each
// tile of the ring has two mbarriers: `full` completes when a load has arrived, `empty` when every warp that used the
// tile is done with it.
//
// Loads are numbered 0, 1, 2, ...: load `turn` goes to tile turn % stages, and the phase of its barriers is
// turn / stages % 2. Both sides carry the turn through their loops, and nothing else.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_MBARRIERPIPELINE_H
#define RONDO_CODEGEN_CUDA_MBARRIERPIPELINE_H

#include "codegen/cuda/SmemTile.h"

namespace mlir::rondo::cuda {

/// Where a pipeline lies. There may be several instances of it, one behind the other.
struct PipelineStorage {
  /// `stages` is a power of two.
  PipelineStorage(const SmemTile &tile, int64_t stages, int64_t instances, SmemLayout &layout);

  /// Initialises all barriers; one thread does this. `consumers` warps release each tile. `producers` threads fill it:
  /// one if it is filled by bulk copies.
  void emitInit(Emitter &emit, Value smem, int64_t consumers, int64_t producers = 1) const;

  SmemTile tile;
  int64_t stages;
  int64_t instances;
  int64_t tilesOffset;
  int64_t barriersOffset; // of each instance: all full barriers, then all empty ones
};

/// What both ends share: one instance of a pipeline. A null instance is the first.
class PipelineEnd {
public:
  PipelineEnd(Emitter &emit, const PipelineStorage &storage, Value smem, Value instance = {});

  const SmemTile &getTile() const { return storage.tile; }

protected:
  Value getStage(Value turn) { return emit.bitAnd(turn, storage.stages - 1); }
  Value getPhase(Value turn) { return emit.bitAnd(emit.shiftRight(turn, llvm::Log2_64(storage.stages)), 1); }
  Value getFullBarrier(Value turn);
  Value getEmptyBarrier(Value turn);

  Emitter &emit;
  PipelineStorage storage;
  Value tiles;
  Value barriers;
};

/// The end of the loading thread, or threads.
class PipelineProducer : public PipelineEnd {
public:
  using PipelineEnd::PipelineEnd;

  struct Slot {
    Value tile;
    Value full;
  };
  /// Waits until the tile of this turn is free, and announces that `bytes` will arrive by bulk copies.
  Slot acquire(Value turn, Value bytes);

  /// The same for a tile that threads write themselves; each of them says when it is done.
  Slot acquire(Value turn);
  void publish(const Slot &slot);
};

/// The end of the computing warps.
class PipelineConsumer : public PipelineEnd {
public:
  /// `major` says how products read the tiles. With clusters, a tile is loaded for all CTAs of the cluster, so each of
  /// them must have released it.
  PipelineConsumer(Emitter &emit, const PipelineStorage &storage, Value smem, Major major, Value lane, int64_t cluster,
                   Value instance = {});

  /// Waits until the load of this turn has arrived.
  void wait(Value turn);
  /// The tile of this turn.
  SmemOperand get(Value turn) { return emitStage(emit, first, getStage(turn)); }
  /// Says that this warp is done with the tile of this turn. If there is a condition, only if it holds.
  void release(Value turn, Value condition = {});

private:
  SmemOperand first;
  Value lane;
  Value arrives; // lane r of a warp arrives for the warp at CTA r of the cluster
  int64_t cluster;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_MBARRIERPIPELINE_H
