//===- MBarrierPipeline.cpp - Rings of tiles between loading and computing warps ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/MBarrierPipeline.h"

#include "codegen/cuda/Instructions.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kBarrierBytes = 8;

static int64_t getBarrierBytes(int64_t stages) { return 2 * stages * kBarrierBytes; }

PipelineStorage::PipelineStorage(const SmemTile &tile, int64_t stages, int64_t instances, SmemLayout &layout)
    : tile(tile), stages(stages), instances(instances) {
  assert(llvm::isPowerOf2_64(stages));
  tilesOffset = layout.allocateTiles(instances * stages * tile.bytes());
  barriersOffset = layout.allocateBarriers(instances * getBarrierBytes(stages));
}

void PipelineStorage::emitInit(Emitter &emit, Value smem, int64_t consumers, int64_t producers) const {
  for (int64_t instance = 0; instance < instances; ++instance)
    for (int64_t i = 0; i < 2 * stages; ++i) {
      int64_t offset = barriersOffset + instance * getBarrierBytes(stages) + i * kBarrierBytes;
      emitMBarrierInit(emit, emitSmemOffset(emit, smem, offset), i < stages ? producers : consumers);
    }
}

PipelineEnd::PipelineEnd(Emitter &emit, const PipelineStorage &storage, Value smem, Value instance)
    : emit(emit), storage(storage), tiles(emitSmemOffset(emit, smem, storage.tilesOffset)),
      barriers(emitSmemOffset(emit, smem, storage.barriersOffset)) {
  if (!instance)
    return;
  tiles = emitSmemOffset(emit, tiles, emit.mul(instance, storage.stages * storage.tile.bytes()));
  barriers = emitSmemOffset(emit, barriers, emit.mul(instance, getBarrierBytes(storage.stages)));
}

Value PipelineEnd::getFullBarrier(Value turn) {
  return emitSmemOffset(emit, barriers, emit.mul(getStage(turn), kBarrierBytes));
}

Value PipelineEnd::getEmptyBarrier(Value turn) {
  return emitSmemOffset(emit, getFullBarrier(turn), storage.stages * kBarrierBytes);
}

// An empty barrier completes its first phase with the first releases, but the first loads need not wait: a wait for the
// phase before the first one passes.
PipelineProducer::Slot PipelineProducer::acquire(Value turn) {
  emitMBarrierWait(emit, getEmptyBarrier(turn), emit.bitXor(getPhase(turn), 1));
  return {emitSmemOffset(emit, tiles, emit.mul(getStage(turn), storage.tile.bytes())), getFullBarrier(turn)};
}

PipelineProducer::Slot PipelineProducer::acquire(Value turn, Value bytes) {
  Slot slot = acquire(turn);
  emitMBarrierExpect(emit, slot.full, bytes);
  return slot;
}

void PipelineProducer::publish(const Slot &slot) {
  emitSmemFence(emit);
  emitMBarrierArriveIf(emit, slot.full, emit.boolean(true));
}

PipelineConsumer::PipelineConsumer(Emitter &emit, const PipelineStorage &storage, Value smem, Major major, Value lane,
                                   int64_t cluster, Value instance)
    : PipelineEnd(emit, storage, smem, instance), first(emitOperand(emit, storage.tile, major, tiles)), lane(lane),
      arrives(emit.less(lane, cluster)), cluster(cluster) {}

void PipelineConsumer::wait(Value turn) { emitMBarrierWait(emit, getFullBarrier(turn), getPhase(turn)); }

void PipelineConsumer::release(Value turn, Value condition) {
  condition = condition ? emit.bitAnd(arrives, condition) : arrives;
  if (cluster == 1)
    emitMBarrierArriveIf(emit, getEmptyBarrier(turn), condition);
  else
    emitMBarrierArriveRemoteIf(emit, getEmptyBarrier(turn), lane, condition);
}
