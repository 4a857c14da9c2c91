//===- AttendTiles.cpp - Which rows and keys a CTA of the attention kernel works on ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/AttendParts.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

Value cuda::emitPosition(AttendContext &context, Value row) {
  Emitter &emit = context.emit;
  return emit.rem(emit.div(row, context.arguments.positionDivisor), context.arguments.queryCount);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Grid form
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Key blocks before `visible` hold keys that some row sees; those before `unmasked` hold none that some row does not.
struct CausalBlocks {
  Value visible, unmasked;
};
} // namespace

/// For the rows of all CTAs of the cluster, which must agree on the blocks that they load together.
static CausalBlocks emitCausalBlocks(AttendContext &context, Value rowTile) {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  int64_t cluster = context.configuration.cluster;
  Value tileRows = emit.mul(arguments.boxRows, context.configuration.warpgroups);
  Value firstRow = emit.mul(emit.bitAnd(rowTile, -cluster), tileRows);
  Value end = emit.min(emit.add(firstRow, emit.mul(tileRows, cluster)), arguments.rows);
  Value lastRow = emit.sub(end, 1);
  // Rows of several heads begin again at position 0: then all positions may occur.
  auto sequenceOf = [&](Value row) { return emit.div(emit.div(row, arguments.positionDivisor), arguments.queryCount); };
  Value wraps = emit.differs(sequenceOf(firstRow), sequenceOf(lastRow));
  Value lowest = emit.select(wraps, emit.i32(0), emitPosition(context, firstRow));
  Value highest = emit.select(wraps, emit.sub(arguments.queryCount, 1), emitPosition(context, lastRow));
  auto visibleKeys = [&](Value position) {
    Value visible = emit.add(emit.add(position, arguments.diagonal), 1);
    return emit.max(emit.min(visible, arguments.keyCount), emit.i32(0));
  };
  int64_t blockKeys = context.configuration.blockKeys;
  return {emit.ceilDiv(visibleKeys(highest), blockKeys), emit.div(visibleKeys(lowest), emit.i32(blockKeys))};
}

WorkTile cuda::emitGridTile(AttendContext &context) {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  WorkTile tile;
  Value z = emitBlockIndex(emit, 'z');
  tile.rowTile = emitBlockIndex(emit, 'x');
  tile.head = emitBlockIndex(emit, 'y');
  tile.split = emit.div(z, arguments.batches);
  tile.batch = emit.rem(z, arguments.batches);
  tile.round = emit.i32(0);
  tile.firstBlock = emit.mul(tile.split, arguments.blocksPerSplit);
  Value splitEnd = emit.add(tile.firstBlock, arguments.blocksPerSplit);
  if (!context.configuration.causal) {
    Value end = emit.min(splitEnd, emit.ceilDiv(arguments.keyCount, context.configuration.blockKeys));
    tile.blocks = emit.sub(end, tile.firstBlock);
    return tile;
  }
  CausalBlocks causal = emitCausalBlocks(context, tile.rowTile);
  Value end = emit.min(splitEnd, causal.visible);
  tile.blocks = emit.sub(end, tile.firstBlock);
  Value masked = emit.sub(end, emit.max(tile.firstBlock, causal.unmasked));
  tile.maskedBlocks = emit.min(emit.max(masked, emit.i32(1)), tile.blocks);
  return tile;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Persistent form
//===--------------------------------------------------------------------------------------------------------------===//

static constexpr int64_t kWordBytes = 4;

TileTable::TileTable(AttendContext &context, bool broadcast) : context(context), broadcast(broadcast) {
  Emitter &emit = context.emit;
  row = getRow();
  count = settle(emit.inlinePtx("ld.global.b32 $0, [$1];", "=r,l", row, emit.getI32Type()))[0];
}

// The CTA's number is read in PTX, so that this is computed where it is asked for.
Value TileTable::getRow() {
  Emitter &emit = context.emit;
  Value number = emit.inlinePtx("mov.u32 $0, %ctaid.x;", "=r", {}, emit.getI32Type())[0];
  Value words = emit.mul(emit.toI64(number), emit.toI64(context.arguments.tileStride));
  return emit.offset(context.arguments.tiles, emit.getI32Type(), words);
}

// In PTX, so that the load stays where it is. A kernel without a mask knows the second word; but where it needs the
// registers for a cluster, the loading thread rather reads it.
ValueList TileTable::load(Value index) {
  Emitter &emit = context.emit;
  static_assert(sizeof(rondo_tile) == 2 * kWordBytes);
  // The loading thread has few registers: it rather computes the row's address again.
  Value entry = emit.offset(broadcast ? row : getRow(), emit.getI64Type(), emit.toI64(emit.add(index, 1)));
  Type word = emit.getI32Type();
  if (!context.configuration.causal && (broadcast || context.configuration.cluster == 1))
    return emit.inlinePtx("ld.global.b32 $0, [$1];", "=r,l", entry, word);
  return emit.inlinePtx("ld.global.v2.b32 {$0, $1}, [$2];", "=r,=r,l", entry, {word, word});
}

ValueList TileTable::settle(ValueList words) {
  if (broadcast)
    for (Value &word : words)
      word = emitBroadcast(context.emit, word);
  return words;
}

WorkTile TileTable::decode(ValueRange words, Value round) {
  Emitter &emit = context.emit;
  WorkTile tile;
  tile.rowTile = emit.bitAnd(words[0], (1 << RONDO_TILE_HEAD_SHIFT) - 1);
  tile.head = emit.bitAnd(emit.shiftRight(words[0], RONDO_TILE_HEAD_SHIFT),
                          (1 << (RONDO_TILE_BATCH_SHIFT - RONDO_TILE_HEAD_SHIFT)) - 1);
  tile.batch = emit.shiftRight(words[0], RONDO_TILE_BATCH_SHIFT);
  tile.round = round;
  tile.blocks = words.size() > 1 ? emit.bitAnd(words[1], (1 << RONDO_TILE_MASKED_SHIFT) - 1)
                                 : emit.ceilDiv(context.arguments.keyCount, context.configuration.blockKeys);
  if (context.configuration.causal)
    tile.maskedBlocks = emit.shiftRight(words[1], RONDO_TILE_MASKED_SHIFT);
  return tile;
}
