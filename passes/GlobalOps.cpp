//===- GlobalOps.cpp - The ops of a global program ------------------------------------------------------*- C++ -*-===//
#include "passes/GlobalOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::rondo;

static bool isTensor(Value value) { return isa<TensorType>(value.getType()); }

static bool isElementwise(linalg::LinalgOp op) {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.hasIndexSemantics() || !op.hasPureTensorSemantics())
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return map.isIdentity() || (!isTensor(operand.get()) && map.getNumResults() == 0);
  });
}

GlobalOpKind rondo::getGlobalOpKind(Operation *op) {
  auto tensors = llvm::make_filter_range(
      llvm::concat<Value>(llvm::to_vector(op->getOperands()), llvm::to_vector_of<Value>(op->getResults())), isTensor);
  if (llvm::any_of(tensors, [](Value value) { return !isa<RankedTensorType>(value.getType()); }))
    return GlobalOpKind::Other;
  if (isa<DistributedAttentionInterface>(op))
    return GlobalOpKind::Attention;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return isElementwise(structured) ? GlobalOpKind::Elementwise : GlobalOpKind::Other;
  if (isa<tensor::EmptyOp>(op))
    return GlobalOpKind::Empty;
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return dim.getConstantIndex() ? GlobalOpKind::Dim : GlobalOpKind::Other;
  if (tensors.empty())
    return op->getNumRegions() == 0 && op->getNumResults() > 0 && isMemoryEffectFree(op) ? GlobalOpKind::Scalar
                                                                                         : GlobalOpKind::Other;
  DenseElementsAttr constant;
  if (matchPattern(op, m_Constant(&constant)))
    return constant.isSplat() ? GlobalOpKind::Splat : GlobalOpKind::Other;
  return OpTrait::hasElementwiseMappableTraits(op) ? GlobalOpKind::Elementwise : GlobalOpKind::Other;
}

InFlightDiagnostic rondo::emitCannotBeDistributed(Operation *op) {
  InFlightDiagnostic diagnostic = op->emitOpError("cannot be distributed");
  diagnostic.attachNote() << "a public function consists of attention, elementwise arith and math ops, linalg ops that "
                             "are parallel with identity maps and without linalg.index, tensor.empty, tensor.dim with "
                             "a constant index, splat constants, and ops on scalars; compute all else outside";
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
