//===- OnlineSoftmax.cpp - Softmax over blocks of scores that come one after the other ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/OnlineSoftmax.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

SoftmaxStep OnlineSoftmax::step(const Fragment &scores, const SoftmaxState *before) {
  auto larger = [&](Value a, Value b) { return emit.fmax(a, b); };
  auto sum = [&](Value a, Value b) { return emit.fadd(a, b); };
  RowPair maximum = reduceQuad(emit, scores.reduceRows(larger), larger);
  if (before)
    maximum = forBothRows([&](unsigned row) { return emit.fmax(before->maximum[row], maximum[row]); });
  // A row whose scores are all -inf has no maximum to subtract: -inf less -inf would be NaN.
  Value minusInfinity = emit.f32(-std::numeric_limits<float>::infinity()), zero = emit.f32(0.0f);
  RowPair shift = forBothRows([&](unsigned row) {
    Value finite = emit.select(emit.fequal(maximum[row], minusInfinity), zero, maximum[row]);
    return emit.fneg(emit.fmul(finite, scaleLog2));
  });
  auto weigh = [&](Value score, unsigned row) { return emit.exp2(emit.fma(score, scaleLog2, shift[row])); };

  RowPair rescale;
  if (before)
    rescale = forBothRows([&](unsigned row) { return weigh(before->maximum[row], row); });
  Fragment weights = scores.map(weigh);
  RowPair total = weights.reduceRows(sum);
  if (before)
    total = forBothRows([&](unsigned row) { return emit.fma(before->sum[row], rescale[row], total[row]); });
  return {std::move(weights), {maximum, total}, rescale};
}

SoftmaxState OnlineSoftmax::reduce(const SoftmaxState &state) {
  return {state.maximum, reduceQuad(emit, state.sum, [&](Value a, Value b) { return emit.fadd(a, b); })};
}

RowPair OnlineSoftmax::getLse(const SoftmaxState &state) {
  constexpr float ln2 = 0.6931471805599453f;
  return forBothRows([&](unsigned row) {
    return emit.fmul(emit.fma(state.maximum[row], scaleLog2, emit.log2(state.sum[row])), emit.f32(ln2));
  });
}

RowPair OnlineSoftmax::getInverse(const SoftmaxState &state) {
  // A sum of NaN is not greater than 0 either; the weights are NaN then, and NaN * 0 is NaN.
  Value zero = emit.f32(0.0f);
  return forBothRows([&](unsigned row) {
    Value inverse = emit.reciprocal(state.sum[row]);
    return emit.select(emit.fgreater(state.sum[row], zero), inverse, zero);
  });
}
