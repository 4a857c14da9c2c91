//===- Structured.cpp - Kernels of element-wise operations ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies, fills, conversions, sums and the like: whatever is element-wise on memrefs. Rows (the last dimension) are
// dealt out to the parts, and vectorised where every operand is contiguous along them.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cpu/Emitter.h"
#include "codegen/cpu/Kernels.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cpu;

namespace {

/// Emits the loops of an element-wise linalg op.
class ElementwiseEmitter {
public:
  ElementwiseEmitter(Emitter &emit, linalg::LinalgOp op)
      : emit(emit), op(op), rank(op.getNumLoops()), vectorised(canVectorise()) {}
  void emitFor(WorkPart work);

private:
  bool canVectorise();
  Value extent(int64_t loop);
  ValueList delinearise(Value number, ArrayRef<Value> extents);
  void emitRow(ValueList outer, Value length);
  void emitBody(ValueRange indices, bool asVector);
  ValueList place(OpOperand &operand, ValueRange indices);
  Value load(OpOperand &operand, ValueRange indices, bool asVector);
  void emitBodyOp(Operation &bodyOp, IRMapping &mapping, ValueRange indices, bool asVector);

  Emitter &emit;
  linalg::LinalgOp op;
  int64_t rank;
  bool vectorised;
};

} // namespace

/// Whether each operand is read and written at one element for each iteration, given by loop indices alone.
static bool isElementwise(linalg::LinalgOp op) {
  return op.getNumParallelLoops() == op.getNumLoops() && llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
           return map.isProjectedPermutation(/*allowZeroInResults=*/true);
         });
}

/// Rows are vectors if each operand either is contiguous along the last loop or does not depend on it, and if the
/// body's ops exist for vectors.
bool ElementwiseEmitter::canVectorise() {
  if (rank == 0)
    return false;
  for (auto [operand, map] : llvm::zip(op->getOperands(), op.getIndexingMapsArray())) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    bool dependent = map.isFunctionOfDim(rank - 1);
    if (dependent && (map.getDimPosition(map.getNumResults() - 1) != rank - 1 || !type.isLastDimUnitStride()))
      return false;
  }
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!op.getMatchingIndexingMap(&init).isFunctionOfDim(rank - 1))
      return false;
  return llvm::all_of(op.getBlock()->without_terminator(), [](Operation &bodyOp) {
    return bodyOp.hasTrait<OpTrait::ConstantLike>() || OpTrait::hasElementwiseMappableTraits(&bodyOp);
  });
}

Value ElementwiseEmitter::extent(int64_t loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dimension, result] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(result); dim && dim.getPosition() == loop)
        return emit.dim(operand.get(), dimension);
  }
  llvm_unreachable("linalg verifies that operands determine every loop");
}

/// Indices, row-major, of element `number` of a box.
ValueList ElementwiseEmitter::delinearise(Value number, ArrayRef<Value> extents) {
  ValueList indices(extents.size());
  for (int64_t i = extents.size() - 1; i >= 0; --i) {
    indices[i] = emit.rem(number, extents[i]);
    number = emit.div(number, extents[i]);
  }
  return indices;
}

void ElementwiseEmitter::emitFor(WorkPart work) {
  ValueList extents;
  for (int64_t loop = 0; loop < rank; ++loop)
    extents.push_back(extent(loop));
  Value length = rank ? extents.pop_back_val() : emit.index(1);
  Value rows = emit.index(1);
  for (Value outer : extents)
    rows = emit.mul(rows, outer);
  emit.loopOverPart(work.part, work.parts, rows, [&](Value number) { emitRow(delinearise(number, extents), length); });
}

void ElementwiseEmitter::emitRow(ValueList outer, Value length) {
  auto emitRange = [&](Value begin, Value end, int64_t step) {
    emit.loop(begin, end, step, [&](Value column) {
      ValueList indices = outer;
      if (rank)
        indices.push_back(column);
      emitBody(indices, step > 1);
    });
  };
  Value rest = emit.index(0);
  if (vectorised) {
    rest = emit.mul(emit.div(length, emit.index(emit.lanes)), emit.lanes);
    emitRange(emit.index(0), rest, emit.lanes);
  }
  emitRange(rest, length, 1);
}

