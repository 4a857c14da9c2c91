//===- Partial.cpp - rondo.attend and rondo.merge: verification, effects --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {
/// An operand with the name that its documentation gives it.
struct Named {
  StringRef name;
  Value value;
  ShapedType type() const { return cast<ShapedType>(value.getType()); }
};
} // namespace

static LogicalResult verifyRank(Operation *op, const Named &operand, int64_t rank) {
  if (operand.type().getRank() == rank)
    return success();
  return op->emitOpError() << operand.name << " has rank " << operand.type().getRank() << "; expected " << rank;
}

static LogicalResult verifySameElement(Operation *op, const Named &operand, Type element) {
  if (operand.type().getElementType() == element)
    return success();
  return op->emitOpError() << operand.name << " has elements of type " << operand.type().getElementType()
                           << "; expected " << element;
}

/// Verifies that dimension `dimA` of `a` and `dimB` of `b` agree, up to `?`.
static LogicalResult verifySameExtent(Operation *op, StringRef what, const Named &a, int64_t dimA, const Named &b,
                                      int64_t dimB) {
  int64_t extentA = a.type().getDimSize(dimA), extentB = b.type().getDimSize(dimB);
  if (extentA == extentB || ShapedType::isDynamic(extentA) || ShapedType::isDynamic(extentB))
    return success();
  return op->emitOpError() << a.name << " has " << what << " " << extentA << ", but " << b.name << " has " << extentB
                           << "; they must be equal";
}

/// Verifies that the first `count` dimensions of `a` and `b` agree, up to `?`.
static LogicalResult verifySameExtents(Operation *op, const Named &a, const Named &b, int64_t count) {
  static constexpr StringLiteral dimensionNames[] = {"batch", "heads", "length", "feature size"};
  for (int64_t dim = 0; dim < count; ++dim)
    if (failed(verifySameExtent(op, dimensionNames[dim], a, dim, b, dim)))
      return failure();
  return success();
}

/// Verifies that `operands`, of which the last two are the outs, are all tensors, with results of the outs' types, or
/// all memrefs, without results.
static LogicalResult verifyResults(Operation *op, ArrayRef<Named> operands) {
  ArrayRef<Named> outs = operands.take_back(2);
  bool onTensors = isa<RankedTensorType>(outs.front().type());
  for (const Named &operand : operands)
    if (isa<RankedTensorType>(operand.type()) != onTensors)
      return op->emitOpError() << "mixes tensors and memrefs: " << operand.name << " is " << operand.type() << ", but "
                               << outs.front().name << " is " << outs.front().type();
  if (!onTensors && op->getNumResults() != 0)
    return op->emitOpError() << "on memrefs has no results, but got " << op->getNumResults();
  if (!onTensors)
    return success();
  if (op->getNumResults() != outs.size())
    return op->emitOpError() << "on tensors has " << outs.size() << " results, but got " << op->getNumResults();
  for (auto [result, out] : llvm::zip(op->getResults(), outs))
    if (result.getType() != out.type())
      return op->emitOpError() << "result has type " << result.getType() << ", but " << out.name << " in outs has "
                               << out.type();
  return success();
}

static LogicalResult verifyContiguous(Operation *op, ArrayRef<Named> operands) {
  for (const Named &operand : operands) {
    auto memref = dyn_cast<MemRefType>(operand.value.getType());
    if (memref && !memref.isLastDimUnitStride())
      return op->emitOpError() << "the last dimension of " << operand.name
                               << " is not contiguous: " << operand.value.getType();
  }
  return success();
}

static LogicalResult verifyJoined(Operation *op, bool joined, const Named &output) {
  if (!joined || isa<BaseMemRefType>(output.value.getType()))
    return success();
  return op->emitOpError() << "is joined on tensors: " << output.name << " is " << output.type()
                           << "; expected memrefs, after --rondo-bufferize";
}

/// Memory effects of an op on memrefs: `reads` are read, `writes` written. Tensors have none.
static void addEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects, ArrayRef<OpOperand *> reads,
                       ArrayRef<OpOperand *> writes) {
  auto add = [&](ArrayRef<OpOperand *> operands, MemoryEffects::Effect *effect) {
    for (OpOperand *operand : operands)
      if (isa<BaseMemRefType>(operand->get().getType()))
        effects.emplace_back(effect, operand, SideEffects::DefaultResource::get());
  };
  add(reads, MemoryEffects::Read::get());
  add(writes, MemoryEffects::Write::get());
}

