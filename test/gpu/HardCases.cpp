//===- HardCases.cpp - Attentions that have gone wrong somewhere ----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/HardCases.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

using namespace gpu;

// Name, batches, key/value heads, group, queries, keys, diagonal, scores, causal kernels only.
const HardCase gpu::kHardCases[] = {
    {"one query, one key", 1, 1, 1, 1, 1, 0, Scores::Normal, false},
    {"one query, 4099 keys", 1, 2, 4, 1, 4099, 4098, Scores::Normal, false},
    {"127 queries, one key", 1, 2, 1, 127, 1, 0, Scores::Normal, false},
    {"no keys", 1, 2, 2, 65, 0, 0, Scores::Normal, false},
    {"primes", 1, 3, 7, 61, 1601, 1540, Scores::Normal, false},
    {"two batches", 2, 2, 1, 257, 509, 252, Scores::Normal, false},
    {"negative scores", 1, 2, 2, 61, 1601, 1540, Scores::Negative, false},
    {"positive scores", 1, 2, 2, 61, 1601, 1540, Scores::Positive, false},
    {"huge scores", 1, 2, 2, 61, 1601, 1540, Scores::Huge, false},
    {"equal scores", 1, 2, 2, 61, 1601, 1540, Scores::Equal, false},
    {"some rows see nothing", 1, 2, 2, 130, 300, -65, Scores::Normal, true},
    {"no row sees a key", 1, 2, 2, 64, 200, -64, Scores::Normal, true},
    {"NaN where no row looks", 1, 2, 2, 100, 300, 50, Scores::HiddenNaNs, true},
};
const int gpu::kHardCaseCount = std::size(kHardCases);

rondo_attend_problem gpu::getProblem(const HardCase &hard, const Kernel &kernel, bool byPosition) {
  return {hard.batches,    hard.heads,           hard.group,    hard.queries, hard.keys,
          kernel.features, kernel.valueFeatures, hard.diagonal, byPosition};
}

/// x becomes offset + scale * x.
static void transform(Tensor &tensor, double offset, double scale) {
  for (int64_t i = 0; i < tensor.elements; ++i)
    tensor.set(i, offset + scale * tensor.get(i));
  tensor.upload();
}

/// Rows of keys or values from `begin` on, of all heads, become NaN.
static void hideRows(const rondo_attend_problem &p, int64_t features, int64_t begin, decltype(Case::keys) &tensor) {
  Layout layout = Layout::get(p.by_position, p.heads, p.key_count, features);
  for (int64_t batch = 0; batch < p.batches; ++batch)
    for (int64_t head = 0; head < p.heads; ++head)
      for (int64_t key = begin; key < p.key_count; ++key)
        for (int64_t d = 0; d < features; ++d)
          tensor.set(batch * layout.batch + head * layout.head + key * layout.row + d,
                     std::numeric_limits<float>::quiet_NaN());
  tensor.upload();
}

/// Keys that no row sees, and their values, become NaN.
static void hideKeys(Case &data) {
  const rondo_attend_problem &p = data.problem;
  int64_t begin = std::clamp<int64_t>(p.query_count + p.diagonal, 0, p.key_count);
  hideRows(p, p.features, begin, data.keys);
  hideRows(p, p.value_features, begin, data.values);
}

void gpu::setScores(Case &data, Scores scores) {
  constexpr double noise = 0.25, positive = 100, huge = 100;
  double sign = data.scale < 0 ? -1 : 1, root = std::sqrt(static_cast<double>(data.problem.features));
  switch (scores) {
  case Scores::Normal:
    return;
  case Scores::Negative:
    transform(data.queries, 1, noise);
    transform(data.keys, -sign, noise);
    return;
  case Scores::Positive: {
    double size = std::sqrt(positive / root);
    transform(data.queries, size, noise);
    transform(data.keys, sign * size, noise);
    return;
  }
  case Scores::Huge:
    return transform(data.queries, 0, huge);
  case Scores::Equal:
    return transform(data.queries, 0, 0);
  case Scores::HiddenNaNs:
    return hideKeys(data);
  }
}

double gpu::getLseBound(Scores scores) {
  return scores == Scores::Positive ? 1e-3 : scores == Scores::Huge ? 4e-3 : 1e-4;
}
