//===- Attention.cpp - rondo.attention: verification and how it is distributed --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

#include <array>
#include <cmath>

using namespace mlir;
using namespace mlir::rondo;

/// Positions of the dimensions in `[batch, head, sequence, feature]`.
enum { kBatch, kHead, kSequence, kFeature };

static int64_t extent(Value value, int64_t dim) { return cast<RankedTensorType>(value.getType()).getDimSize(dim); }

double AttentionOp::getScaleOrDefault() {
  if (std::optional<APFloat> scale = getScale())
    return scale->convertToDouble();
  return 1.0 / std::sqrt(static_cast<double>(extent(getQuery(), kFeature)));
}

/// Verifies that two values agree in an extent, up to `?`.
static LogicalResult verifySameExtent(AttentionOp op, StringRef what, StringRef nameA, Value a, StringRef nameB,
                                      Value b, int64_t dim) {
  int64_t extentA = extent(a, dim), extentB = extent(b, dim);
  if (extentA == extentB || ShapedType::isDynamic(extentA) || ShapedType::isDynamic(extentB))
    return success();
  return op.emitOpError() << nameA << " has " << what << " " << extentA << ", but " << nameB << " has " << extentB
                          << "; they must be equal";
}

/// An extent as messages write it.
static std::string toString(int64_t extent) { return ShapedType::isDynamic(extent) ? "?" : std::to_string(extent); }

/// The operands and O, with the names that the documentation gives them.
static std::array<std::pair<StringRef, Value>, 4> getNamedValues(AttentionOp op) {
  return {{{"Q", op.getQuery()}, {"K", op.getKey()}, {"V", op.getValue()}, {"O", op.getOutput()}}};
}

static LogicalResult verifyHeads(AttentionOp op) { // attention_c5
  for (auto [name, value] : getNamedValues(op))
    if (ShapedType::isDynamic(extent(value, kHead)))
      return op.emitOpError() << name << " has ? heads; expected a static number";
  int64_t queryHeads = extent(op.getQuery(), kHead), keyHeads = extent(op.getKey(), kHead);
  if (queryHeads < 1 || keyHeads < 1 || queryHeads % keyHeads != 0)
    return op.emitOpError() << "has " << queryHeads << " query heads and " << keyHeads
                            << " key/value heads; expected a positive multiple of the key/value heads";
  return success();
}

static LogicalResult verifyFeatures(AttentionOp op) { // attention_c6
  for (auto [name, value] : getNamedValues(op)) {
    int64_t size = extent(value, kFeature);
    if (ShapedType::isDynamic(size) || size < 1 || size > 256)
      return op.emitOpError() << name << " has feature size " << toString(size)
                              << "; expected a static one within 1..256";
  }
  return failure(failed(verifySameExtent(op, "feature size", "Q", op.getQuery(), "K", op.getKey(), kFeature)) ||
                 failed(verifySameExtent(op, "feature size", "V", op.getValue(), "O", op.getOutput(), kFeature)));
}

LogicalResult AttentionOp::verify() {
  Value query = getQuery(), key = getKey(), value = getValue(), output = getOutput();
  for (auto [name, operand] : getNamedValues(*this)) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getRank() != 4) // attention_c1
      return emitOpError() << name << " has rank " << type.getRank()
                           << "; expected 4: [batch, head, sequence, feature]";
    if (type.getElementType() != getQuery().getType().getElementType()) // attention_c2
      return emitOpError() << name << " has elements of type " << type.getElementType() << ", but Q of type "
                           << getQuery().getType().getElementType() << "; they must be equal";
  }
  if (failed(verifyHeads(*this)) || failed(verifyFeatures(*this)) ||
      failed(verifySameExtent(*this, "batch", "Q", query, "K", key, kBatch)) ||      // attention_c3
      failed(verifySameExtent(*this, "batch", "K", key, "V", value, kBatch)) ||      // attention_c3
      failed(verifySameExtent(*this, "batch", "Q", query, "V", value, kBatch)) ||    // attention_c3
      failed(verifySameExtent(*this, "heads", "K", key, "V", value, kHead)) ||       // attention_c4
      failed(verifySameExtent(*this, "length", "K", key, "V", value, kSequence)) ||  // attention_c4
      failed(verifySameExtent(*this, "batch", "Q", query, "O", output, kBatch)) ||   // attention_c7
      failed(verifySameExtent(*this, "heads", "Q", query, "O", output, kHead)) ||    // attention_c7
      failed(verifySameExtent(*this, "length", "Q", query, "O", output, kSequence))) // attention_c7
    return failure();
  if (getLse()) { // attention_c1, attention_c7
    auto type = cast<RankedTensorType>(getLse().getType());
    if (type.getRank() != 3)
      return emitOpError() << "LSE has rank " << type.getRank() << "; expected 3: [batch, head, sequence]";
    for (auto [what, dim] : {std::pair<StringRef, int64_t>("batch", kBatch), {"heads", kHead}, {"length", kSequence}})
      if (failed(verifySameExtent(*this, what, "O", output, "LSE", getLse(), dim)))
        return failure();
  }
  if (!std::isfinite(getScaleOrDefault())) // attention_c8
    return emitOpError() << "scale is " << getScaleAttr().getValueAsDouble()
                         << "; expected a finite number (without one it is 1 / sqrt of Q's feature size)";
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// DistributedAttentionInterface
//===--------------------------------------------------------------------------------------------------------------===//

