//===- ProgramValue.cpp - The value of a small program in float64 ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Program.h"

#include <algorithm>
#include <cmath>

using namespace rondo;
using namespace rondo::fuzz;
using test::Element;
using test::Global;

std::vector<int64_t> rondo::fuzz::sizesOf(const Value &value, const std::vector<int64_t> &lengths) {
  std::vector<int64_t> sizes;
  for (const Value::Extent &extent : value.shape)
    sizes.push_back(extent.length < 0 ? extent.size : lengths[extent.length]);
  return sizes;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Norms
//===--------------------------------------------------------------------------------------------------------------===//

static double normOf(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    if (std::isfinite(value))
      sum += value * value;
  return std::sqrt(sum);
}

static double largestOf(const Global &tensor) {
  double largest = 0;
  for (double value : tensor.values())
    if (std::isfinite(value))
      largest = std::max(largest, std::fabs(value));
  return largest;
}

/// The largest 2-norm of a row of features.
static double largestRow(const Global &tensor) {
  return largestOf(tensor) * std::sqrt(static_cast<double>(tensor.sizes().back()));
}

/// What rounding to an element type once may change in a tensor of this norm, subnormal numbers included.
static double roundingOf(Element element, const Global &tensor) {
  double unit = element == Element::F16 ? 0x1p-11 : element == Element::BF16 ? 0x1p-8 : 0x1p-24;
  double least = element == Element::F16 ? 0x1p-24 : 0;
  return unit * normOf(tensor.values()) + least * std::sqrt(static_cast<double>(tensor.values().size()));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Ops
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
class Evaluator {
public:
  Evaluator(const Function &function, bool rounds) : function(function), rounds(rounds) {}

  std::vector<Evaluated> run(const std::vector<Global> &inputs) {
    for (const Global &input : inputs)
      values.push_back({input, 0});
    for (size_t i = values.size(); i < function.values.size(); ++i)
      values.push_back({Global({}), 0});
    for (const Op &op : function.ops)
      op.code == OpCode::Attention ? attend(op) : map(op);
    return std::move(values);
  }

private:
  void attend(const Op &op);
  void map(const Op &op);
  double apply(const Op &op, double a, double b) const;

  const Function &function;
  bool rounds;
  std::vector<Evaluated> values;
};
} // namespace

void Evaluator::attend(const Op &op) {
  const Evaluated &q = values[op.operands[0]], &k = values[op.operands[1]], &v = values[op.operands[2]];
  int64_t batches = q.tensor.size(0), heads = q.tensor.size(1), rows = q.tensor.size(2), keys = k.tensor.size(2);
  int64_t features = q.tensor.size(3), valueFeatures = v.tensor.size(3), group = heads / k.tensor.size(1);
  double scale = op.scale.value_or(1 / std::sqrt(static_cast<double>(features)));
  Element element = rounds ? function.values[op.results[0]].element : Element::F64;
  Global output({batches, heads, rows, valueFeatures}), magnitude(output.sizes()), lse({batches, heads, rows});
  double largestProduct = 0;
  for (int64_t batch = 0; batch < batches; ++batch)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < rows; ++row) {
        test::OracleRow expected =
            test::attendRow(q.tensor.row({batch, head, row, 0}), k.tensor.row({batch, head / group, 0, 0}),
                            v.tensor.row({batch, head / group, 0, 0}), visibleKeys(op.mask, row, rows, keys), features,
                            valueFeatures, scale);
        for (int64_t d = 0; d < valueFeatures; ++d) {
          output.at({batch, head, row, d}) = rounds ? test::rounded(element, expected.output[d]) : expected.output[d];
          magnitude.at({batch, head, row, d}) = expected.magnitude[d];
        }
        lse.at({batch, head, row}) = expected.lse;
        largestProduct = std::max(largestProduct, expected.largestProduct);
      }
  // The arithmetic of a run is float32, of the reference float64; each sum of products may be off by a few units.
  double unit = rounds ? 0x1p-24 : 0x1p-53;
  double arithmetic = unit * (64 + 4 * largestProduct);
  double logits = std::fabs(scale) * (q.error * largestRow(k.tensor) + k.error * largestRow(q.tensor));
  double weights = arithmetic + std::expm1(std::min(2 * logits, 100.0));
  double error =
      weights * normOf(magnitude.values()) + v.error * std::sqrt(static_cast<double>(batches * heads * rows));
  if (rounds)
    error += 2 * roundingOf(element, output);
  double lseError =
      (arithmetic + logits) * std::sqrt(static_cast<double>(lse.values().size())) + 4 * unit * normOf(lse.values());
  values[op.results[0]] = {output, error};
  if (op.results.size() > 1)
    values[op.results[1]] = {lse, lseError};
}

double Evaluator::apply(const Op &op, double a, double b) const {
  switch (op.code) {
  case OpCode::Add:
    return a + b;
  case OpCode::Subtract:
    return a - b;
  case OpCode::Multiply:
    return a * b;
  case OpCode::Maximum:
    return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
  case OpCode::Negate:
    return -a;
  case OpCode::Absolute:
    return std::fabs(a);
  case OpCode::Scale:
    return op.factor * a;
  default:
    return a;
  }
}

void Evaluator::map(const Op &op) {
  const Evaluated &a = values[op.operands[0]], &b = values[op.operands.back()];
  Element element = function.values[op.results[0]].element;
  Global result(a.tensor.sizes());
  for (size_t i = 0; i < result.values().size(); ++i) {
    double value = apply(op, a.tensor.values()[i], b.tensor.values()[i]);
    result.values()[i] = rounds ? test::rounded(element, value) : value;
  }
  double error = a.error + (op.operands.size() > 1 ? b.error : 0);
  if (op.code == OpCode::Multiply)
    error = a.error * largestOf(b.tensor) + b.error * largestOf(a.tensor) + a.error * b.error;
  if (op.code == OpCode::Scale)
    error *= std::fabs(op.factor);
  // Exact operands give the same rounded result; others may be rounded the other way.
  if (error > 0 && rounds)
    error += 2 * roundingOf(element, result);
  if (!rounds)
    error += 0x1p-52 * normOf(result.values());
  values[op.results[0]] = {result, error};
}

std::vector<Evaluated> rondo::fuzz::evaluate(const Function &function, const std::vector<Global> &inputs, bool rounds) {
  return Evaluator(function, rounds).run(inputs);
}
