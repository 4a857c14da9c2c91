//===- RowWriter.h - How a quad of lanes stores a row of O ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_ROWWRITER_H
#define RONDO_CODEGEN_KERNELS_ROWWRITER_H

#include "codegen/kernels/AttendParts.h"
#include "codegen/kernels/RowScale.h"

namespace mlir::rondo::cuda {

/// Stores one row of a quad. Its columns come in chunks of 8: lane t of the quad holds columns 2t and 2t+1 of each.
class RowWriter {
public:
  explicit RowWriter(AttendContext &context)
      : emit(context.emit), format(context.configuration.output), features(context.configuration.valueFeatures),
        laneInQuad(emit.bitAnd(context.thread, 3)) {}

  /// `columns` are the elements of this thread; `pointer` is where the row begins. If rows are scaled, `scale` is that
  /// of this row, and the elements have been multiplied by its factor.
  void store(ArrayRef<Value> columns, Value pointer, Value isValid, const RowScale *scale = nullptr);

private:
  void storeElements(ArrayRef<Value> columns, Value pointer, Value isValid);
  void storePairs(ArrayRef<Value> columns, int64_t firstChunk, Value pointer, Value isValid);
  void storeTransposed(ArrayRef<Value> columns, int64_t group, Value pointer, Value isValid);
  Value advance(Value pointer, int64_t bytesPerLane) {
    return emit.offset(pointer, emit.getI8Type(), emit.zeroExtend(emit.mul(laneInQuad, bytesPerLane)));
  }
  Value pack(Value low, Value high) {
    return scale ? emitScaledPair(emit, *scale, low, high) : emit.pack(getType(emit, format), low, high);
  }
  Value round(Value element) {
    return scale ? emitScaledElement(emit, *scale, element) : emit.round(getType(emit, format), element);
  }

  Emitter &emit;
  ElementFormat format;
  int64_t features;
  Value laneInQuad;
  const RowScale *scale = nullptr;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ROWWRITER_H
