//===- Attend.cpp - The loop nest of attention ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flash attention (T. Dao et al., 2022) with query rows as vector lanes. Query heads that share a key/value head lie
// below each other: their rows together are the rows of one group.
//
//   for each item: a key/value head and a chunk of its group's rows         (parallel)
//     pack Q                                                                (rows as lanes)
//     for each tile of keys
//       pack K, V                                                           (float32, fixed stride)
//       for each panel of rows: scores, softmax, outputs                    (AttendMicroKernels)
//     write O, LSE
//
// Rows and keys past the last are copies of the last: they cost a little work, but no case of their own.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cpu/AttendMicroKernels.h"
#include "codegen/cpu/Elements.h"
#include "codegen/cpu/Kernels.h"
#include "codegen/cpu/VectorMath.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cpu;

static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

namespace {

/// A key/value head and a chunk of the rows of its group.
struct Item {
  Value batch;
  Value keyHead;
  Value firstRow;
  Value vectors; ///< vectors that the chunk's rows fill, the last one perhaps in part
};

/// Where one row of a group lies in Q, O and LSE.
struct RowPlace {
  Value head;
  Value position;
};

class AttendEmitter {
public:
  AttendEmitter(Emitter &emit, AttendOp op, const AttendTiles &tiles, int64_t keyFeatures, int64_t valueFeatures);
  void emitFor(WorkPart work);

private:
  void allocateScratch();
  Value chooseChunk(Value heads, Value groupVectors, Value parts);
  Value chunkInTurn(Value turn, Value chunks);
  void emitItem(const Item &item);

  SmallVector<RowPlace> locateRows(const Item &item, Value vector);
  void packQueries(const Item &item);
  void packQueryVector(const Item &item, Value vector, ArrayRef<RowPlace> rows);
  void countVisibleKeys(Value vector, ArrayRef<RowPlace> rows);
  void resetState(const Item &item);

  Value endOfVisibleKeys(const Item &item);
  void packTile(const Item &item, Value shard, Value tile, int64_t features, Value keyStart, Value keyCount);
  void fetchAhead(const Item &item, Value shard, Value key, int64_t keyCount, Value feature, int64_t featureCount);
  void addTileToPanels(const Item &item, Value keyStart, Value keyCount);
  void addTileToPanel(const Item &item, Panel panel);

  void writeResults(const Item &item);
  void writeOutputVector(const Item &item, Value vector, ArrayRef<RowPlace> rows, Value sum);
  void writeLse(const Item &item, Value vector, ArrayRef<RowPlace> rows, Value sum);

  /// What `state` holds for the vector of rows `i` after `vector`.
  Value loadForVector(Value state, Value vector, int64_t i) {
    return memref::LoadOp::create(emit, state, ValueRange{emit.add(vector, i)});
  }

  Emitter &emit;
  AttendOp op;
  AttendTiles tiles;
  int64_t keyFeatures, valueFeatures;
  Value queryLength, keyLength, keyHeads, group, groupRows;
  AttendScratch scratch;
  Value fewestVisible, mostVisible; ///< [V]: over the rows of a vector; only with a mask
  Value lseStaging;                 ///< [W]
};

} // namespace

AttendEmitter::AttendEmitter(Emitter &emit, AttendOp op, const AttendTiles &tiles, int64_t keyFeatures,
                             int64_t valueFeatures)
    : emit(emit), op(op), tiles(tiles), keyFeatures(keyFeatures), valueFeatures(valueFeatures) {
  queryLength = emit.dim(op.getQuery(), 2);
  keyLength = emit.dim(op.getKey(), 2);
  keyHeads = emit.dim(op.getKey(), 1);
  group = emit.div(emit.dim(op.getQuery(), 1), emit.max(keyHeads, emit.index(1)));
  groupRows = emit.mul(group, queryLength);
  allocateScratch();
}

