//===- GlobalOps.cpp - The ops of a global program ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/GlobalOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::rondo;

static bool isTensor(Value value) { return isa<TensorType>(value.getType()); }

SmallVector<Value> rondo::getTensors(Operation *op) {
  SmallVector<Value> values = llvm::to_vector(op->getOperands());
  llvm::append_range(values, op->getResults());
  llvm::erase_if(values, [](Value value) { return !isTensor(value); });
  return values;
}

static bool isElementwise(linalg::LinalgOp op) {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.hasIndexSemantics() || !op.hasPureTensorSemantics())
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return map.isIdentity() || (!isTensor(operand.get()) && map.getNumResults() == 0);
  });
}

OpKind rondo::classify(Operation *op) {
  SmallVector<Value> tensors = getTensors(op);
  if (llvm::any_of(tensors, [](Value value) { return !isa<RankedTensorType>(value.getType()); }))
    return OpKind::Other;
  if (isa<DistributedAttentionInterface>(op))
    return OpKind::Attention;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return isElementwise(structured) ? OpKind::Elementwise : OpKind::Other;
  if (isa<tensor::EmptyOp>(op))
    return OpKind::Empty;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    // An index beyond the rank is undefined in MLIR, and its verifier lets it pass.
    std::optional<int64_t> index = dim.getConstantIndex();
    int64_t rank = cast<RankedTensorType>(dim.getSource().getType()).getRank();
    return index && *index >= 0 && *index < rank ? OpKind::Dim : OpKind::Other;
  }
  if (tensors.empty())
    return op->getNumRegions() == 0 && op->getNumResults() > 0 && isMemoryEffectFree(op) ? OpKind::Scalar
                                                                                         : OpKind::Other;
  DenseElementsAttr constant;
  if (matchPattern(op, m_Constant(&constant)))
    return constant.isSplat() ? OpKind::Splat : OpKind::Other;
  return OpTrait::hasElementwiseMappableTraits(op) ? OpKind::Elementwise : OpKind::Other;
}

InFlightDiagnostic rondo::emitCannotBeDistributed(Operation *op) {
  InFlightDiagnostic diagnostic = op->emitOpError("cannot be distributed");
  diagnostic.attachNote()
      << "a public function consists of attention, elementwise arith and math ops, linalg ops that "
         "are parallel with identity maps and without linalg.index, tensor.empty, tensor.dim with "
         "a constant index below the rank, splat constants, and ops on scalars; compute all else outside";
  return diagnostic;
}

std::string rondo::describeValue(Operation *op, Value value) {
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get() == value) {
      if (auto attention = dyn_cast<DistributedAttentionInterface>(op))
        return attention.getOperandName(operand).str();
      return "operand " + std::to_string(operand.getOperandNumber());
    }
  if (auto result = dyn_cast<OpResult>(value))
    return "result " + std::to_string(result.getResultNumber());
  return "argument " + std::to_string(cast<BlockArgument>(value).getArgNumber());
}
