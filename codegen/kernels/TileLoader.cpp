//===- TileLoader.cpp - How the attention kernel fills tiles --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/TileLoader.h"

#include "codegen/kernels/PlainTensor.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

//===--------------------------------------------------------------------------------------------------------------===//
// Bulk copies
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// One copy for each panel. Rows and columns past the end become 0.
class BoxLoader : public TileLoader {
public:
  explicit BoxLoader(AttendContext &context)
      : context(context), configuration(context.configuration), emit(context.emit) {}
  void loadQueries(PipelineProducer &pipeline, const WorkTile &tile, Value row) override;
  void loadBlock(PipelineProducer &pipeline, Operand operand, const WorkTile &tile, Value block, Value turn) override;

private:
  AttendContext &context;
  const AttendConfiguration &configuration;
  Emitter &emit;
};
} // namespace

void BoxLoader::loadQueries(PipelineProducer &pipeline, const WorkTile &tile, Value row) {
  const AttendArguments &arguments = context.arguments;
  const SmemTile &box = pipeline.getTile();
  Value outer = emit.div(row, arguments.rowInner);
  Value inner = emit.sub(row, emit.mul(outer, arguments.rowInner));
  Value bytes = emit.mul(arguments.boxRows, box.panels() * SmemTile::kRowBytes);
  PipelineProducer::Slot slot = pipeline.acquire(tile.round, bytes);
  for (int64_t panel = 0; panel < box.panels(); ++panel)
    emitBoxLoad(emit, {arguments.queries,
                       {emit.i32(panel * SmemTile::kPanelColumns), inner, outer, tile.head, tile.batch},
                       emitSmemOffset(emit, slot.tile, panel * box.panelBytes()),
                       slot.full,
                       configuration.getQueryHint()});
}

/// In a cluster, each CTA loads its part of the rows for all.
void BoxLoader::loadBlock(PipelineProducer &pipeline, Operand operand, const WorkTile &tile, Value block, Value turn) {
  Value map = operand == Operand::Keys ? context.arguments.keys : context.arguments.values;
  const SmemTile &box = pipeline.getTile();
  Value row = emit.mul(block, configuration.blockKeys);
  PipelineProducer::Slot slot = pipeline.acquire(turn, emit.i32(box.bytes()));
  Value destination = slot.tile;
  if (configuration.cluster > 1) {
    Value part = emit.mul(emitClusterRank(emit), configuration.blockKeys / configuration.cluster);
    row = emit.add(row, part);
    destination = emitSmemOffset(emit, destination, emit.mul(part, SmemTile::kRowBytes));
  }
  for (int64_t panel = 0; panel < box.panels(); ++panel)
    emitBoxLoad(emit, {map,
                       {emit.i32(panel * SmemTile::kPanelColumns), row, tile.head, tile.batch},
                       emitSmemOffset(emit, destination, panel * box.panelBytes()),
                       slot.full,
                       configuration.keyHint,
                       configuration.cluster});
}

//===--------------------------------------------------------------------------------------------------------------===//
// Plain loads
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Element by element, for rows that bulk copies do not allow: a warp takes one row after the other.
class PlainLoader : public TileLoader {
public:
  explicit PlainLoader(AttendContext &context)
      : context(context), emit(context.emit), lane(emit.bitAnd(context.thread, kWarpThreads - 1)) {}
  void loadQueries(PipelineProducer &pipeline, const WorkTile &tile, Value row) override;
  void loadBlock(PipelineProducer &pipeline, Operand operand, const WorkTile &tile, Value block, Value turn) override;

private:
  struct Row {
    Value offset; // from the beginning of the tensor, in elements
    Value exists;
  };
  void loadRows(const PipelineProducer::Slot &slot, const SmemTile &tile, PlainTensor tensor,
                function_ref<Row(Value)> getRow);

  AttendContext &context;
  Emitter &emit;
  Value lane;
};
} // namespace

void PlainLoader::loadQueries(PipelineProducer &pipeline, const WorkTile &tile, Value row) {
  const AttendArguments &arguments = context.arguments;
  PlainTensor tensor(emit, arguments.plainQueries);
  PipelineProducer::Slot slot = pipeline.acquire(tile.round);
  loadRows(slot, pipeline.getTile(), tensor, [&](Value i) -> Row {
    Value packed = emit.add(row, i), outer = emit.div(packed, arguments.rowInner);
    Value inner = emit.sub(packed, emit.mul(outer, arguments.rowInner));
    Value place = emit.add(tensor.along(3, tile.head), tensor.along(4, tile.batch));
    return {emit.add(place, emit.add(tensor.along(1, inner), tensor.along(2, outer))),
            emit.bitAnd(emit.less(packed, arguments.rows), emit.less(i, arguments.boxRows))};
  });
  pipeline.publish(slot);
}

void PlainLoader::loadBlock(PipelineProducer &pipeline, Operand operand, const WorkTile &tile, Value block,
                            Value turn) {
  PlainTensor tensor(emit, operand == Operand::Keys ? context.arguments.plainKeys : context.arguments.plainValues);
  Value first = emit.mul(block, context.configuration.blockKeys);
  PipelineProducer::Slot slot = pipeline.acquire(turn);
  loadRows(slot, pipeline.getTile(), tensor, [&](Value i) -> Row {
    Value key = emit.add(first, i);
    Value place = emit.add(tensor.along(2, tile.head), tensor.along(3, tile.batch));
    return {emit.add(place, tensor.along(1, key)), emit.less(key, context.arguments.keyCount)};
  });
  pipeline.publish(slot);
}

/// Writes all of the tile, in the places where a bulk copy would: 0 where the tensor has nothing.
void PlainLoader::loadRows(const PipelineProducer::Slot &slot, const SmemTile &tile, PlainTensor tensor,
                           function_ref<Row(Value)> getRow) {
  constexpr int64_t elementBytes = SmemTile::kRowBytes / SmemTile::kPanelColumns, chunkElements = 8;
  auto global = context.arguments.output.getType();
  emit.loop(emit.i32(0), emit.i32(tile.rows), {}, [&](Value i, ValueRange) {
    Row row = getRow(i);
    Value begin = tensor.getPointer(global, row.offset);
    for (int64_t column = 0; column < tile.panels() * SmemTile::kPanelColumns; column += kWarpThreads) {
      Value own = emit.add(lane, column);
      Value bits = emit.load16If(emit.bitAnd(row.exists, emit.less(own, tile.columns)),
                                 emit.offset(begin, emit.getI16Type(), emit.zeroExtend(own)));
      Value inPanel = emit.add(lane, column % SmemTile::kPanelColumns);
      Value chunk = emit.shiftRight(inPanel, llvm::Log2_64(chunkElements));
      Value swizzled = emit.bitXor(chunk, emit.bitAnd(i, SmemTile::kSwizzleRows - 1));
      Value place = emit.add(emit.mul(i, SmemTile::kRowBytes),
                             emit.add(emit.mul(swizzled, chunkElements * elementBytes),
                                      emit.mul(emit.bitAnd(inPanel, chunkElements - 1), elementBytes)));
      Value panel = emitSmemOffset(emit, slot.tile, column / SmemTile::kPanelColumns * tile.panelBytes());
      emitSmemStore16(emit, emitSmemOffset(emit, panel, place), bits);
    }
    return ValueList();
  });
}

std::unique_ptr<TileLoader> cuda::createTileLoader(AttendContext &context) {
  if (context.configuration.hasPlainLoads())
    return std::make_unique<PlainLoader>(context);
  return std::make_unique<BoxLoader>(context);
}
