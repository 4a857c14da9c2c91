//===- AttendProducer.cpp - The thread of the attention kernel that loads -------------------------------*- C++ -*-===//
//
// Loads are issued in the order in which they are needed: a block's K runs one block ahead of its V.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/AttendParts.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

namespace {

class AttendProducer {
public:
  explicit AttendProducer(AttendContext &context)
      : context(context), configuration(context.configuration), emit(context.emit), arguments(context.arguments),
        keys(emit, context.storage.keys, context.smem), values(emit, context.storage.values, context.smem) {
    for (int64_t i = 0; i < configuration.warpgroups; ++i)
      queries.emplace_back(emit, context.storage.queries, context.smem, emit.i32(i));
  }

  void loadQueries(const WorkTile &tile);
  void loadFirstKeys(const WorkTile &tile, Value turn) { loadBlock(keys, arguments.keys, tile, emit.i32(0), turn); }
  /// All blocks of a tile whose first K has been loaded with turn `turn`. Calls beforeLast(the next tile's turn) before
  /// the last V.
  void loadBlocks(const WorkTile &tile, Value turn, function_ref<void(Value)> beforeLast = [](Value) {});

private:
  void loadBlock(PipelineProducer &pipeline, Value map, const WorkTile &tile, Value i, Value turn);

  AttendContext &context;
  const AttendConfiguration &configuration;
  Emitter &emit;
  const AttendArguments &arguments;
  PipelineProducer keys, values;
  SmallVector<PipelineProducer> queries;
};

} // namespace

void AttendProducer::loadQueries(const WorkTile &tile) {
  const SmemTile &box = context.storage.queries.tile;
  Value bytes = emit.mul(arguments.boxRows, box.panels() * SmemTile::kRowBytes);
  Value firstBox = emit.mul(tile.rowTile, configuration.warpgroups);
  for (int64_t i = 0; i < configuration.warpgroups; ++i) {
    Value row = emit.mul(emit.add(firstBox, i), arguments.boxRows);
    Value outer = emit.div(row, arguments.rowInner);
    Value inner = emit.sub(row, emit.mul(outer, arguments.rowInner));
    PipelineProducer::Slot slot = queries[i].acquire(tile.round, bytes);
    for (int64_t panel = 0; panel < box.panels(); ++panel)
      emitBoxLoad(emit, {arguments.queries,
                         {emit.i32(panel * SmemTile::kPanelColumns), inner, outer, tile.head, tile.batch},
                         emitSmemOffset(emit, slot.tile, panel * box.panelBytes()),
                         slot.full,
                         configuration.queryHint});
  }
}

/// Loads one block of K or V. In a cluster, each CTA loads its part of the rows for all.
void AttendProducer::loadBlock(PipelineProducer &pipeline, Value map, const WorkTile &tile, Value i, Value turn) {
  const SmemTile &box = pipeline.getTile();
  Value row = emit.mul(tile.getBlock(emit, i), configuration.blockKeys);
  PipelineProducer::Slot slot = pipeline.acquire(turn, emit.i32(box.bytes()));
  Value destination = slot.tile;
  if (configuration.cluster > 1) {
    Value part = emit.mul(context.clusterRank, configuration.blockKeys / configuration.cluster);
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

void AttendProducer::loadBlocks(const WorkTile &tile, Value turn, function_ref<void(Value)> beforeLast) {
  Value last = emit.loop(emit.i32(1), tile.blocks, turn, [&](Value i, ValueRange carried) -> ValueList {
    Value before = carried.front(), next = emit.add(before, 1);
    loadBlock(keys, arguments.keys, tile, i, next);
    loadBlock(values, arguments.values, tile, emit.sub(i, 1), before);
    return {next};
  })[0];
  beforeLast(emit.add(last, 1));
  loadBlock(values, arguments.values, tile, emit.sub(tile.blocks, 1), last);
}

/// All tiles of the table. Around the end of a tile, the order is: the first K of the next tile, the last V of this
/// one, the next tile's Q, which must wait for this one's last scores.
static void emitTableLoads(AttendContext &context, AttendProducer &producer) {
  Emitter &emit = context.emit;
  TileTable table(context, /*broadcast=*/false);
  Value zero = emit.i32(0);
  ValueList carried = table.load(zero);
  producer.loadFirstKeys(table.decode(carried, zero), zero);
  carried.push_back(zero);
  emit.loop(zero, table.count, carried, [&](Value round, ValueRange carried) {
    Value nextRound = emit.add(round, 1), nextTurn;
    ValueList words = table.load(nextRound);
    WorkTile tile = table.decode(carried.drop_back(), round);
    producer.loadQueries(tile);
    producer.loadBlocks(tile, carried.back(), [&](Value turn) {
      nextTurn = turn;
      emit.ifThen(emit.less(nextRound, table.count),
                  [&] { producer.loadFirstKeys(table.decode(words, nextRound), turn); });
    });
    words.push_back(nextTurn);
    return words;
  });
}

void cuda::emitAttendProducer(AttendContext &context, const WorkTile *tile) {
  Emitter &emit = context.emit;
  emit.ifThen(emit.less(context.thread, kWarpThreads), [&] {
    emit.ifThen(emitElect(emit), [&] {
      if (context.configuration.dependentLaunch)
        emitDependencyWait(emit); // the other warps only use what is loaded after this
      AttendProducer producer(context);
      if (!tile)
        return emitTableLoads(context, producer);
      Value zero = emit.i32(0);
      producer.loadQueries(*tile);
      producer.loadFirstKeys(*tile, zero);
      producer.loadBlocks(*tile, zero);
    });
  });
}
