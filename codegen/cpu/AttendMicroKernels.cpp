//===- AttendMicroKernels.cpp - The inner loops of attention --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cpu/AttendMicroKernels.h"

#include "codegen/cpu/VectorMath.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo::cpu;

static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/// How many products a score sums in one chain.
static constexpr int64_t kFeatureChunk = 32;

void AttendMicroKernels::addTile(const Panel &panel) {
  computeScores(panel);
  ValueList decay = updateSoftmax(panel);
  accumulateOutputs(panel, decay);
}

/// One value for each vector of the panel.
ValueList AttendMicroKernels::loadForPanel(const Panel &panel, Value state) {
  ValueList vectors;
  for (int64_t i = 0; i < panel.block.width; ++i)
    vectors.push_back(emit.load(state, {vectorNumber(panel, i), emit.index(0)}));
  return vectors;
}

/// Which rows of vector i see key number `key` of the tile.
Value AttendMicroKernels::isVisible(const Panel &panel, Value key, int64_t i) {
  Value position = arith::IndexCastOp::create(emit, emit.getI32Type(), emit.add(panel.keyStart, key));
  Value visible = emit.load(scratch.visible, {vectorNumber(panel, i), emit.index(0)});
  return emit.compare(arith::CmpIPredicate::slt, emit.splat(position), visible);
}

