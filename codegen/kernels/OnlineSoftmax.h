//===- OnlineSoftmax.h - Softmax over blocks of scores that come one after the other --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_ONLINESOFTMAX_H
#define RONDO_CODEGEN_KERNELS_ONLINESOFTMAX_H

#include "codegen/cuda/Fragment.h"

namespace mlir::rondo::cuda {

/// What is known of a row after some blocks: the largest score times scaleLog2, rounded to f32, and the sum of weights
/// relative to it. Sums are of the elements of one thread until the end.
struct SoftmaxState {
  RowPair reference, sum;
};

/// One block: weight = 2^(score * scaleLog2 - reference). What was summed up before must be multiplied by `rescale`.
struct SoftmaxStep {
  Fragment weights;
  SoftmaxState state;
  RowPair rescale;
  Value rescales; // whether the warp must do so at all; null if it always does
};

class OnlineSoftmax {
public:
  /// scaleLog2 is positive. Of 16 weights, `polynomials` are computed by a polynomial, at most 8.
  /// With `lazy`, the reference of a warp's rows stays while no weight of theirs exceeds 2^8.
  OnlineSoftmax(Emitter &emit, Value scaleLog2, int64_t polynomials, bool lazy)
      : emit(emit), scaleLog2(scaleLog2), polynomials(polynomials), lazy(lazy) {}

  /// The first block; its `rescale` is null.
  SoftmaxStep begin(const Fragment &scores) { return step(scores, nullptr); }
  SoftmaxStep next(const Fragment &scores, const SoftmaxState &state) { return step(scores, &state); }

  /// The natural logarithm of the sum of exp(scale * score); `state.sum` is that of whole rows.
  RowPair getLse(const SoftmaxState &state);
  /// 1 / sum; 0 for a row without weights.
  RowPair getInverse(const SoftmaxState &state);
  /// Completes the sums.
  SoftmaxState reduce(const SoftmaxState &state);

private:
  SoftmaxStep step(const Fragment &scores, const SoftmaxState *before);
  Value isFarAbove(const RowPair &reference, const RowPair &before);
  RowPair getSubtrahend(const RowPair &reference);
  Fragment weigh(const Fragment &scores, const RowPair &subtrahend);

  Emitter &emit;
  Value scaleLog2;
  int64_t polynomials;
  bool lazy;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ONLINESOFTMAX_H
