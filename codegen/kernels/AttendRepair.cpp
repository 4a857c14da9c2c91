//===- AttendRepair.cpp - Rows into which values of masked keys have leaked -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A masked key has weight 0. If its value is NaN or infinite, the product of weights and values is NaN all the same,
// and nothing in it tells. So rows that are not finite are looked at again once they are stored: if their weights are
// numbers, and a value that they do not see is not finite, they are computed again, each by one warp, key by key, from
// the keys that they see. A value that a row does see, and that is not finite, comes out as it should.
//
// The main loop has no part in this. A tile whose results are finite pays one multiplication for each of them.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/AttendParts.h"
#include "codegen/kernels/PlainTensor.h"
#include "codegen/kernels/RowScale.h"

#include <limits>
#include <optional>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

namespace {

/// One row of a tile. Each lane of the warp has every 32nd feature.
class RowRepair {
public:
  RowRepair(AttendContext &context, const WorkTile &tile, Value row)
      : context(context), configuration(context.configuration), emit(context.emit), arguments(context.arguments),
        tile(tile), row(row), lane(emit.bitAnd(context.thread, kWarpThreads - 1)) {}

  void repair();

private:
  Value mayBeWrong();
  Value isAnyHiddenValueNotFinite(Value begin, Value end);
  void recompute(Value begin, Value end);

  /// A probe begins as 0, and stays 0 while all values are finite.
  Value addToProbe(Value probe, ArrayRef<Value> values) {
    for (Value value : values)
      probe = emit.fma(value, emit.f32(0.0f), probe);
    return probe;
  }
  /// In any lane.
  Value isNotFinite(Value probe) { return emitAny(emit, emit.fdiffers(probe, emit.f32(0.0f))); }
  void store(ArrayRef<Value> features, Value inverse);

  ValueList loadFeatures(Value tensor, Value offset, int64_t count);
  Value loadOfRow(Value array);
  ValueList loadResult();
  ValueList loadQuery();
  ValueList loadKeyOrValue(Value tensor, Value key, int64_t count);
  Value hasFeature(int64_t first, int64_t count) { return emit.less(lane, count - first); }
  Value reduceWarp(Value value, function_ref<Value(Value, Value)> combine) {
    for (int64_t distance = kWarpThreads / 2; distance > 0; distance /= 2)
      value = combine(value, emitShuffleXor(emit, value, distance));
    return value;
  }

