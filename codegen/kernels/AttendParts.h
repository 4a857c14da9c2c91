//===- AttendParts.h - The parts of the attention kernel ------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files that make up the kernel share: its arguments, its shared memory, and the units of its work.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_ATTENDPARTS_H
#define RONDO_CODEGEN_KERNELS_ATTENDPARTS_H

#include "codegen/cuda/Fragment.h"
#include "codegen/cuda/MBarrierPipeline.h"
#include "codegen/kernels/Attend.h"
#include "codegen/kernels/OnlineSoftmax.h"

#include <utility>

namespace mlir::rondo::cuda {

/// Where rows of a result lie: rows are (outer, inner); see cuda_abi.h.
struct ResultStrides {
  Value split, batch, head, outer, inner;
};

/// The kernel's parameters.
struct AttendArguments {
  explicit AttendArguments(ValueRange parameters);

  Value queries, keys, values; // tensor maps
  Value output, lse, scales, tiles;
  ResultStrides outputStrides, lseStrides;
  Value rows, keyCount, heads, batches, rowInner, boxRows, blocksPerSplit, tileStride;
  Value queryCount, positionDivisor, diagonal;
  Value scaleLog2;
  Value plainQueries, plainKeys, plainValues; // see PlainTensor.h
};

/// Tiles and barriers in shared memory, and one word for each warp that computes. Each warpgroup that computes has its
/// own instance of the pipeline of queries.
struct AttendSmem {
  explicit AttendSmem(const AttendConfiguration &configuration);

  SmemLayout layout;
  PipelineStorage queries, keys, values;
  int64_t warpWords; // where they begin
};

/// The kernel that is being emitted.
struct AttendContext {
  const AttendConfiguration &configuration;
  Emitter &emit;
  AttendArguments arguments;
  AttendSmem storage;
  Value smem;
  Value thread;
};

/// The attention of one row tile to a range of key blocks. Blocks are visited from the last to the first, so that those
/// that need a mask come first.
struct WorkTile {
  Value rowTile, head, batch;
  Value split;      // null if there are no splits
  Value firstBlock; // null for 0
  Value blocks;
  Value maskedBlocks; // causal only; at least 1
  Value round;        // how many tiles this CTA has done before

  /// The block that is visited as number `i`.
  Value getBlock(Emitter &emit, Value i) const {
    Value block = emit.sub(emit.sub(blocks, 1), i);
    return firstBlock ? emit.add(block, firstBlock) : block;
  }
};

/// The tile of this CTA in the grid form. Its `blocks` may be 0 or negative.
WorkTile emitGridTile(AttendContext &context);

/// This CTA's row of the tile table.
class TileTable {
public:
  /// With `broadcast`, whole warps read it; else one thread does.
  TileTable(AttendContext &context, bool broadcast);

  /// Reads entry `index`, which may be the one behind the last. Its words can be carried through a loop.
  ValueList load(Value index);
  /// Makes words the same in all lanes; they are used then.
  ValueList settle(ValueList words);
  WorkTile decode(ValueRange words, Value round);

  Value count;

private:
  Value getRow();

  AttendContext &context;
  Value row;
  bool broadcast;
};

/// The two rows of a thread.
struct ThreadRows {
  RowPair row;     // in the packed rows of one key/value head
  RowPair isValid; // rows past the end are not stored
};

/// Which rows the elements of a fragment belong to.
class RowMap {
public:
  RowMap(AttendContext &context, Value warpgroup);
  ThreadRows getRows(const WorkTile &tile) const;
  /// Row `i` of the 16 of this warp, and whether it is valid.
  std::pair<Value, Value> getWarpRow(const WorkTile &tile, Value i) const;

private:
  Value getBoxRow(const WorkTile &tile) const;
  std::pair<Value, Value> getRow(const WorkTile &tile, Value inBox) const;

  AttendContext &context;
  Value warpgroup;
  Value warpInBox;
  Value rowInBox;
};

/// The position of a row in its sequence.
Value emitPosition(AttendContext &context, Value row);

/// Where a row lies, in elements from the beginning of a result.
Value emitRowOffset(AttendContext &context, const ResultStrides &strides, const WorkTile &tile, Value row);

/// Divides by the sums of weights, and writes O and LSE. In causal kernels, the result is whether this lane holds
/// something of a row that may need emitRepair.
Value emitResult(AttendContext &context, const WorkTile &tile, const ThreadRows &rows, const Fragment &output,
                 const SoftmaxState &softmax);
/// Makes rows of a tile right into which values of masked keys have leaked. All lanes of the warp that stored them do
/// this together, if `isSuspect` held in any of them.
void emitRepair(AttendContext &context, const WorkTile &tile, const RowMap &rowMap, Value isSuspect);

/// The same for all tiles of a table, once the last one is stored: so the loop over tiles has no branch for what hardly
/// ever happens. Meanwhile, each warp only remembers whether there is something to do, in its word of shared memory.
class DeferredRepair {
public:
  /// Nothing to do yet.
  explicit DeferredRepair(AttendContext &context);
  void noteIf(Value isSuspect);
  void emitRepairs(const RowMap &rowMap);

private:
  Value getWord();

  AttendContext &context;
};
/// Writes O = 0 and LSE = -inf for the whole tile, by all threads.
void emitEmptyResult(AttendContext &context, const WorkTile &tile);

/// The code of the loading warpgroup and of those that compute. `tile` is null in the persistent form.
void emitAttendProducer(AttendContext &context, const WorkTile *tile);
void emitAttendConsumer(AttendContext &context, const WorkTile *tile, Value warpgroup);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ATTENDPARTS_H
