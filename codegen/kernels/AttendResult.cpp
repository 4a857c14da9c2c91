//===- AttendResult.cpp - How the attention kernel writes O and LSE -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// O goes from registers to global memory without a detour through shared memory, so that nothing waits for it, and the
// loads of the next tile do not either.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/AttendParts.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

//===--------------------------------------------------------------------------------------------------------------===//
// Rows
//===--------------------------------------------------------------------------------------------------------------===//

RowMap::RowMap(AttendContext &context, Value warpgroup) : context(context), warpgroup(warpgroup) {
  Emitter &emit = context.emit;
  Value warp = emit.bitAnd(emit.shiftRight(context.thread, llvm::Log2_64(kWarpThreads)), 3);
  Value quad = emit.shiftRight(emit.bitAnd(context.thread, kWarpThreads - 1), 2);
  rowInBox = emit.add(emit.shiftLeft(warp, 4), quad);
}

ThreadRows RowMap::getRows(const WorkTile &tile) const {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  Value box = emit.add(emit.mul(tile.rowTile, context.configuration.warpgroups), warpgroup);
  Value first = emit.mul(box, arguments.boxRows);
  ThreadRows rows;
  for (unsigned i = 0; i < 2; ++i) {
    Value inBox = emit.add(rowInBox, 8 * i);
    rows.row[i] = emit.add(first, inBox);
    rows.isValid[i] = emit.bitAnd(emit.less(rows.row[i], arguments.rows), emit.less(inBox, arguments.boxRows));
  }
  return rows;
}

/// Where a row lies, in elements from the beginning of a result.
static Value emitRowOffset(AttendContext &context, const ResultStrides &strides, const WorkTile &tile, Value row) {
  Emitter &emit = context.emit;
  Value outer = emit.div(row, context.arguments.rowInner);
  Value inner = emit.sub(row, emit.mul(outer, context.arguments.rowInner));
  auto along = [&](Value index, Value stride) { return emit.mul(emit.toI64(index), stride); };
  Value offset = emit.add(along(tile.batch, strides.batch), along(tile.head, strides.head));
  offset = emit.add(offset, emit.add(along(outer, strides.outer), along(inner, strides.inner)));
  return tile.split ? emit.add(offset, along(tile.split, strides.split)) : offset;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Features of one row
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Stores one row of a quad. Its columns come in chunks of 8: lane t of the quad holds columns 2t and 2t+1 of each.
class RowWriter {
public:
  explicit RowWriter(AttendContext &context)
      : emit(context.emit), format(context.configuration.output), features(context.configuration.valueFeatures),
        laneInQuad(emit.bitAnd(context.thread, 3)) {}

  /// `columns` are the elements of this thread; `pointer` is where the row begins.
  void store(ArrayRef<Value> columns, Value pointer, Value isValid);

private:
  void storeElements(ArrayRef<Value> columns, Value pointer, Value isValid);
  void storePairs(ArrayRef<Value> columns, int64_t firstChunk, Value pointer, Value isValid);
  void storeTransposed(ArrayRef<Value> columns, int64_t group, Value pointer, Value isValid);
  Value advance(Value pointer, int64_t bytesPerLane) {
    return emit.offset(pointer, emit.getI8Type(), emit.zeroExtend(emit.mul(laneInQuad, bytesPerLane)));
  }
  Value pack(Value low, Value high) { return emit.pack(getType(emit, format), low, high); }

  Emitter &emit;
  ElementFormat format;
  int64_t features;
  Value laneInQuad;
};
} // namespace

static constexpr int64_t kChunkColumns = 8;
static constexpr int64_t kGroupChunks = 4; // as many as a quad has lanes

void RowWriter::store(ArrayRef<Value> columns, Value pointer, Value isValid) {
  if (features % kChunkColumns != 0)
    return storeElements(columns, pointer, isValid);
  int64_t chunks = columns.size() / 2, groups = format == ElementFormat::F32 ? 0 : chunks / kGroupChunks;
  Value groupPointer = groups ? advance(pointer, kChunkColumns * getBytes(format)) : Value();
  for (int64_t group = 0; group < groups; ++group)
    storeTransposed(columns.slice(group * 2 * kGroupChunks, 2 * kGroupChunks), group, groupPointer, isValid);
  storePairs(columns.drop_front(groups * 2 * kGroupChunks), groups * kGroupChunks, pointer, isValid);
}

/// One column at once, for rows that are not aligned; columns past the end are not stored.
void RowWriter::storeElements(ArrayRef<Value> columns, Value pointer, Value isValid) {
  pointer = advance(pointer, 2 * getBytes(format));
  Value firstColumn = emit.shiftLeft(laneInQuad, 1);
  for (auto [i, value] : llvm::enumerate(columns)) {
    int64_t column = i / 2 * kChunkColumns + i % 2, byteOffset = column * getBytes(format);
    Value exists = emit.bitAnd(isValid, emit.less(emit.add(firstColumn, column), features));
    if (format == ElementFormat::F32)
      emit.storeIf(exists, pointer, byteOffset, value);
    else
      emit.store16If(exists, pointer, byteOffset, emit.round(getType(emit, format), value));
  }
}