void AttendEmitter::allocateScratch() {
  int64_t lanes = emit.lanes, wholeVectors = llvm::alignTo(valueFeatures, lanes);
  Type f32 = emit.getF32Type();
  scratch.queries = emit.scratch({tiles.vectors, keyFeatures, lanes}, f32);
  scratch.outputs = emit.scratch({tiles.vectors, wholeVectors, lanes}, f32);
  scratch.maximum = emit.scratch({tiles.vectors, lanes}, f32);
  scratch.sum = emit.scratch({tiles.vectors, lanes}, f32);
  scratch.keys = emit.scratch({tiles.keys, tiles.keyRowStride}, f32);
  scratch.values = emit.scratch({tiles.keys, tiles.valueRowStride}, f32);
  scratch.scores = emit.scratch({tiles.wide.width, tiles.keys, lanes}, f32);
  lseStaging = emit.scratch({lanes}, f32);
  if (op.isCausal()) {
    scratch.visible = emit.scratch({tiles.vectors, lanes}, emit.getI32Type());
    fewestVisible = emit.scratch({tiles.vectors}, emit.getIndexType());
    mostVisible = emit.scratch({tiles.vectors}, emit.getIndexType());
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The loop nest
//===--------------------------------------------------------------------------------------------------------------===//

void AttendEmitter::emitFor(WorkPart work) {
  Value heads = emit.mul(emit.dim(op.getQuery(), 0), keyHeads), groupVectors = emit.ceilDiv(groupRows, emit.lanes);
  Value chunkVectors = chooseChunk(heads, groupVectors, work.parts);
  Value chunks = emit.ceilDiv(groupVectors, chunkVectors);
  emit.loopOverPart(work.part, work.parts, emit.mul(heads, chunks), [&](Value number) {
    Value head = emit.div(number, chunks);
    Value firstVector = emit.mul(chunkInTurn(emit.rem(number, chunks), chunks), chunkVectors);
    Value vectors = emit.min(emit.sub(groupVectors, firstVector), chunkVectors);
    emitItem({emit.div(head, keyHeads), emit.rem(head, keyHeads), emit.mul(firstVector, emit.lanes), vectors});
  });
}

/// With a mask, late rows see more keys than early ones: first and last chunks take turns, so that every part gets
/// both.
Value AttendEmitter::chunkInTurn(Value turn, Value chunks) {
  if (!op.isCausal())
    return turn;
  Value pair = emit.div(turn, emit.index(2)), fromEnd = emit.sub(emit.sub(chunks, pair), emit.index(1));
  Value isFirst = emit.compare(arith::CmpIPredicate::eq, emit.rem(turn, emit.index(2)), emit.index(0));
  return emit.select(isFirst, pair, fromEnd);
}

/// The vectors of a chunk: as many as there is room for, or fewer if the parts then are done sooner. To pack K and V
/// takes about as long as to multiply them by one vector, and each chunk does. No bit of a row's result depends on the
/// rows beside it, but for a mask: a weight of 0 may turn -0 into 0. So with a mask the panels are the same in any
/// chunk.
Value AttendEmitter::chooseChunk(Value heads, Value groupVectors, Value parts) {
  constexpr int64_t packing = 1;
  int64_t smallest = op.isCausal() ? tiles.wide.width : 1;
  ValueList initial = {emit.index(tiles.vectors), emit.index(std::numeric_limits<int64_t>::max())};
  auto keepBetter = [&](Value vectors, ValueRange best) {
    Value items = emit.mul(heads, emit.ceilDiv(groupVectors, vectors));
    Value time = emit.mul(emit.ceilDiv(items, parts), emit.add(vectors, packing));
    Value better = emit.compare(arith::CmpIPredicate::sle, time, best[1]);
    return ValueList{emit.select(better, vectors, best[0]), emit.select(better, time, best[1])};
  };
  return emit.loop(emit.index(smallest), emit.index(tiles.vectors + 1), smallest, initial, keepBetter)[0];
}

void AttendEmitter::emitItem(const Item &item) {
  resetState(item);
  packQueries(item);
  Value end = op.isCausal() ? endOfVisibleKeys(item) : keyLength;
  emit.loop(emit.index(0), end, tiles.keys, [&](Value keyStart) {
    Value keyCount = emit.min(emit.sub(keyLength, keyStart), emit.index(tiles.keys));
    packTile(item, op.getKey(), scratch.keys, keyFeatures, keyStart, keyCount);
    packTile(item, op.getValue(), scratch.values, valueFeatures, keyStart, keyCount);
    addTileToPanels(item, keyStart, keyCount);
  });
  writeResults(item);
}

/// Panels of the wide register block, then of the narrow one.
void AttendEmitter::addTileToPanels(const Item &item, Value keyStart, Value keyCount) {
  int64_t width = tiles.wide.width;
  Value wideEnd = emit.mul(emit.div(item.vectors, emit.index(width)), width);
  emit.loop(emit.index(0), wideEnd, width,
            [&](Value first) { addTileToPanel(item, {tiles.wide, first, keyStart, keyCount, false}); });
  emit.loop(wideEnd, item.vectors, tiles.narrow.width,
            [&](Value first) { addTileToPanel(item, {tiles.narrow, first, keyStart, keyCount, false}); });
}

/// With a mask, a panel skips keys that none of its rows sees, and compares positions only where the diagonal passes.
void AttendEmitter::addTileToPanel(const Item &item, Panel panel) {
  // The next tile comes into the cache while this one is multiplied: all at once would be a burst that one waits for.
  Value nextTile = emit.add(panel.keyStart, tiles.keys);
  auto fetch = [&](Value key, int64_t keyCount, Value feature, int64_t featureCount) {
    for (Value shard : {op.getKey(), op.getValue()})
      fetchAhead(item, shard, emit.add(nextTile, key), keyCount, feature, featureCount);
  };
  AttendMicroKernels kernels(emit, scratch, keyFeatures, valueFeatures, op.getScale().convertToDouble(), fetch);
  if (!op.isCausal())
    return kernels.addTile(panel);
  Value most = loadForVector(mostVisible, panel.first, 0), fewest = loadForVector(fewestVisible, panel.first, 0);
  for (int64_t i = 1; i < panel.block.width; ++i) {
    most = emit.max(most, loadForVector(mostVisible, panel.first, i));
    fewest = emit.min(fewest, loadForVector(fewestVisible, panel.first, i));
  }
  using P = arith::CmpIPredicate;
  emit.ifThen(emit.compare(P::slt, panel.keyStart, most), [&] {
    Value keyEnd = emit.add(panel.keyStart, panel.keyCount);
    emit.ifThenElse(
        emit.compare(P::sle, keyEnd, fewest), [&] { kernels.addTile(panel); },
        [&] {
          panel.masked = true;
          panel.keyCount = emit.min(panel.keyCount, emit.sub(most, panel.keyStart));
          kernels.addTile(panel);
        });
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Queries
//===--------------------------------------------------------------------------------------------------------------===//

/// The places of a vector's rows, one for each lane. Lanes past the group's last row repeat it.
SmallVector<RowPlace> AttendEmitter::locateRows(const Item &item, Value vector) {
  SmallVector<RowPlace> places;
  Value first = emit.add(item.firstRow, emit.mul(vector, emit.lanes));
  Value last = emit.sub(groupRows, emit.index(1));
  Value firstHead = emit.mul(item.keyHead, group);
  for (int64_t lane = 0; lane < emit.lanes; ++lane) {
    Value row = emit.min(emit.add(first, lane), last);
    places.push_back({emit.add(firstHead, emit.div(row, queryLength)), emit.rem(row, queryLength)});
  }
  return places;
}

void AttendEmitter::packQueries(const Item &item) {
  emit.loop(emit.index(0), item.vectors, 1, [&](Value vector) {
    SmallVector<RowPlace> rows = locateRows(item, vector);
    packQueryVector(item, vector, rows);
    if (op.isCausal())
      countVisibleKeys(vector, rows);
  });
}

void AttendEmitter::packQueryVector(const Item &item, Value vector, ArrayRef<RowPlace> rows) {
  forEachVector(emit, keyFeatures, [&](Value feature, int64_t count) {
    ValueList byRow;
    for (const RowPlace &row : rows)
      byRow.push_back(loadElements(emit, op.getQuery(), {item.batch, row.head, row.position, feature}, count));
    ValueList byFeature = transpose(emit, byRow);
    for (int64_t i = 0; i < count; ++i)
      emit.store(byFeature[i], scratch.queries, {vector, emit.add(feature, i), emit.index(0)});
  });
}

/// Key j is visible to query i if key_start + j <= query_start + i + diagonal: the visible keys are the first ones.
void AttendEmitter::countVisibleKeys(Value vector, ArrayRef<RowPlace> rows) {
  Value none = emit.index(0), fewest = keyLength, most = none;
  Value beforeRow = emit.add(emit.sub(emit.add(op.getQueryStart(), op.getDiagonal()), op.getKeyStart()), 1);
  for (auto [lane, row] : llvm::enumerate(rows)) {
    Value count = emit.min(emit.max(emit.add(beforeRow, row.position), none), keyLength);
    fewest = emit.min(fewest, count);
    most = emit.max(most, count);
    Value narrow = arith::IndexCastOp::create(emit, emit.getI32Type(), count);
    memref::StoreOp::create(emit, narrow, scratch.visible, ValueRange{vector, emit.index(lane)});
  }
  memref::StoreOp::create(emit, fewest, fewestVisible, ValueRange{vector});
  memref::StoreOp::create(emit, most, mostVisible, ValueRange{vector});
}

Value AttendEmitter::endOfVisibleKeys(const Item &item) {
  auto larger = [&](Value vector, ValueRange most) {
    return ValueList{emit.max(most[0], loadForVector(mostVisible, vector, 0))};
  };
  return emit.loop(emit.index(0), item.vectors, 1, emit.index(0), larger)[0];
}

void AttendEmitter::resetState(const Item &item) {
  Value zero = emit.index(0);
  emit.loop(zero, item.vectors, 1, [&](Value vector) {
    emit.store(emit.splat(kMinusInfinity), scratch.maximum, {vector, zero});
    emit.store(emit.splat(0.0f), scratch.sum, {vector, zero});
    emit.loop(zero, emit.index(valueFeatures), 1,
              [&](Value feature) { emit.store(emit.splat(0.0f), scratch.outputs, {vector, feature, zero}); });
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Keys and values
//===--------------------------------------------------------------------------------------------------------------===//

/// Copies rows of K or V into a tile, and the last one again until a register block is full.
void AttendEmitter::packTile(const Item &item, Value shard, Value tile, int64_t features, Value keyStart,
                             Value keyCount) {
  Value last = emit.sub(keyLength, emit.index(1));
  Value filled = emit.roundUp(keyCount, std::max(tiles.wide.height, tiles.narrow.height));
  emit.loop(emit.index(0), filled, 1, [&](Value row) {
    Value key = emit.min(emit.add(keyStart, row), last);
    forEachVector(emit, features, [&](Value feature, int64_t count) {
      emit.store(loadElements(emit, shard, {item.batch, item.keyHead, key, feature}, count), tile, {row, feature});
    });
  });
}

/// Fetches `featureCount` features of `keyCount` keys of K or V, or of the last key, into the second-level cache.
void AttendEmitter::fetchAhead(const Item &item, Value shard, Value key, int64_t keyCount, Value feature,
                               int64_t featureCount) {
  constexpr int64_t lineBits = 64 * 8;
  int64_t lineElements = lineBits / cast<MemRefType>(shard.getType()).getElementTypeBitWidth();
  Value last = emit.sub(keyLength, emit.index(1));
  emit.loop(emit.index(0), emit.index(keyCount), 1, [&](Value row) {
    for (int64_t i = 0; i < featureCount; i += lineElements)
      memref::PrefetchOp::create(
          emit, shard, ValueRange{item.batch, item.keyHead, emit.min(emit.add(key, row), last), emit.add(feature, i)},
          /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Results
//===--------------------------------------------------------------------------------------------------------------===//

void AttendEmitter::writeResults(const Item &item) {
  emit.loop(emit.index(0), item.vectors, 1, [&](Value vector) {
    SmallVector<RowPlace> rows = locateRows(item, vector);
    Value sum = emit.load(scratch.sum, {vector, emit.index(0)});
    writeOutputVector(item, vector, rows, sum);
    writeLse(item, vector, rows, sum);
  });
}

/// Whether a row saw no key, or only scores of -inf. (A NaN makes the sum a NaN.)
static Value isEmpty(Emitter &emit, Value sum) {
  return arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, sum, emit.splat(0.0f));
}

void AttendEmitter::writeOutputVector(const Item &item, Value vector, ArrayRef<RowPlace> rows, Value sum) {
  Value inverse = arith::DivFOp::create(emit, emit.splat(1.0f), sum);
  Value empty = isEmpty(emit, sum);
  forEachVector(emit, valueFeatures, [&](Value feature, int64_t count) {
    ValueList byFeature;
    for (int64_t i = 0; i < emit.lanes; ++i) {
      Value output = emit.load(scratch.outputs, {vector, emit.add(feature, i), emit.index(0)});
      byFeature.push_back(emit.select(empty, emit.splat(0.0f), arith::MulFOp::create(emit, output, inverse)));
    }
    ValueList byRow = transpose(emit, byFeature);
    for (auto [values, row] : llvm::zip(byRow, rows))
      storeElements(emit, values, op.getOutput(), {item.batch, row.head, row.position, feature}, count);
  });
}

void AttendEmitter::writeLse(const Item &item, Value vector, ArrayRef<RowPlace> rows, Value sum) {
  Value maximum = emit.load(scratch.maximum, {vector, emit.index(0)});
  Value lse = arith::AddFOp::create(emit, maximum, emitLog(emit, sum));
  emit.store(emit.select(isEmpty(emit, sum), emit.splat(kMinusInfinity), lse), lseStaging, emit.index(0));
  for (auto [lane, row] : llvm::enumerate(rows)) {
    Value value = memref::LoadOp::create(emit, lseStaging, ValueRange{emit.index(lane)});
    memref::StoreOp::create(emit, value, op.getLse(), ValueRange{item.batch, row.head, row.position});
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Entry point
//===--------------------------------------------------------------------------------------------------------------===//

static FailureOr<int64_t> getFeatureSize(AttendOp op, StringRef name, Value shard) {
  constexpr int64_t largest = 256;
  int64_t size = cast<MemRefType>(shard.getType()).getDimSize(3);
  if (!ShapedType::isDynamic(size) && size >= 1 && size <= largest)
    return size;
  std::string actual = ShapedType::isDynamic(size) ? "?" : std::to_string(size);
  return op.emitOpError() << "has feature size " << actual << " in " << name << "; expected a static size within 1.."
                          << largest;
}

LogicalResult mlir::rondo::cpu::emitAttend(OpBuilder &builder, AttendOp op, WorkPart work, const CpuTarget &target) {
  FailureOr<int64_t> keyFeatures = getFeatureSize(op, "K", op.getKey());
  if (failed(keyFeatures))
    return failure();
  FailureOr<int64_t> valueFeatures = getFeatureSize(op, "V", op.getValue());
  if (failed(valueFeatures))
    return failure();
  Emitter emit(op.getLoc(), builder, target.lanes());
  AttendTiles tiles = chooseAttendTiles(target, *keyFeatures, *valueFeatures);
  AttendEmitter(emit, op, tiles, *keyFeatures, *valueFeatures).emitFor(work);
  return success();
}
