//===- OnlineSoftmax.cpp - Softmax over blocks of scores that come one after the other ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything is relative to `reference`, which is a rounded number, but the same one in all weights, in the factor that
// rescales, and in LSE. So its rounding does not matter, however large scores are; and while the maximum stays, the
// factor is 1 exactly, so that no error grows with the number of blocks.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/OnlineSoftmax.h"

#include "codegen/cuda/Exp2.h"
#include "codegen/cuda/Instructions.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// A row whose scores are all -inf has nothing to subtract: -inf less -inf would be NaN.
RowPair OnlineSoftmax::getSubtrahend(const RowPair &reference) {
  Value minusInfinity = emit.f32(-std::numeric_limits<float>::infinity()), zero = emit.f32(0.0f);
  return forBothRows(
      [&](unsigned row) { return emit.select(emit.fequal(reference[row], minusInfinity), zero, reference[row]); });
}

/// For the whole warp. Also if a row had no reference before, or is NaN.
Value OnlineSoftmax::isFarAbove(const RowPair &reference, const RowPair &before) {
  constexpr float far = 8;
  RowPair isFar = forBothRows(
      [&](unsigned row) { return emit.fisNotAtMost(emit.fsub(reference[row], before[row]), emit.f32(far)); });
  return emitAny(emit, emit.bitOr(isFar[0], isFar[1]));
}

/// Polynomials are spread evenly over the columns, so that both kinds of unit are always busy. They give 0 for NaN, but
/// a NaN makes the reference NaN, and with it all other weights.
Fragment OnlineSoftmax::weigh(const Fragment &scores, const RowPair &subtrahend) {
  constexpr int64_t period = 16;
  RowPair shift = forBothRows([&](unsigned row) { return emit.fneg(subtrahend[row]); });
  ValueList weights;
  for (auto [i, score] : llvm::enumerate(scores.registers())) {
    Value exponent = emit.fma(score, scaleLog2, shift[Fragment::rowOf(i)]);
    int64_t column = i / 4 * 2 + i % 2; // of those that this thread has
    bool byPolynomial = column * polynomials % period + polynomials >= period && polynomials > 0;
    weights.push_back(byPolynomial ? emitExp2Polynomial(emit, exponent) : emit.exp2(exponent));
  }
  return Fragment(std::move(weights));
}

SoftmaxStep OnlineSoftmax::step(const Fragment &scores, const SoftmaxState *before) {
  auto larger = [&](Value a, Value b) { return emit.fmaxOrNaN(a, b); };
  auto sum = [&](Value a, Value b) { return emit.fadd(a, b); };
  RowPair maximum = reduceQuad(emit, scores.reduceRows(larger), larger);
  RowPair reference = forBothRows([&](unsigned row) { return emit.fmul(maximum[row], scaleLog2); });
  if (before)
    reference = forBothRows([&](unsigned row) { return larger(before->reference[row], reference[row]); });
  Value rescales;
  if (before && lazy) {
    rescales = isFarAbove(reference, before->reference);
    reference =
        forBothRows([&](unsigned row) { return emit.select(rescales, reference[row], before->reference[row]); });
  }
  RowPair subtrahend = getSubtrahend(reference), rescale;
  if (before)
    rescale = forBothRows([&](unsigned row) { return emit.exp2(emit.fsub(before->reference[row], subtrahend[row])); });
  Fragment weights = weigh(scores, subtrahend);
  RowPair total = weights.reduceRows(sum);
  if (before)
    total = forBothRows([&](unsigned row) { return emit.fma(before->sum[row], rescale[row], total[row]); });
  return {std::move(weights), {reference, total}, rescale, rescales};
}

/// A score of +inf gives weights of NaN, unless a polynomial computes them.
SoftmaxState OnlineSoftmax::reduce(const SoftmaxState &state) {
  RowPair sum = reduceQuad(emit, state.sum, [&](Value a, Value b) { return emit.fadd(a, b); });
  RowPair subtrahend = getSubtrahend(state.reference);
  Value zero = emit.f32(0.0f);
  return {state.reference, forBothRows([&](unsigned row) { return emit.fma(subtrahend[row], zero, sum[row]); })};
}

// ln 2 in two parts: what the first one lacks would show in LSEs of thousands.
RowPair OnlineSoftmax::getLse(const SoftmaxState &state) {
  constexpr float ln2 = 0.69314712286f, rest = 5.7699989e-8f; // both positive: for references of -inf
  return forBothRows([&](unsigned row) {
    Value small = emit.fma(state.reference[row], emit.f32(rest), emit.fmul(emit.log2(state.sum[row]), emit.f32(ln2)));
    return emit.fma(state.reference[row], emit.f32(ln2), small);
  });
}

RowPair OnlineSoftmax::getInverse(const SoftmaxState &state) {
  Value zero = emit.f32(0.0f);
  return forBothRows([&](unsigned row) {
    return emit.select(emit.fequal(state.sum[row], zero), zero, emit.reciprocal(state.sum[row]));
  });
}