/// Two columns at once; a quad stores one chunk, contiguously.
void RowWriter::storePairs(ArrayRef<Value> columns, int64_t firstChunk, Value pointer, Value isValid) {
  if (columns.empty())
    return;
  pointer = advance(pointer, 2 * getBytes(format));
  for (size_t i = 0; i < columns.size(); i += 2) {
    int64_t byteOffset = (firstChunk + i / 2) * kChunkColumns * getBytes(format);
    ValueList registers = {columns[i], columns[i + 1]};
    if (format != ElementFormat::F32)
      registers = {pack(columns[i], columns[i + 1])};
    emit.storeIf(isValid, pointer, byteOffset, registers);
  }
}

/// Four chunks at once: transposed in the quad, so that lane t has the whole of chunk t and stores 16 bytes of it.
void RowWriter::storeTransposed(ArrayRef<Value> columns, int64_t group, Value pointer, Value isValid) {
  ValueList words; // [chunk]
  for (int64_t chunk = 0; chunk < kGroupChunks; ++chunk)
    words.push_back(pack(columns[2 * chunk], columns[2 * chunk + 1]));
  for (int64_t distance : {1, 2}) {
    Value upper = emit.differs(emit.bitAnd(laneInQuad, distance), emit.i32(0));
    for (int64_t i = 0; i < kGroupChunks; ++i) {
      if (i & distance)
        continue;
      Value &low = words[i], &high = words[i + distance];
      Value received = emitShuffleXor(emit, emit.select(upper, low, high), distance);
      low = emit.select(upper, received, low);
      high = emit.select(upper, high, received);
    }
  }
  emit.storeIf(isValid, pointer, group * kGroupChunks * kChunkColumns * getBytes(format), words);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Results
//===--------------------------------------------------------------------------------------------------------------===//

void cuda::emitResult(AttendContext &context, const WorkTile &tile, const ThreadRows &rows, const Fragment &output,
                      const SoftmaxState &state) {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  OnlineSoftmax softmax(emit, arguments.scaleLog2);
  RowPair lse = softmax.getLse(state), inverse = softmax.getInverse(state);
  Value firstLane = emit.equal(emit.bitAnd(context.thread, 3), 0);
  RowWriter writer(context);
  Type element = getType(emit, context.configuration.output);
  for (unsigned row = 0; row < 2; ++row) {
    Value lsePointer = emit.offset(arguments.lse, emit.getF32Type(),
                                   emitRowOffset(context, arguments.lseStrides, tile, rows.row[row]));
    emit.storeIf(emit.bitAnd(firstLane, rows.isValid[row]), lsePointer, 0, lse[row]);
    ValueList columns;
    for (auto [i, value] : llvm::enumerate(output.registers()))
      if (Fragment::rowOf(i) == row)
        columns.push_back(emit.fmul(value, inverse[row]));
    Value pointer =
        emit.offset(arguments.output, element, emitRowOffset(context, arguments.outputStrides, tile, rows.row[row]));
    writer.store(columns, pointer, rows.isValid[row]);
  }
}

/// Each warp takes one row after the other, each lane every 32nd feature.
void cuda::emitEmptyResult(AttendContext &context, const WorkTile &tile) {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  const AttendConfiguration &configuration = context.configuration;
  Value lane = emit.bitAnd(context.thread, kWarpThreads - 1);
  Value warp = emit.shiftRight(context.thread, llvm::Log2_64(kWarpThreads));
  Value tileRows = emit.mul(arguments.boxRows, configuration.warpgroups);
  Value firstRow = emit.mul(tile.rowTile, tileRows);
  Value end = emit.min(emit.sub(arguments.rows, firstRow), tileRows);
  int64_t warps = (configuration.warpgroups + 1) * kWarpgroupThreads / kWarpThreads;
  int64_t elementBytes = getBytes(configuration.output);
  Type element = getType(emit, configuration.output);
  auto clearRow = [&](Value i, ValueRange) {
    Value row = emit.add(firstRow, i);
    Value lse = emit.offset(arguments.lse, emit.getF32Type(), emitRowOffset(context, arguments.lseStrides, tile, row));
    emit.storeIf(emit.equal(lane, 0), lse, 0, emit.f32(-std::numeric_limits<float>::infinity()));
    Value begin = emit.offset(arguments.output, element, emitRowOffset(context, arguments.outputStrides, tile, row));
    Value own = emit.offset(begin, element, emit.zeroExtend(lane));
    for (int64_t first = 0; first < configuration.valueFeatures; first += kWarpThreads) {
      Value exists = emit.less(lane, configuration.valueFeatures - first);
      if (configuration.output == ElementFormat::F32)
        emit.storeIf(exists, own, first * elementBytes, emit.f32(0.0f));
      else
        emit.store16If(exists, own, first * elementBytes, emit.integer(emit.getIntegerType(16), 0));
    }
    return ValueList();
  };
  emit.loop(warp, end, {}, clearRow, /*step=*/warps);
}
