//===- Instructions.cpp - Instructions of sm_90a, as functions ------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kAllLanes = -1;
static constexpr int64_t kClampToWarp = kWarpThreads - 1;

//===--------------------------------------------------------------------------------------------------------------===//
// Indices and shuffles
//===--------------------------------------------------------------------------------------------------------------===//

Value cuda::emitThreadIndex(Emitter &emit, int64_t threads) {
  auto range = LLVM::ConstantRangeAttr::get(emit.getContext(), 32, 0, threads);
  return NVVM::ThreadIdXOp::create(emit, emit.getI32Type(), range);
}

Value cuda::emitBlockIndex(Emitter &emit, char axis) {
  Type i32 = emit.getI32Type();
  switch (axis) {
  case 'x':
    return NVVM::BlockIdXOp::create(emit, i32);
  case 'y':
    return NVVM::BlockIdYOp::create(emit, i32);
  default:
    return NVVM::BlockIdZOp::create(emit, i32);
  }
}

// In PTX, so that it is read where it is asked for: a loading thread has few registers.
Value cuda::emitClusterRank(Emitter &emit) {
  return emit.inlinePtx("mov.u32 $0, %cluster_ctarank;", "=r", {}, emit.getI32Type())[0];
}

static Value emitShuffle(Emitter &emit, NVVM::ShflKind kind, Value value, int64_t lane) {
  return NVVM::ShflOp::create(emit, value.getType(), emit.i32(kAllLanes), value, emit.i32(lane), emit.i32(kClampToWarp),
                              NVVM::ShflKindAttr::get(emit.getContext(), kind),
                              /*return_value_and_is_valid=*/UnitAttr());
}

Value cuda::emitShuffleXor(Emitter &emit, Value value, int64_t mask) {
  return emitShuffle(emit, NVVM::ShflKind::bfly, value, mask);
}

Value cuda::emitBroadcast(Emitter &emit, Value value) { return emitShuffle(emit, NVVM::ShflKind::idx, value, 0); }

Value cuda::emitAny(Emitter &emit, Value condition) {
  return NVVM::VoteSyncOp::create(emit, emit.getI1Type(), emit.i32(kAllLanes), condition, NVVM::VoteSyncKind::any);
}

void cuda::emitWarpBarrier(Emitter &emit) { NVVM::SyncWarpOp::create(emit, emit.i32(kAllLanes)); }

