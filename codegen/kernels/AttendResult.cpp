//===- AttendResult.cpp - How the attention kernel writes O and LSE -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// O goes from registers to global memory without a detour through shared memory, so that nothing waits for it, and the
// loads of the next tile do not either.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/RowWriter.h"

#include <limits>
#include <optional>
#include <tuple>

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
  warpInBox = emit.shiftLeft(warp, 4);
  rowInBox = emit.add(warpInBox, quad);
}

Value RowMap::getBoxRow(const WorkTile &tile) const {
  Emitter &emit = context.emit;
  Value box = emit.add(emit.mul(tile.rowTile, context.configuration.warpgroups), warpgroup);
  return emit.mul(box, context.arguments.boxRows);
}

std::pair<Value, Value> RowMap::getRow(const WorkTile &tile, Value inBox) const {
  Emitter &emit = context.emit;
  Value row = emit.add(getBoxRow(tile), inBox);
  return {row, emit.bitAnd(emit.less(row, context.arguments.rows), emit.less(inBox, context.arguments.boxRows))};
}

ThreadRows RowMap::getRows(const WorkTile &tile) const {
  ThreadRows rows;
  for (unsigned i = 0; i < 2; ++i)
    std::tie(rows.row[i], rows.isValid[i]) = getRow(tile, context.emit.add(rowInBox, 8 * i));
  return rows;
}

std::pair<Value, Value> RowMap::getWarpRow(const WorkTile &tile, Value i) const {
  return getRow(tile, context.emit.add(warpInBox, i));
}

Value cuda::emitRowOffset(AttendContext &context, const ResultStrides &strides, const WorkTile &tile, Value row) {
  Emitter &emit = context.emit;
  Value outer = emit.div(row, context.arguments.rowInner);
  Value inner = emit.sub(row, emit.mul(outer, context.arguments.rowInner));
  auto along = [&](Value index, Value stride) { return emit.mul(emit.toI64(index), stride); };
  Value offset = emit.add(along(tile.batch, strides.batch), along(tile.head, strides.head));
  offset = emit.add(offset, emit.add(along(outer, strides.outer), along(inner, strides.inner)));
  return tile.split ? emit.add(offset, along(tile.split, strides.split)) : offset;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Results
//===--------------------------------------------------------------------------------------------------------------===//

/// Whether an element of this lane is not finite: a key that is masked has weight 0, but 0 times a value that is not
/// finite is NaN.
static Value emitIsSuspect(Emitter &emit, const Fragment &output) {
  Value zero = emit.f32(0.0f);
  RowPair probes = {zero, zero}; // stay 0 if all elements are finite
  for (auto [i, value] : llvm::enumerate(output.registers()))
    probes[Fragment::rowOf(i)] = emit.fma(value, zero, probes[Fragment::rowOf(i)]);
  return emit.fdiffers(emit.fadd(probes[0], probes[1]), zero);
}

Value cuda::emitResult(AttendContext &context, const WorkTile &tile, const ThreadRows &rows, const Fragment &output,
                       const SoftmaxState &state) {
  Emitter &emit = context.emit;
  const AttendArguments &arguments = context.arguments;
  Value isSuspect = context.configuration.causal ? emitIsSuspect(emit, output) : Value();
  OnlineSoftmax softmax(emit, arguments.scaleLog2, /*polynomials=*/0, /*lazy=*/false);
  RowPair lse = softmax.getLse(state), inverse = softmax.getInverse(state);
  Value firstLane = emit.equal(emit.bitAnd(context.thread, 3), 0);
  RowWriter writer(context);
  Type element = getType(emit, context.configuration.output), f32 = emit.getF32Type();
  for (unsigned row = 0; row < 2; ++row) {
    Value storesLse = emit.bitAnd(firstLane, rows.isValid[row]);
    Value lseOffset = emitRowOffset(context, arguments.lseStrides, tile, rows.row[row]);
    emit.storeIf(storesLse, emit.offset(arguments.lse, f32, lseOffset), 0, lse[row]);
    ValueList columns;
    for (auto [i, value] : llvm::enumerate(output.registers()))
      if (Fragment::rowOf(i) == row)
        columns.push_back(value);
    Value factor = inverse[row];
    std::optional<RowScale> scale;
    if (context.configuration.scaledRows) {
      scale = emitRowScale(emit, columns, factor, [&](Value value, function_ref<Value(Value, Value)> combine) {
        return reduceQuad(emit, value, combine);
      });
      factor = scale->factor;
      emit.storeIf(storesLse, emit.offset(arguments.scales, f32, lseOffset), 0, scale->stored);
    }
    for (Value &value : columns)
      value = emit.fmul(value, factor);
    Value pointer =
        emit.offset(arguments.output, element, emitRowOffset(context, arguments.outputStrides, tile, rows.row[row]));
    writer.store(columns, pointer, rows.isValid[row], scale ? &*scale : nullptr);
  }
  return isSuspect;
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
