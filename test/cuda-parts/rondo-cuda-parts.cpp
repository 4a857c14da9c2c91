//===- rondo-cuda-parts.cpp - One small kernel for each abstraction under codegen/cuda ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rondo-cuda-parts smem-tile | fragment | pipeline | mma-group: prints its PTX. Each kernel stores what it computes, so
// that nothing is optimised away.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cuda/Instructions.h"
#include "codegen/cuda/KernelFunction.h"
#include "codegen/cuda/MBarrierPipeline.h"
#include "codegen/cuda/MmaGroup.h"
#include "codegen/cuda/PtxEmission.h"
#include "tools/common/Register.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

//===--------------------------------------------------------------------------------------------------------------===//
// A product in flight shows its registers to nobody, and there is only one of it.
//===--------------------------------------------------------------------------------------------------------------===//

template <typename T, typename = void>
constexpr bool showsRegisters = false;
template <typename T>
constexpr bool showsRegisters<T, std::void_t<decltype(std::declval<T &>().registers())>> = true;

static_assert(showsRegisters<Fragment>);
static_assert(!showsRegisters<MmaGroup>);
static_assert(!std::is_convertible_v<MmaGroup, Fragment> && !std::is_constructible_v<Fragment, MmaGroup>);
static_assert(!std::is_copy_constructible_v<MmaGroup> && !std::is_copy_assignable_v<MmaGroup>);

//===--------------------------------------------------------------------------------------------------------------===//
// Kernels. Their parameters: a tensor map, an output, two numbers.
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
struct Part {
  Emitter &emit;
  Value smem, map, output, number, otherNumber;

  void store(int64_t place, Value value) {
    if (value.getType().isInteger(64))
      value = emit.bitXor(arith::TruncIOp::create(emit, emit.getI32Type(), value), 0);
    emit.storeIf(emit.boolean(true), output, 4 * place, value);
  }
};
} // namespace

/// Descriptors of a tile of 96 rows and 128 columns, 2048 bytes behind the beginning of shared memory.
static void emitSmemTile(Part &part) {
  Emitter &emit = part.emit;
  SmemTile tile{96, 128};
  Value pointer = emitSmemOffset(emit, part.smem, 2048);
  for (Major major : {Major::K, Major::MN}) {
    SmemOperand operand = emitStage(emit, emitOperand(emit, tile, major, pointer), part.number);
    Value high = emit.shiftRight(operand.descriptor, 32);
    part.store(major == Major::K ? 0 : 2, operand.descriptor);
    part.store(major == Major::K ? 1 : 3, high);
  }
}

/// Masks, reduces, scales and packs a fragment of 16 columns.
static void emitFragment(Part &part) {
  Emitter &emit = part.emit;
  ValueList elements;
  for (int64_t i = 0; i < Fragment::registersFor(16); ++i)
    elements.push_back(emit.load(emit.getF32Type(), emit.offset(part.output, emit.getF32Type(), emit.i64(16 + i)), 4));
  Fragment masked = Fragment(elements).maskColumns(emit, {part.number, part.otherNumber}, emit.f32(-1.0f));
  auto larger = [&](Value a, Value b) { return emit.fmax(a, b); };
  RowPair maxima = reduceQuad(emit, masked.reduceRows(larger), larger);
  PackedFragment packed = masked.scaleRows(emit, maxima).pack(emit, emit.getBF16Type());
  for (auto [i, word] : llvm::enumerate(packed.registers))
    part.store(i, word);
}

/// A ring of two tiles: one thread loads four boxes, the others wait for them and release them.
static void emitPipeline(Part &part) {
  Emitter &emit = part.emit;
  SmemLayout layout;
  PipelineStorage storage({64, 64}, /*stages=*/2, /*instances=*/1, layout);
  Value thread = emitThreadIndex(emit, kWarpgroupThreads);
  emit.ifThen(emit.equal(thread, 0), [&] { storage.emitInit(emit, part.smem, /*consumers=*/3); });
  emitBlockBarrier(emit);
  emit.ifThenElse(
      emit.equal(thread, 0),
      [&] {
        PipelineProducer producer(emit, storage, part.smem);
        emit.loop(emit.i32(0), part.number, emit.i32(0), [&](Value i, ValueRange carried) -> ValueList {
          PipelineProducer::Slot slot = producer.acquire(carried[0], emit.i32(storage.tile.bytes()));
          emitBoxLoad(emit, {part.map, {emit.i32(0), i}, slot.tile, slot.full, CacheHint::EvictFirst});
          return {emit.add(carried[0], 1)};
        });
      },
      [&] {
        Value lane = emit.bitAnd(thread, kWarpThreads - 1);
        PipelineConsumer consumer(emit, storage, part.smem, Major::K, lane, /*cluster=*/1);
        emit.loop(emit.i32(0), part.number, emit.i32(0), [&](Value, ValueRange carried) -> ValueList {
          consumer.wait(carried[0]);
          consumer.release(carried[0]);
          return {emit.add(carried[0], 1)};
        });
      });
}

/// S = Q K^T and O += P V in flight together; S is used while O is not there yet.
static void emitMmaGroup(Part &part) {
  Emitter &emit = part.emit;
  SmemTile queryTile{64, 64}, keyTile{32, 64};
  SmemOperand query = emitOperand(emit, queryTile, Major::K, part.smem);
  SmemOperand key = emitOperand(emit, keyTile, Major::K, emitSmemOffset(emit, part.smem, queryTile.bytes()));
  SmemOperand value = emitOperand(emit, keyTile, Major::MN, emitSmemOffset(emit, part.smem, 3 * queryTile.bytes()));
  WarpgroupMma mma(emit, emit.getF16Type());
  PackedFragment weights{ValueList(Fragment::packedRegistersFor(32), part.number)};
  MmaGroup scores = mma.multiply(query, key, /*negate=*/true);
  MmaGroup sum = mma.accumulate(Fragment::splat(emit.f32(0.0f), 64), weights, value);
  Fragment s = mma.wait(std::move(scores));
  part.store(0, s.registers()[0]);
  Fragment o = mma.wait(std::move(sum), part.number);
  part.store(1, o.registers()[0]);
  part.store(2, part.number);
}

int main(int argc, char **argv) {
  using EmitPart = void (*)(Part &);
  StringRef name = argc == 2 ? argv[1] : "";
  EmitPart emitPart = llvm::StringSwitch<EmitPart>(name)
                          .Case("smem-tile", emitSmemTile)
                          .Case("fragment", emitFragment)
                          .Case("pipeline", emitPipeline)
                          .Case("mma-group", emitMmaGroup)
                          .Default(nullptr);
  if (!emitPart) {
    llvm::errs() << "usage: " << argv[0] << " smem-tile | fragment | pipeline | mma-group\n";
    return 2;
  }
  DialectRegistry registry;
  registerAllForCompilation(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  Operation *gpuModule = createGpuModule(*module, "parts");
  Emitter emit(gpuModule->getLoc(), &context);
  std::string kernel = name.str();
  std::replace(kernel.begin(), kernel.end(), '-', '_');
  emitKernelFunction(emit, gpuModule, kernel, {kWarpgroupThreads},
                     {ParameterKind::TensorMap, ParameterKind::Pointer, ParameterKind::I32, ParameterKind::I32},
                     [&](ValueRange p) {
                       Part part{emit, emitDynamicSmem(emit, gpuModule), p[0], p[1], p[2], p[3]};
                       emitPart(part);
                     });
  FailureOr<std::string> ptx = emitPtx(*module);
  if (failed(ptx))
    return 1;
  llvm::outs() << *ptx;
  return 0;
}
