//===- AttendKernel.cpp - The attention kernel: its parameters and its roles ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/KernelFunction.h"
#include "codegen/kernels/AttendParts.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

//===--------------------------------------------------------------------------------------------------------------===//
// Parameters: those of rondo_attend_arguments, in order
//===--------------------------------------------------------------------------------------------------------------===//

static SmallVector<ParameterKind> getParameters() {
  SmallVector<ParameterKind> kinds;
  kinds.append(3, ParameterKind::TensorMap); // queries, keys, values
  kinds.append(4, ParameterKind::Pointer);   // output, lse, scales, tiles
  kinds.append(10, ParameterKind::I64);      // strides
  kinds.append(11, ParameterKind::I32);      // rows ... diagonal
  kinds.push_back(ParameterKind::F32);       // scale_log2
  kinds.append(3, ParameterKind::PlainTensor);
  return kinds;
}

AttendArguments::AttendArguments(ValueRange parameters) {
  Value *fields[] = {&queries,
                     &keys,
                     &values,
                     &output,
                     &lse,
                     &scales,
                     &tiles,
                     &outputStrides.split,
                     &outputStrides.batch,
                     &outputStrides.head,
                     &outputStrides.outer,
                     &outputStrides.inner,
                     &lseStrides.split,
                     &lseStrides.batch,
                     &lseStrides.head,
                     &lseStrides.outer,
                     &lseStrides.inner,
                     &rows,
                     &keyCount,
                     &heads,
                     &batches,
                     &rowInner,
                     &boxRows,
                     &blocksPerSplit,
                     &tileStride,
                     &queryCount,
                     &positionDivisor,
                     &diagonal,
                     &scaleLog2,
                     &plainQueries,
                     &plainKeys,
                     &plainValues};
  for (auto [field, parameter] : llvm::zip_equal(fields, parameters))
    *field = parameter;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Shared memory and registers
//===--------------------------------------------------------------------------------------------------------------===//

AttendSmem::AttendSmem(const AttendConfiguration &configuration)
    : queries({kFragmentRows, configuration.features}, /*stages=*/1, configuration.warpgroups, layout),
      keys({configuration.blockKeys, configuration.features}, configuration.stages, /*instances=*/1, layout),
      values({configuration.blockKeys, configuration.valueFeatures}, configuration.stages, /*instances=*/1, layout),
      warpWords(layout.allocateBarriers((configuration.warpgroups + 1) * kWarpgroupThreads / kWarpThreads *
                                        static_cast<int64_t>(sizeof(uint32_t)))) {}

namespace {
/// Registers of a thread that loads and of one that computes; 0: as many as the launch gives. The register file has
/// 65536, and is full when 384 threads have 168 each, or 512 have 128, so what loading threads give back, computing
/// ones can take.
struct RegisterBudget {
  int64_t loading, computing;
};
} // namespace

static RegisterBudget getRegisterBudget(int64_t warpgroups) {
  switch (warpgroups) {
  case 1:
    return {0, 0};
  case 2:
    return {24, 240};
  default:
    return {32, 160};
  }
}

static int64_t getThreads(const AttendConfiguration &configuration) {
  return (configuration.warpgroups + 1) * kWarpgroupThreads;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The kernel
//===--------------------------------------------------------------------------------------------------------------===//

static void emitBarrierInit(AttendContext &context) {
  Emitter &emit = context.emit;
  const AttendSmem &storage = context.storage;
  constexpr int64_t warps = kWarpgroupThreads / kWarpThreads;
  int64_t consumers = warps * context.configuration.warpgroups * context.configuration.cluster;
  emit.ifThen(emit.equal(context.thread, 0), [&] {
    bool plain = context.configuration.hasPlainLoads();
    if (!plain)
      for (Value map : {context.arguments.queries, context.arguments.keys, context.arguments.values})
        emitTensorMapPrefetch(emit, map);
    int64_t producers = plain ? kWarpThreads : 1;
    storage.queries.emitInit(emit, context.smem, warps, producers);
    storage.keys.emitInit(emit, context.smem, consumers, producers);
    storage.values.emitInit(emit, context.smem, consumers, producers);
    emitMBarrierInitFence(emit);
  });
  emitBlockBarrier(emit);
  if (context.configuration.cluster > 1)
    emitClusterBarrierAfterInit(emit);
}

/// Warpgroup 0 loads, the others compute. `tile` is null in the persistent form.
static void emitRoles(AttendContext &context, const WorkTile *tile) {
  Emitter &emit = context.emit;
  emitBarrierInit(context);
  RegisterBudget budget = getRegisterBudget(context.configuration.warpgroups);
  Value warpgroup = emitBroadcast(emit, emit.shiftRight(context.thread, llvm::Log2_64(kWarpgroupThreads)));
  emit.ifThenElse(
      emit.equal(warpgroup, 0),
      [&] {
        if (budget.loading)
          emitRegisterBudget(emit, budget.loading, /*increase=*/false);
        emitAttendProducer(context, tile);
      },
      [&] {
        if (budget.computing)
          emitRegisterBudget(emit, budget.computing, /*increase=*/true);
        emitAttendConsumer(context, tile, emit.sub(warpgroup, 1));
      });
  // Nobody leaves while another CTA may still copy into its shared memory or arrive there.
  if (context.configuration.cluster > 1)
    emitClusterBarrier(emit);
}

static void emitBody(AttendContext &context) {
  if (context.configuration.persistent)
    return emitRoles(context, /*tile=*/nullptr);
  Emitter &emit = context.emit;
  WorkTile tile = emitGridTile(context);
  emit.ifThenElse(
      emit.less(emit.i32(0), tile.blocks), [&] { emitRoles(context, &tile); },
      [&] {
        if (context.configuration.dependentLaunch)
          emitDependencyWait(emit);
        emitEmptyResult(context, tile);
      });
}

void cuda::emitAttend(Operation *gpuModule, const AttendConfiguration &configuration) {
  assert(getAttendError(configuration).empty());
  Emitter emit(gpuModule->getLoc(), gpuModule->getContext());
  int64_t threads = getThreads(configuration);
  KernelShape shape{threads, configuration.cluster, /*ownsMultiprocessor=*/true};
  emitKernelFunction(emit, gpuModule, getAttendName(configuration), shape, getParameters(), [&](ValueRange parameters) {
    Value smem = emitDynamicSmem(emit, gpuModule);
    AttendContext context{configuration,
                          emit,
                          AttendArguments(parameters),
                          AttendSmem(configuration),
                          smem,
                          emitThreadIndex(emit, threads)};
    emitBody(context);
  });
}

rondo_kernel_traits cuda::getAttendTraits(const AttendConfiguration &configuration) {
  rondo_kernel_traits traits = {};
  traits.threads = getThreads(configuration);
  traits.shared_bytes = AttendSmem(configuration).layout.bytes();
  traits.cluster = configuration.cluster;
  traits.warpgroups = configuration.warpgroups;
  traits.block_keys = configuration.blockKeys;
  traits.causal = configuration.causal;
  traits.persistent = configuration.persistent;
  traits.dependent_launch = configuration.dependentLaunch;
  traits.plain_loads = configuration.hasPlainLoads();
  traits.scaled_rows = configuration.scaledRows;
  return traits;
}
