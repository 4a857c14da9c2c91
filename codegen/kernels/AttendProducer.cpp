//===- AttendProducer.cpp - The warp of the attention kernel that loads ---------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads are issued in the order in which they are needed: a block's K runs one block ahead of its V.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/AttendParts.h"
#include "codegen/kernels/TileLoader.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

namespace {

class AttendProducer {
public:
  AttendProducer(AttendContext &context, TileLoader &loader)
      : context(context), loader(loader), emit(context.emit), keys(emit, context.storage.keys, context.smem),
        values(emit, context.storage.values, context.smem) {}

  void loadQueries(const WorkTile &tile);
  void loadFirstKeys(const WorkTile &tile, Value turn) { loadKeys(tile, emit.i32(0), turn); }
  /// All blocks of a tile whose first K has been loaded with turn `turn`. Calls beforeLast(the next tile's turn) before
  /// the last V.
  void loadBlocks(const WorkTile &tile, Value turn, function_ref<void(Value)> beforeLast = [](Value) {});

private:
  void loadKeys(const WorkTile &tile, Value i, Value turn) {
    loader.loadBlock(keys, TileLoader::Operand::Keys, tile, tile.getBlock(emit, i), turn);
  }
  void loadValues(const WorkTile &tile, Value i, Value turn) {
    loader.loadBlock(values, TileLoader::Operand::Values, tile, tile.getBlock(emit, i), turn);
  }

  AttendContext &context;
  TileLoader &loader;
  Emitter &emit;
  PipelineProducer keys, values;
};

} // namespace

/// One box of rows for each warpgroup that computes.
void AttendProducer::loadQueries(const WorkTile &tile) {
  int64_t warpgroups = context.configuration.warpgroups;
  Value firstBox = emit.mul(tile.rowTile, warpgroups);
  for (int64_t i = 0; i < warpgroups; ++i) {
    PipelineProducer queries(emit, context.storage.queries, context.smem, emit.i32(i));
    loader.loadQueries(queries, tile, emit.mul(emit.add(firstBox, i), context.arguments.boxRows));
  }
}

void AttendProducer::loadBlocks(const WorkTile &tile, Value turn, function_ref<void(Value)> beforeLast) {
  Value last = emit.loop(emit.i32(1), tile.blocks, turn, [&](Value i, ValueRange carried) -> ValueList {
    Value before = carried.front(), next = emit.add(before, 1);
    loadKeys(tile, i, next);
    loadValues(tile, emit.sub(i, 1), before);
    return {next};
  })[0];
  beforeLast(emit.add(last, 1));
  loadValues(tile, emit.sub(tile.blocks, 1), last);
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

static void emitTileLoads(AttendProducer &producer, Emitter &emit, const WorkTile &tile) {
  Value zero = emit.i32(0);
  producer.loadQueries(tile);
  producer.loadFirstKeys(tile, zero);
  producer.loadBlocks(tile, zero);
}

void cuda::emitAttendProducer(AttendContext &context, const WorkTile *tile) {
  Emitter &emit = context.emit;
  std::unique_ptr<TileLoader> loader = createTileLoader(context);
  emit.ifThen(emit.less(context.thread, kWarpThreads), [&] {
    auto emitLoads = [&] {
      if (context.configuration.dependentLaunch)
        emitDependencyWait(emit); // the other warps only use what is loaded after this
      AttendProducer producer(context, *loader);
      if (tile)
        emitTileLoads(producer, emit, *tile);
      else
        emitTableLoads(context, producer);
    };
    if (context.configuration.hasPlainLoads())
      emitLoads(); // by the whole warp
    else
      emit.ifThen(emitElect(emit), emitLoads);
  });
}