Value cuda::emitElect(Emitter &emit) {
  return NVVM::ElectSyncOp::create(emit, emit.getI1Type(), /*membermask=*/Value());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Barriers
//===--------------------------------------------------------------------------------------------------------------===//

void cuda::emitBlockBarrier(Emitter &emit) { NVVM::BarrierOp::create(emit); }

void cuda::emitNamedBarrier(Emitter &emit, Value id, int64_t threads) {
  NVVM::BarrierOp::create(emit, Type(), id, emit.i32(threads), NVVM::BarrierReductionAttr(),
                          /*reductionPredicate=*/Value());
}

void cuda::emitNamedBarrierArrive(Emitter &emit, Value id, int64_t threads) {
  NVVM::BarrierArriveOp::create(emit, id, emit.i32(threads));
}

void cuda::emitClusterBarrier(Emitter &emit) {
  NVVM::ClusterArriveOp::create(emit, /*aligned=*/UnitAttr());
  NVVM::ClusterWaitOp::create(emit, /*aligned=*/UnitAttr());
}

void cuda::emitClusterBarrierAfterInit(Emitter &emit) {
  NVVM::ClusterArriveRelaxedOp::create(emit, /*aligned=*/UnitAttr());
  NVVM::ClusterWaitOp::create(emit, /*aligned=*/UnitAttr());
}

void cuda::emitMBarrierInit(Emitter &emit, Value barrier, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(emit, barrier, emit.i32(arrivals), /*predicate=*/Value());
}

void cuda::emitMBarrierInitFence(Emitter &emit) { NVVM::FenceMbarrierInitOp::create(emit); }

void cuda::emitMBarrierWait(Emitter &emit, Value barrier, Value parity) {
  constexpr int64_t nanoseconds = 10'000'000; // of sleep at most, before it looks again
  NVVM::MBarrierTryWaitParityOp::create(emit, barrier, parity, emit.i32(nanoseconds));
}

void cuda::emitMBarrierExpect(Emitter &emit, Value barrier, Value bytes) {
  emit.inlinePtx("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", "r,r", {barrier, bytes}, {});
}

void cuda::emitMBarrierArriveIf(Emitter &emit, Value barrier, Value condition) {
  emit.inlinePtx("@$1 mbarrier.arrive.shared::cta.b64 _, [$0];", "r,b", {barrier, condition}, {});
}

// Without .release.cluster, which ptxas turns into two memory barriers: what is released was read by wgmma, and its
// completion is what the arrival follows.
void cuda::emitMBarrierArriveRemoteIf(Emitter &emit, Value barrier, Value rank, Value condition) {
  emit.inlinePtx("{\n.reg .b32 remote;\nmapa.shared::cluster.u32 remote, $0, $1;\n"
                 "@$2 mbarrier.arrive.shared::cluster.b64 _, [remote];\n}",
                 "r,r,b", {barrier, rank, condition}, {});
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bulk copies
//===--------------------------------------------------------------------------------------------------------------===//

void cuda::emitTensorMapPrefetch(Emitter &emit, Value map) {
  NVVM::PrefetchOp::create(emit, NVVM::PrefetchCacheLevelAttr(), NVVM::CacheEvictionPriorityAttr(), map,
                           /*predicate=*/Value(), /*tensormap=*/emit.getUnitAttr());
}

void cuda::emitBoxLoad(Emitter &emit, const BoxLoad &load) {
  bool multicast = load.multicast > 1;
  Value destination = load.destination, mask, hint;
  if (multicast) {
    auto cluster =
        LLVM::LLVMPointerType::get(emit.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
    destination = LLVM::AddrSpaceCastOp::create(emit, cluster, destination);
    mask = emit.integer(emit.getIntegerType(16), (1 << load.multicast) - 1);
  }
  if (load.hint != CacheHint::None)
    hint = emit.i64(static_cast<int64_t>(load.hint));
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      emit, destination, load.map, load.coordinates, load.barrier, /*im2colOffsets=*/ValueRange(), mask, hint,
      NVVM::TMALoadModeAttr::get(emit.getContext(), NVVM::TMALoadMode::TILE), emit.getBoolAttr(!multicast),
      /*group=*/NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
}

//===--------------------------------------------------------------------------------------------------------------===//
// The launch, and shared memory
//===--------------------------------------------------------------------------------------------------------------===//

void cuda::emitRegisterBudget(Emitter &emit, int64_t registers, bool increase) {
  auto action = increase ? NVVM::SetMaxRegisterAction::increase : NVVM::SetMaxRegisterAction::decrease;
  NVVM::SetMaxRegisterOp::create(emit, emit.getI32IntegerAttr(registers),
                                 NVVM::SetMaxRegisterActionAttr::get(emit.getContext(), action));
}

void cuda::emitDependencyWait(Emitter &emit) {
  NVVM::GriddepcontrolOp::create(emit,
                                 NVVM::GridDepActionKindAttr::get(emit.getContext(), NVVM::GridDepActionKind::wait));
}

void cuda::emitDependentsLaunch(Emitter &emit) {
  NVVM::GriddepcontrolOp::create(
      emit, NVVM::GridDepActionKindAttr::get(emit.getContext(), NVVM::GridDepActionKind::launch_dependents));
}

Value cuda::emitSmemOffset(Emitter &emit, Value pointer, Value bytes) {
  return emit.offset(pointer, emit.getI8Type(), bytes);
}

Value cuda::emitSmemOffset(Emitter &emit, Value pointer, int64_t bytes) {
  return LLVM::GEPOp::create(emit, pointer.getType(), emit.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value cuda::emitSmemAddress(Emitter &emit, Value pointer) {
  return LLVM::PtrToIntOp::create(emit, emit.getI32Type(), pointer);
}

Value cuda::emitSmemLoad(Emitter &emit, Value pointer) {
  return emit.inlinePtx("ld.shared.b32 $0, [$1];", "=r,r", pointer, emit.getI32Type())[0];
}

void cuda::emitSmemStoreIf(Emitter &emit, Value pointer, Value condition, Value word) {
  emit.inlinePtx("@$1 st.shared.b32 [$0], $2;", "r,b,r", {pointer, condition, word}, {});
}

void cuda::emitSmemStore16(Emitter &emit, Value pointer, Value bits) {
  emit.inlinePtx("st.shared.b16 [$0], $1;", "r,h", {pointer, bits}, {});
}

void cuda::emitSmemFence(Emitter &emit) {
  MLIRContext *context = emit.getContext();
  NVVM::FenceProxyOp::create(emit, NVVM::ProxyKindAttr::get(context, NVVM::ProxyKind::async_shared),
                             NVVM::SharedSpaceAttr::get(context, NVVM::SharedSpace::shared_cta));
}