/// An element of a packed tile in every lane.
static Value broadcastElement(Emitter &emit, Value matrix, Value row, Value column) {
  return emit.splat(memref::LoadOp::create(emit, matrix, ValueRange{row, column}));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Scores
//===--------------------------------------------------------------------------------------------------------------===//

/// scores[i][key][lane] = scale * sum over d of keys[key][d] * queries[i][d][lane]. The last block may reach past the
/// keys that the tile holds, into copies of the last one.
void AttendMicroKernels::computeScores(const Panel &panel) {
  Value zero = emit.index(0), features = emit.index(keyFeatures);
  emit.loop(zero, panel.keyCount, panel.block.height, [&](Value key) {
    for (int64_t k = 0; k < panel.block.height; ++k)
      for (int64_t i = 0; i < panel.block.width; ++i)
        emit.store(emit.splat(0.0f), scratch.scores, {emit.index(i), emit.add(key, k), zero});
    emit.loop(zero, features, kFeatureChunk, [&](Value begin) {
      addToScores(panel, key, begin, emit.min(emit.add(begin, kFeatureChunk), features));
      fetchAhead(key, panel.block.height, begin, kFeatureChunk);
    });
  });
}

/// Adds the features from `begin` to `end` to the scores of a register block. They are summed apart: a chain of
/// additions as long as the features would lose about twice the bits of a large score.
void AttendMicroKernels::addToScores(const Panel &panel, Value key, Value begin, Value end) {
  int64_t height = panel.block.height, width = panel.block.width;
  Value zero = emit.index(0), scaleVector = emit.splat(scale);
  auto addFeature = [&](Value feature, ValueRange sums) {
    ValueList rows, next;
    for (int64_t i = 0; i < width; ++i)
      rows.push_back(emit.load(scratch.queries, {vectorNumber(panel, i), feature, zero}));
    for (int64_t k = 0; k < height; ++k) {
      Value element = broadcastElement(emit, scratch.keys, emit.add(key, k), feature);
      for (int64_t i = 0; i < width; ++i)
        next.push_back(vector::FMAOp::create(emit, element, rows[i], sums[k * width + i]));
    }
    return next;
  };
  ValueList sums = emit.loop(begin, end, 1, ValueList(height * width, emit.splat(0.0f)), addFeature);
  for (int64_t k = 0; k < height; ++k)
    for (int64_t i = 0; i < width; ++i) {
      ValueList place = {emit.index(i), emit.add(key, k), zero};
      Value score = emit.load(scratch.scores, place);
      emit.store(vector::FMAOp::create(emit, sums[k * width + i], scaleVector, score), scratch.scores, place);
    }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Softmax
//===--------------------------------------------------------------------------------------------------------------===//

/// The score of a key for vector i; -inf for rows that do not see it.
Value AttendMicroKernels::loadScore(const Panel &panel, Value key, int64_t i) {
  Value score = emit.load(scratch.scores, {emit.index(i), key, emit.index(0)});
  if (!panel.masked)
    return score;
  return emit.select(isVisible(panel, key, i), score, emit.splat(kMinusInfinity));
}

/// Turns the tile's scores into weights relative to the new maximum, updates maximum and sum, and returns what the
/// former outputs have to be multiplied by.
ValueList AttendMicroKernels::updateSoftmax(const Panel &panel) {
  ValueList before = loadForPanel(panel, scratch.maximum), sums = loadForPanel(panel, scratch.sum);
  ValueList maxima = tileMaximum(panel);
  ValueList shifts, decays;
  for (int64_t i = 0; i < panel.block.width; ++i) {
    Value maximum = emit.maxIgnoringNaN(maxima[i], before[i]);
    // -inf - -inf would be NaN; any finite shift gives exp(-inf) = 0, as it should be.
    Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, maximum, emit.splat(kMinusInfinity));
    Value shift = emit.select(none, emit.splat(0.0f), maximum);
    decays.push_back(emitExp(emit, arith::SubFOp::create(emit, before[i], shift)));
    shifts.push_back(shift);
    emit.store(maximum, scratch.maximum, {vectorNumber(panel, i), emit.index(0)});
  }
  ValueList tileSums = weighTile(panel, shifts);
  for (int64_t i = 0; i < panel.block.width; ++i)
    emit.store(vector::FMAOp::create(emit, sums[i], decays[i], tileSums[i]), scratch.sum,
               {vectorNumber(panel, i), emit.index(0)});
  return decays;
}

/// The largest score of the tile in each row, NaNs apart: those show in the sum.
ValueList AttendMicroKernels::tileMaximum(const Panel &panel) {
  ValueList initial(panel.block.width, emit.splat(kMinusInfinity));
  return emit.loop(emit.index(0), panel.keyCount, 1, initial, [&](Value key, ValueRange maxima) {
    ValueList next;
    for (int64_t i = 0; i < panel.block.width; ++i)
      next.push_back(emit.maxIgnoringNaN(loadScore(panel, key, i), maxima[i]));
    return next;
  });
}

/// Replaces each score by exp(score - shift) and returns the sums over the tile.
ValueList AttendMicroKernels::weighTile(const Panel &panel, ValueRange shift) {
  ValueList initial(panel.block.width, emit.splat(0.0f));
  return emit.loop(emit.index(0), panel.keyCount, 1, initial, [&](Value key, ValueRange sums) {
    ValueList next;
    for (int64_t i = 0; i < panel.block.width; ++i) {
      Value weight = emitExp(emit, arith::SubFOp::create(emit, loadScore(panel, key, i), shift[i]));
      emit.store(weight, scratch.scores, {emit.index(i), key, emit.index(0)});
      next.push_back(arith::AddFOp::create(emit, sums[i], weight));
    }
    return next;
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Outputs
//===--------------------------------------------------------------------------------------------------------------===//

void AttendMicroKernels::accumulateOutputs(const Panel &panel, ValueRange decay) {
  int64_t height = panel.block.height, whole = valueFeatures / height * height;
  emit.loop(emit.index(0), emit.index(whole), height,
            [&](Value feature) { accumulateFeatures(panel, decay, feature, height); });
  if (whole < valueFeatures)
    accumulateFeatures(panel, decay, emit.index(whole), valueFeatures - whole);
}

/// outputs[i][f][lane] = decay * outputs[i][f][lane] + sum over the tile's keys of values[key][f] *
/// weight[i][key][lane], for `count` features f. The tile is summed apart: errors then grow with the tile and the
/// number of tiles, not with the number of keys.
void AttendMicroKernels::accumulateFeatures(const Panel &panel, ValueRange decay, Value feature, int64_t count) {
  int64_t width = panel.block.width;
  Value zero = emit.index(0);
  ValueList zeros(count * width, emit.splat(0.0f));
  auto addKey = [&](Value key, ValueRange sums) {
    ValueList weights, visible, next;
    for (int64_t i = 0; i < width; ++i) {
      weights.push_back(emit.load(scratch.scores, {emit.index(i), key, zero}));
      if (panel.masked)
        visible.push_back(isVisible(panel, key, i));
    }
    for (int64_t f = 0; f < count; ++f) {
      Value element = broadcastElement(emit, scratch.values, key, emit.add(feature, f));
      for (int64_t i = 0; i < width; ++i) {
        Value sum = sums[f * width + i];
        Value added = vector::FMAOp::create(emit, element, weights[i], sum);
        // A weight of 0 is not enough to hide a key: V may hold a NaN.
        next.push_back(panel.masked ? emit.select(visible[i], added, sum) : added);
      }
    }
    return next;
  };
  ValueList sums = emit.loop(zero, panel.keyCount, 1, zeros, addKey);
  for (int64_t f = 0; f < count; ++f)
    for (int64_t i = 0; i < width; ++i) {
      ValueList place = {vectorNumber(panel, i), emit.add(feature, f), zero};
      Value before = emit.load(scratch.outputs, place);
      emit.store(vector::FMAOp::create(emit, before, decay[i], sums[f * width + i]), scratch.outputs, place);
    }
}