ValueList ElementwiseEmitter::place(OpOperand &operand, ValueRange indices) {
  ValueList place;
  for (AffineExpr result : op.getMatchingIndexingMap(&operand).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    place.push_back(dim ? indices[dim.getPosition()] : emit.index(0));
  }
  return place;
}

Value ElementwiseEmitter::load(OpOperand &operand, ValueRange indices, bool asVector) {
  if (op.isScalar(&operand))
    return operand.get();
  if (asVector && op.getMatchingIndexingMap(&operand).isFunctionOfDim(rank - 1))
    return emit.load(operand.get(), place(operand, indices));
  return memref::LoadOp::create(emit, operand.get(), place(operand, indices));
}

/// One element, or a vector of them: operands that are the same for all of a vector become splats where they are used.
void ElementwiseEmitter::emitBody(ValueRange indices, bool asVector) {
  Block *body = op.getBlock();
  IRMapping mapping;
  for (auto [argument, operand] : llvm::zip(body->getArguments(), op->getOpOperands()))
    if (!argument.use_empty())
      mapping.map(argument, load(operand, indices, asVector));
  for (Operation &bodyOp : body->without_terminator())
    emitBodyOp(bodyOp, mapping, indices, asVector);
  for (auto [value, init] : llvm::zip(body->getTerminator()->getOperands(), op.getDpsInitsMutable())) {
    Value result = mapping.lookupOrDefault(value);
    if (!asVector)
      memref::StoreOp::create(emit, result, init.get(), place(init, indices));
    else
      emit.store(isa<VectorType>(result.getType()) ? result : emit.splat(result), init.get(), place(init, indices));
  }
}

void ElementwiseEmitter::emitBodyOp(Operation &bodyOp, IRMapping &mapping, ValueRange indices, bool asVector) {
  if (auto index = dyn_cast<linalg::IndexOp>(bodyOp)) {
    mapping.map(index.getResult(), indices[index.getDim()]);
    return;
  }
  if (!asVector || bodyOp.hasTrait<OpTrait::ConstantLike>()) {
    emit.clone(bodyOp, mapping);
    return;
  }
  ValueList operands;
  for (Value operand : bodyOp.getOperands()) {
    Value mapped = mapping.lookupOrDefault(operand);
    operands.push_back(isa<VectorType>(mapped.getType()) ? mapped : emit.splat(mapped));
  }
  SmallVector<Type> types;
  for (Type type : bodyOp.getResultTypes())
    types.push_back(emit.vectorOf(type));
  OperationState state(emit.getLoc(), bodyOp.getName().getStringRef(), operands, types, bodyOp.getAttrs());
  mapping.map(bodyOp.getResults(), emit.create(state)->getResults());
}

/// Part 0 does it all.
static void emitUndivided(Emitter &emit, Operation *op, WorkPart work) {
  Value first = emit.compare(arith::CmpIPredicate::eq, work.part, emit.index(0));
  emit.ifThen(first, [&] { emit.clone(*op); });
}

LogicalResult mlir::rondo::cpu::emitStructured(OpBuilder &builder, Operation *op, WorkPart work,
                                               const CpuTarget &target) {
  Emitter emit(op->getLoc(), builder, target.lanes());
  if (auto copy = dyn_cast<memref::CopyOp>(op)) {
    auto linalgCopy = linalg::CopyOp::create(emit, copy.getSource(), copy.getTarget());
    ElementwiseEmitter(emit, linalgCopy).emitFor(work);
    linalgCopy.erase();
    return success();
  }
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureBufferSemantics())
    return op->emitError() << "cannot be a kernel on CPUs; expected rondo.attend, rondo.merge, memref.copy or an "
                              "operation of linalg, on memrefs";
  if (isElementwise(linalgOp))
    ElementwiseEmitter(emit, linalgOp).emitFor(work);
  else
    emitUndivided(emit, op, work);
  return success();
}
