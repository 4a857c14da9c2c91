//===- Instructions.h - Instructions of sm_90a, as functions --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each instruction that has no arithmetic in it: indices, shuffles, barriers, bulk copies, register
// budgets, clusters. Shared-memory addresses are pointers of address space 3.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_INSTRUCTIONS_H
#define RONDO_CODEGEN_CUDA_INSTRUCTIONS_H

#include "codegen/cuda/Emitter.h"

#include <optional>

namespace mlir::rondo::cuda {

constexpr int64_t kWarpThreads = 32;
constexpr int64_t kWarpgroupThreads = 128;

/// What L2 should do with lines that are read. Values of the hint operand, as CUTLASS names them.
enum class CacheHint : uint64_t { None = 0, EvictFirst = 0x12F0000000000000, EvictLast = 0x14F0000000000000 };

/// A bulk copy of one box of a tensor map into shared memory.
struct BoxLoad {
  Value map;
  ValueList coordinates; // innermost first
  Value destination;
  Value barrier; // counts the bytes
  CacheHint hint = CacheHint::None;
  int64_t multicast = 1; // CTAs of the cluster that receive it, at the same address
};

// Indices. `axis` is 'x', 'y' or 'z'.
Value emitThreadIndex(Emitter &emit, int64_t threads);
Value emitBlockIndex(Emitter &emit, char axis);
Value emitClusterRank(Emitter &emit);

// Shuffles of a whole warp.
Value emitShuffleXor(Emitter &emit, Value value, int64_t mask);
/// The value of lane 0: tells the compiler that it is the same in all lanes.
Value emitBroadcast(Emitter &emit, Value value);
/// Whether the condition holds in any lane.
Value emitAny(Emitter &emit, Value condition);
/// What lanes have written before, the others read after it.
void emitWarpBarrier(Emitter &emit);
/// True in one lane.
Value emitElect(Emitter &emit);

// Barriers.
void emitBlockBarrier(Emitter &emit);
void emitNamedBarrier(Emitter &emit, Value id, int64_t threads);
/// Does not wait.
void emitNamedBarrierArrive(Emitter &emit, Value id, int64_t threads);
void emitClusterBarrier(Emitter &emit);
/// The same for initialised barriers after emitMBarrierInitFence: no memory barriers for anything else.
void emitClusterBarrierAfterInit(Emitter &emit);

void emitMBarrierInit(Emitter &emit, Value barrier, int64_t arrivals);
/// Makes initialised barriers visible to the cluster and to bulk copies.
void emitMBarrierInitFence(Emitter &emit);
void emitMBarrierWait(Emitter &emit, Value barrier, Value parity);
void emitMBarrierExpect(Emitter &emit, Value barrier, Value bytes);
void emitMBarrierArriveIf(Emitter &emit, Value barrier, Value condition);
/// Arrives at the barrier of the same address in CTA `rank` of the cluster.
void emitMBarrierArriveRemoteIf(Emitter &emit, Value barrier, Value rank, Value condition);

// Bulk copies.
void emitTensorMapPrefetch(Emitter &emit, Value map);
void emitBoxLoad(Emitter &emit, const BoxLoad &load);

// The launch.
void emitRegisterBudget(Emitter &emit, int64_t registers, bool increase);
/// Waits until the kernels that this one depends on have finished and their writes are visible.
void emitDependencyWait(Emitter &emit);
/// Lets kernels that depend on this one start.
void emitDependentsLaunch(Emitter &emit);

// Shared memory.
/// `pointer` + `bytes`, which is an i32.
Value emitSmemOffset(Emitter &emit, Value pointer, Value bytes);
Value emitSmemOffset(Emitter &emit, Value pointer, int64_t bytes);
/// The 32-bit address.
Value emitSmemAddress(Emitter &emit, Value pointer);
/// 32 bits.
Value emitSmemLoad(Emitter &emit, Value pointer);
void emitSmemStoreIf(Emitter &emit, Value pointer, Value condition, Value word);
/// Stores 16 bits.
void emitSmemStore16(Emitter &emit, Value pointer, Value bits);
/// Makes what this thread wrote to shared memory visible to wgmma.
void emitSmemFence(Emitter &emit);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_INSTRUCTIONS_H
