//===- AttendRepair.cpp - Rows into which values of masked keys have leaked -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A masked key has weight 0. If its value is NaN or infinite, the product of weights and values is NaN all the same,
// and nothing in it tells. So results that are not finite are looked at once they are stored: if a value that this row
// does not see is not finite, the row is computed again, by one warp, key by key, from the keys that it sees. A value
// that it does see, and that is not finite, comes out as it should.
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
  Value isAnyHiddenValueNotFinite(Value begin, Value end);
  void recompute(Value begin, Value end);
  void store(ArrayRef<Value> features, Value inverse);

  ValueList loadFeatures(Value tensor, Value offset, int64_t count);
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
  emit.ifThen(isAnyHiddenValueNotFinite(visibleEnd, end), [&] { recompute(begin, visibleEnd); });
}

Value RowRepair::isAnyHiddenValueNotFinite(Value begin, Value end) {
  Value zero = emit.f32(0.0f);
  Value probe = emit.loop(begin, end, zero, [&](Value key, ValueRange carried) -> ValueList {
    Value probe = carried.front();
    for (Value value : loadKeyOrValue(arguments.plainValues, key, configuration.valueFeatures))
      probe = emit.fma(value, zero, probe);
    return {probe};
  })[0];
  return emit.differs(emitBallot(emit, emit.fdiffers(probe, zero)), emit.i32(0));
}

/// LSE is right: what is not finite in V has no part in it.
void RowRepair::recompute(Value begin, Value end) {
  constexpr float log2e = 1.4426950408889634f;
  auto add = [&](Value a, Value b) { return emit.fadd(a, b); };
  Value zero = emit.f32(0.0f), minusInfinity = emit.f32(-std::numeric_limits<float>::infinity());
  Value lsePointer =
      emit.offset(arguments.lse, emit.getF32Type(), emitRowOffset(context, arguments.lseStrides, tile, row));
  Value lse = emit.load(emit.getF32Type(), lsePointer, 4), shift = emit.fmul(lse, emit.f32(-log2e));
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

void cuda::emitRepair(AttendContext &context, const WorkTile &tile, const RowMap &rowMap, Value suspects) {
  Emitter &emit = context.emit;
  constexpr int64_t warpRows = 16, quadLanes = 4;
  emit.ifThen(emit.differs(suspects, emit.i32(0)), [&] {
    emitWarpBarrier(emit); // the row has been stored by other lanes
    emit.loop(emit.i32(0), emit.i32(warpRows), {}, [&](Value i, ValueRange) {
      Value firstLane =
          emit.mul(emit.bitAnd(i, warpRows / 2 - 1), quadLanes); // of the quad that holds rows i and i + 8
      Value quad = emit.bitAnd(emit.shiftRight(suspects, firstLane), (1 << quadLanes) - 1);
      std::pair<Value, Value> row = rowMap.getWarpRow(tile, i);
      emit.ifThen(emit.bitAnd(row.second, emit.differs(quad, emit.i32(0))),
                  [&] { RowRepair(context, tile, row.first).repair(); });
      return ValueList();
    });
  });
}