//===--------------------------------------------------------------------------------------------------------------===//
// rondo.attend
//===--------------------------------------------------------------------------------------------------------------===//

MutableOperandRange AttendOp::getDpsInitsMutable() {
  unsigned first = getOutputMutable().getOperandNumber();
  return MutableOperandRange(*this, first, 2);
}

void AttendOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  addEffects(effects, {&getQueryMutable(), &getKeyMutable(), &getValueMutable()},
             {&getOutputMutable(), &getLseMutable()});
}

LogicalResult AttendOp::verify() {
  Named query{"Q", getQuery()}, key{"K", getKey()}, value{"V", getValue()}, output{"O", getOutput()},
      lse{"LSE", getLse()};
  for (const Named &operand : {query, key, value, output}) // attend_c1
    if (failed(verifyRank(*this, operand, 4)))
      return failure();
  if (failed(verifyRank(*this, lse, 3))) // attend_c1
    return failure();
  Type element = query.type().getElementType();
  if (failed(verifySameElement(*this, key, element)) || failed(verifySameElement(*this, value, element)) ||
      failed(verifySameElement(*this, lse, Float32Type::get(getContext())))) // attend_c2
    return failure();
  if (failed(verifySameExtent(*this, "batch", query, 0, key, 0)) ||
      failed(verifySameExtent(*this, "feature size", query, 3, key, 3)) ||
      failed(verifySameExtents(*this, key, value, 3)) || failed(verifySameExtents(*this, query, output, 3)) ||
      failed(verifySameExtent(*this, "feature size", value, 3, output, 3)) ||
      failed(verifySameExtents(*this, output, lse, 3))) // attend_c3
    return failure();
  int64_t queryHeads = query.type().getDimSize(1), keyHeads = key.type().getDimSize(1);
  if (!ShapedType::isDynamic(queryHeads) && !ShapedType::isDynamic(keyHeads) &&
      (keyHeads < 1 || queryHeads % keyHeads != 0)) // attend_c4
    return emitOpError() << "has " << queryHeads << " query heads and " << keyHeads
                         << " key/value heads; expected a multiple of the key/value heads";
  if (failed(verifyResults(*this, {query, key, value, output, lse}))) // attend_c5
    return failure();
  if (failed(verifyContiguous(*this, {query, key, value, output, lse}))) // attend_c6
    return failure();
  return verifyJoined(*this, getJoined(), output); // attend_c7
}

//===--------------------------------------------------------------------------------------------------------------===//
// rondo.merge
//===--------------------------------------------------------------------------------------------------------------===//

MutableOperandRange MergeOp::getDpsInitsMutable() {
  unsigned first = getOutputMutable().getOperandNumber();
  return MutableOperandRange(*this, first, 2);
}

void MergeOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  addEffects(effects, {&getPartialOutputMutable(), &getPartialLseMutable(), &getOutputMutable(), &getLseMutable()},
             {&getOutputMutable(), &getLseMutable()});
}

LogicalResult MergeOp::verify() {
  Named partialOutput{"partial O", getPartialOutput()}, partialLse{"partial LSE", getPartialLse()},
      output{"O", getOutput()}, lse{"LSE", getLse()};
  if (failed(verifyRank(*this, partialOutput, 4)) || failed(verifyRank(*this, output, 4)) ||
      failed(verifyRank(*this, partialLse, 3)) || failed(verifyRank(*this, lse, 3))) // merge_c1
    return failure();
  Type f32 = Float32Type::get(getContext());
  if (failed(verifySameElement(*this, partialLse, f32)) || failed(verifySameElement(*this, lse, f32))) // merge_c2
    return failure();
  if (failed(verifySameExtents(*this, output, lse, 3)) ||               // merge_c1
      failed(verifySameExtents(*this, partialOutput, partialLse, 3)) || // merge_c1
      failed(verifySameExtents(*this, partialOutput, output, 4)))       // merge_c3
    return failure();
  if (failed(verifyResults(*this, {partialOutput, partialLse, output, lse}))) // merge_c4
    return failure();
  if (failed(verifyContiguous(*this, {partialOutput, partialLse, output, lse}))) // merge_c5
    return failure();
  return verifyJoined(*this, getJoined(), output); // merge_c6
}