  AttendContext &context;
  const AttendConfiguration &configuration;
  Emitter &emit;
  const AttendArguments &arguments;
  const WorkTile &tile;
  Value row, lane;
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

/// Of features lane, lane + 32, ...; those past the end are 0.
ValueList RowRepair::loadFeatures(Value tensor, Value offset, int64_t count) {
  Value begin = PlainTensor(emit, tensor).getPointer(arguments.output.getType(), offset);
  Value own = emit.offset(begin, emit.getI16Type(), emit.zeroExtend(lane));
  ValueList features;
  for (int64_t first = 0; first < count; first += kWarpThreads) {
    Value bits = emit.load16If(hasFeature(first, count), emit.offset(own, emit.getI16Type(), emit.i64(first)));
    features.push_back(emit.widen(emit.fromBits(getType(emit, configuration.input), bits)));
  }
  return features;
}

ValueList RowRepair::loadQuery() {
  PlainTensor tensor(emit, arguments.plainQueries);
  Value outer = emit.div(row, arguments.rowInner), inner = emit.sub(row, emit.mul(outer, arguments.rowInner));
  Value place = emit.add(tensor.along(3, tile.head), tensor.along(4, tile.batch));
  place = emit.add(place, emit.add(tensor.along(1, inner), tensor.along(2, outer)));
  return loadFeatures(arguments.plainQueries, place, configuration.features);
}

ValueList RowRepair::loadKeyOrValue(Value parameter, Value key, int64_t count) {
  PlainTensor tensor(emit, parameter);
  Value place = emit.add(tensor.along(2, tile.head), tensor.along(3, tile.batch));
  return loadFeatures(parameter, emit.add(place, tensor.along(1, key)), count);
}

/// From LSEs or scales.
Value RowRepair::loadOfRow(Value array) {
  Type f32 = emit.getF32Type();
  Value offset = emitRowOffset(context, arguments.lseStrides, tile, row);
  return emit.load(f32, emit.offset(array, f32, offset), 4);
}

/// What has been stored, up to the row's scale; features past the end are those of lane 0.
ValueList RowRepair::loadResult() {
  ElementFormat format = configuration.output;
  Type element = getType(emit, format);
  Value begin = emit.offset(arguments.output, element, emitRowOffset(context, arguments.outputStrides, tile, row));
  Value scale = configuration.scaledRows ? loadOfRow(arguments.scales) : Value();
  ValueList features;
  for (int64_t first = 0; first < configuration.valueFeatures; first += kWarpThreads) {
    Value index = emit.select(hasFeature(first, configuration.valueFeatures), emit.add(lane, first), emit.i32(first));
    Value feature = emit.load(element, emit.offset(begin, element, emit.zeroExtend(index)), getBytes(format));
    features.push_back(scale ? emitStoredElement(emit, scale, emit.toBits(feature)) : emit.widen(feature));
  }
  return features;
}

void RowRepair::store(ArrayRef<Value> features, Value inverse) {
  Type element = getType(emit, configuration.output), f32 = emit.getF32Type();
  Value factor = inverse;
  std::optional<RowScale> scale;
  if (configuration.scaledRows) {
    scale = emitRowScale(emit, features, inverse, [&](Value value, function_ref<Value(Value, Value)> combine) {
      return reduceWarp(value, combine);
    });
    factor = scale->factor;
    Value pointer = emit.offset(arguments.scales, f32, emitRowOffset(context, arguments.lseStrides, tile, row));
    emit.storeIf(emit.equal(lane, 0), pointer, 0, scale->stored);
  }
  Value begin = emit.offset(arguments.output, element, emitRowOffset(context, arguments.outputStrides, tile, row));
  Value own = emit.offset(begin, element, emit.zeroExtend(lane));
  for (auto [i, feature] : llvm::enumerate(features)) {
    int64_t first = i * kWarpThreads, byteOffset = first * getBytes(configuration.output);
    Value exists = hasFeature(first, configuration.valueFeatures), value = emit.fmul(feature, factor);
    if (configuration.output == ElementFormat::F32)
      emit.storeIf(exists, own, byteOffset, value);
    else
      emit.store16If(exists, own, byteOffset,
                     scale ? emitScaledElement(emit, *scale, value) : emit.round(element, value));
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The row
//===--------------------------------------------------------------------------------------------------------------===//

void RowRepair::repair() {
  Value begin = tile.firstBlock ? emit.mul(tile.firstBlock, configuration.blockKeys) : emit.i32(0);
  Value end = emit.min(emit.add(begin, emit.mul(tile.blocks, configuration.blockKeys)), arguments.keyCount);
  Value visibleEnd = emit.add(emit.add(emitPosition(context, row), arguments.diagonal), 1);
  visibleEnd = emit.max(emit.min(visibleEnd, end), begin);
  emit.ifThen(mayBeWrong(),
              [&] { emit.ifThen(isAnyHiddenValueNotFinite(visibleEnd, end), [&] { recompute(begin, visibleEnd); }); });
}

/// A row whose weights are NaN is right.
Value RowRepair::mayBeWrong() {
  Value lse = loadOfRow(arguments.lse);
  return emit.bitAnd(isNotFinite(addToProbe(emit.f32(0.0f), loadResult())), emit.fequal(lse, lse));
}

Value RowRepair::isAnyHiddenValueNotFinite(Value begin, Value end) {
  Value zero = emit.f32(0.0f);
  Value probe = emit.loop(begin, end, zero, [&](Value key, ValueRange carried) -> ValueList {
    return {addToProbe(carried.front(), loadKeyOrValue(arguments.plainValues, key, configuration.valueFeatures))};
  })[0];
  return isNotFinite(probe);
}

/// LSE is right: what is not finite in V has no part in it.
void RowRepair::recompute(Value begin, Value end) {
  constexpr float log2e = 1.4426950408889634f;
  auto add = [&](Value a, Value b) { return emit.fadd(a, b); };
  Value zero = emit.f32(0.0f), minusInfinity = emit.f32(-std::numeric_limits<float>::infinity());
  Value lse = loadOfRow(arguments.lse), shift = emit.fmul(lse, emit.f32(-log2e));
  end = emit.select(emit.fequal(lse, minusInfinity), begin, end); // no weights
  ValueList query = loadQuery();
  ValueList carried(1 + llvm::divideCeil(configuration.valueFeatures, kWarpThreads), zero); // sum of weights, O
  carried = emit.loop(begin, end, carried, [&](Value key, ValueRange before) {
    Value score = zero;
    for (auto [q, k] : llvm::zip_equal(query, loadKeyOrValue(arguments.plainKeys, key, configuration.features)))
      score = emit.fma(q, k, score);
    score = reduceWarp(score, add);
    Value weight =
        emit.exp2(emit.fma(configuration.negateScores ? emit.fneg(score) : score, arguments.scaleLog2, shift));
    ValueList after = {emit.fadd(before.front(), weight)};
    ValueList values = loadKeyOrValue(arguments.plainValues, key, configuration.valueFeatures);
    for (auto [value, sum] : llvm::zip_equal(values, before.drop_front()))
      after.push_back(emit.fma(weight, value, sum));
    return after;
  });
  Value inverse = emit.select(emit.fequal(carried[0], zero), zero, emit.reciprocal(carried[0]));
  store(ArrayRef<Value>(carried).drop_front(), inverse);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Tiles
//===--------------------------------------------------------------------------------------------------------------===//

static void emitTileRepair(AttendContext &context, const WorkTile &tile, const RowMap &rowMap) {
  Emitter &emit = context.emit;
  constexpr int64_t warpRows = 16;
  emit.loop(emit.i32(0), emit.i32(warpRows), {}, [&](Value i, ValueRange) {
    auto [row, isValid] = rowMap.getWarpRow(tile, i);
    emit.ifThen(isValid, [&, row = row] { RowRepair(context, tile, row).repair(); });
    return ValueList();
  });
}

void cuda::emitRepair(AttendContext &context, const WorkTile &tile, const RowMap &rowMap, Value isSuspect) {
  Emitter &emit = context.emit;
  emit.ifThen(emitAny(emit, isSuspect), [&] {
    emitWarpBarrier(emit); // rows have been stored by several lanes
    emitTileRepair(context, tile, rowMap);
  });
}

DeferredRepair::DeferredRepair(AttendContext &context) : context(context) {
  emitSmemStoreIf(context.emit, getWord(), context.emit.boolean(true), context.emit.i32(0));
  emitWarpBarrier(context.emit); // before another lane's note
}

/// The thread's number is read in PTX, so that no register holds the address while there is nothing to note.
Value DeferredRepair::getWord() {
  Emitter &emit = context.emit;
  Value thread = emit.inlinePtx("mov.u32 $0, %tid.x;", "=r", {}, emit.getI32Type())[0];
  Value bytes = emit.mul(emit.shiftRight(thread, llvm::Log2_64(kWarpThreads)), sizeof(uint32_t));
  return emitSmemOffset(emit, emitSmemOffset(emit, context.smem, context.storage.warpWords), bytes);
}

void DeferredRepair::noteIf(Value isSuspect) {
  emitSmemStoreIf(context.emit, getWord(), isSuspect, context.emit.i32(1));
}

void DeferredRepair::emitRepairs(const RowMap &rowMap) {
  Emitter &emit = context.emit;
  emitWarpBarrier(emit); // notes and rows of other lanes
  Value noted = emitBroadcast(emit, emitSmemLoad(emit, getWord()));
  emit.ifThen(emit.differs(noted, emit.i32(0)), [&] {
    TileTable table(context, /*broadcast=*/true);
    emit.loop(emit.i32(0), table.count, {}, [&](Value i, ValueRange) {
      emitTileRepair(context, table.decode(table.settle(table.load(i)), i), rowMap);
      return ValueList();
    });
  });
}