SmallVector<OpOperand *> AttentionOp::getQuerySideOperands() { return {&getQueryMutable()}; }
SmallVector<OpOperand *> AttentionOp::getKeySideOperands() { return {&getKeyMutable(), &getValueMutable()}; }
SmallVector<OpOperand *> AttentionOp::getReplicatedOperands() { return {}; }
int64_t AttentionOp::getSequenceDimension(Value) { return kSequence; }
Side AttentionOp::getResultHome(unsigned) { return Side::Query; }

StringRef AttentionOp::getOperandName(OpOperand &operand) {
  static constexpr StringRef names[] = {"query", "key", "value"};
  return names[operand.getOperandNumber()];
}

SmallVector<PartialValue> AttentionOp::getPartialState() {
  Value query = getQuery();
  Type f32 = Float32Type::get(getContext());
  SmallVector<Dimension> rows{{query, kBatch}, {query, kHead}, {query, kSequence}};
  SmallVector<Dimension> output = rows;
  output.push_back({getValue(), kFeature});
  return {{Side::Query, "output", kSequence, f32, output}, {Side::Query, "lse", kSequence, f32, rows}};
}

SmallVector<SmallVector<Dimension>> AttentionOp::getWork() {
  Value query = getQuery(), key = getKey();
  SmallVector<Dimension> scores{{query, kBatch}, {query, kHead}, {query, kSequence}, {key, kSequence}};
  SmallVector<Dimension> output = scores;
  scores.push_back({query, kFeature});
  output.push_back({getValue(), kFeature});
  return {scores, output};
}

SmallVector<DimensionGroup> AttentionOp::getDimensionGroups() {
  Value query = getQuery(), key = getKey(), value = getValue(), output = getOutput(), lse = getLse();
  auto group = [&](StringRef name, Cut cut, int64_t index, ArrayRef<Value> values) {
    DimensionGroup result{name, cut, {}};
    for (Value member : values)
      if (member && index < cast<RankedTensorType>(member.getType()).getRank())
        result.members.push_back({member, index});
    return result;
  };
  return {group("batch", Cut::Blocks, kBatch, {query, key, value, output, lse}),
          group("query heads", Cut::Paired, kHead, {query, output, lse}),
          group("key/value heads", Cut::Paired, kHead, {key, value}),
          group("query length", Cut::Blocks, kSequence, {query, output, lse}),
          group("key length", Cut::Blocks, kSequence, {key, value}),
          group("query/key feature size", Cut::Never, kFeature, {query, key}),
          group("value feature size", Cut::Never, kFeature, {value, output})};
}

/// Uninitialised tensors for the partial result of `query` with values of feature size `feature`.
static std::pair<Value, Value> createPartialInits(OpBuilder &builder, Location loc, Value query, int64_t feature) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, query);
  sizes.pop_back();
  Value lse = tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
  sizes.push_back(builder.getIndexAttr(feature));
  Value output = tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
  return {output, lse};
}

SmallVector<Value> AttentionOp::createPartial(OpBuilder &builder, ValueRange queries, ValueRange keys, ValueRange,
                                              const BlockPositions &positions) {
  Location loc = getLoc();
  auto [output, lse] = createPartialInits(builder, loc, queries[0], extent(getValue(), kFeature));
  Value queryStart, keyStart, diagonal;
  if (std::optional<CausalAlignment> causal = getCausal()) {
    queryStart = positions.queryStart;
    keyStart = positions.keyStart;
    diagonal = *causal == CausalAlignment::TopLeft
                   ? arith::ConstantIndexOp::create(builder, loc, 0).getResult()
                   : arith::SubIOp::create(builder, loc, positions.keyLength, positions.queryLength).getResult();
  }
  auto attend =
      AttendOp::create(builder, loc, TypeRange{output.getType(), lse.getType()}, queries[0], keys[0], keys[1], output,
                       lse, queryStart, keyStart, diagonal, builder.getF64FloatAttr(getScaleOrDefault()),
                       PositionLayoutAttr::get(builder.getContext(), PositionLayout::Contiguous), /*kernel=*/nullptr);
  return llvm::to_vector_of<Value>(attend->getResults());
}

SmallVector<Value> AttentionOp::combinePartials(OpBuilder &builder, Side home, ValueRange accumulated,
                                                ValueRange partial) {
  if (home == Side::Key)
    return {}; // nothing of attention's state lives with the keys
  auto merge = MergeOp::create(builder, getLoc(), accumulated.getTypes(), partial[0], partial[1], accumulated[0],
                               accumulated[1], /*kernel=*/nullptr);
  return llvm::to_vector_of<Value>(merge->getResults());
}

SmallVector<Value> AttentionOp::createResults(OpBuilder &builder, ValueRange state) {
  SmallVector<Value> results;
  for (auto [result, value] : llvm::zip(getResults(), state)) {
    Type element = getElementTypeOrSelf(result.getType());
    auto type = cast<RankedTensorType>(value.getType());
    results.push_back(type.getElementType() == element
                          ? value
                          : arith::TruncFOp::create(builder, getLoc(), type.clone(element), value).getResult());
  }
  return results;
}

#define GET_OP_CLASSES
#include "dialect/rondo/RondoOps.cpp.inc"
