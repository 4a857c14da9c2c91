//===- AttendMicroKernels.h - The inner loops of attention ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Query rows are the lanes of vectors. So the scores, their maxima and sums, and the outputs of a row all sit in its
// lane: no reduction across lanes anywhere, and K and V are read element by element, as broadcasts, just as they lie.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_ATTENDMICROKERNELS_H
#define RONDO_CODEGEN_CPU_ATTENDMICROKERNELS_H

#include "codegen/cpu/Emitter.h"
#include "codegen/cpu/Tiles.h"

namespace mlir::rondo::cpu {

/// The memory of one kernel. V stands for the vectors of rows, W for the lanes.
struct AttendScratch {
  Value queries; ///< [V][D][W]: Q, rows as lanes
  Value outputs; ///< [V][D_v][W]: sums of weights times V, rows as lanes
  Value maximum; ///< [V][W]: largest score so far
  Value sum;     ///< [V][W]: sum of exp(score - maximum)
  Value visible; ///< [V][W] i32: how many keys the row sees, from the first; null without a mask
  Value keys;    ///< [tile][D]: a tile of K as float32
  Value values;  ///< [tile][D_v]: a tile of V as float32
  Value scores;  ///< [vector of the panel][tile][W]: scores, then their weights
};

/// The rows of `block.width` vectors, from vector number `first`, and a tile of keys.
struct Panel {
  RegisterBlock block;
  Value first;    ///< the panel's first vector
  Value keyStart; ///< the tile's first key, and how many it holds
  Value keyCount;
  bool masked; ///< whether some row does not see some key of the tile
};

/// Asks for what comes after some keys of the tile, for some features: `count` of each.
using FetchAhead = llvm::function_ref<void(Value key, int64_t keyCount, Value feature, int64_t featureCount)>;

class AttendMicroKernels {
public:
  AttendMicroKernels(Emitter &emit, const AttendScratch &scratch, int64_t keyFeatures, int64_t valueFeatures,
                     float scale, FetchAhead fetchAhead)
      : emit(emit), scratch(scratch), keyFeatures(keyFeatures), valueFeatures(valueFeatures), scale(scale),
        fetchAhead(fetchAhead) {}

  /// Adds a tile of keys to the running softmax of a panel of rows.
  void addTile(const Panel &panel);

private:
  void computeScores(const Panel &panel);
  void addToScores(const Panel &panel, Value key, Value begin, Value end);
  ValueList updateSoftmax(const Panel &panel);
  ValueList tileMaximum(const Panel &panel);
  ValueList weighTile(const Panel &panel, ValueRange shift);
  void accumulateOutputs(const Panel &panel, ValueRange decay);
  void accumulateFeatures(const Panel &panel, ValueRange decay, Value feature, int64_t count);

  Value vectorNumber(const Panel &panel, int64_t i) { return emit.add(panel.first, i); }
  ValueList loadForPanel(const Panel &panel, Value state);
  Value isVisible(const Panel &panel, Value key, int64_t i);
  Value loadScore(const Panel &panel, Value key, int64_t i);

  Emitter &emit;
  const AttendScratch &scratch;
  int64_t keyFeatures;
  int64_t valueFeatures;
  float scale;
  FetchAhead fetchAhead;
};

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_ATTENDMICROKERNELS_H
