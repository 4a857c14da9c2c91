//===- RowWriter.cpp - How a quad of lanes stores a row of O --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/RowWriter.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kChunkColumns = 8;
static constexpr int64_t kGroupChunks = 4; // as many as a quad has lanes

void RowWriter::store(ArrayRef<Value> columns, Value pointer, Value isValid, const RowScale *scale) {
  this->scale = scale;
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
      emit.store16If(exists, pointer, byteOffset, round(value));
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
