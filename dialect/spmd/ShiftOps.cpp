//===- ShiftOps.cpp - Shifts: verification, effects -----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/spmd/Spmd.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::spmd;

using Effects = SmallVectorImpl<MemoryEffects::EffectInstance>;

/// Communication reads and writes the order of messages, so that nothing moves, merges or drops it.
static void addCommunicationEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), CommunicationResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), CommunicationResource::get());
}

void ShiftStartOp::getEffects(Effects &effects) {
  addCommunicationEffects(effects);
  if (isa<BaseMemRefType>(getSource().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getSourceMutable());
  for (OpOperand &destination : getDestinationMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &destination);
}

void WaitOp::getEffects(Effects &effects) {
  addCommunicationEffects(effects);
  if (isa<BaseMemRefType>(getSource().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getSourceMutable());
}

void StepOp::getEffects(Effects &effects) { addCommunicationEffects(effects); }

/// Verifies that `value` has the element type and, up to `?`, the shape of a value in flight.
static LogicalResult verifyLike(Operation *op, StringRef name, Value value, PendingType pending) {
  auto type = cast<ShapedType>(value.getType());
  if (type.getElementType() != pending.getElementType() ||
      failed(verifyCompatibleShape(type.getShape(), pending.getShape())))
    return op->emitOpError() << name << " of type " << type << " does not fit " << Type(pending)
                             << "; expected its element type and, up to ?, its shape";
  return success();
}

/// Verifies how the extents of what arrives are given: as sizes for tensors, by the destination for memrefs.
static LogicalResult verifyExtents(ShiftStartOp op) { // shift_c1
  if (isa<BaseMemRefType>(op.getSource().getType())) {
    if (!op.getDestination())
      return op.emitOpError("on memrefs needs a destination: name it with 'into'");
    if (!op.getSizes().empty())
      return op.emitOpError() << "on memrefs has no sizes, but got " << op.getSizes().size()
                              << "; the destination has them";
    return success();
  }
  if (op.getDestination())
    return op.emitOpError() << "on tensors has no destination, but got one of type " << op.getDestination().getType();
  size_t dynamicExtents = llvm::count_if(op.getPending().getType().getShape(), ShapedType::isDynamic);
  if (dynamicExtents != op.getSizes().size())
    return op.emitOpError() << "result has " << dynamicExtents << " dynamic extents, but " << op.getSizes().size()
                            << " sizes are given; expected one size for each";
  return success();
}

LogicalResult ShiftStartOp::verify() {
  PendingType pending = getPending().getType();
  if (failed(verifyExtents(*this)) || failed(verifyLike(*this, "source", getSource(), pending)) ||
      (getDestination() && failed(verifyLike(*this, "destination", getDestination(), pending)))) // shift_c2
    return failure();
  if (auto distance = static_cast<int64_t>(getDistance()); distance < 1) // shift_c3
    return emitOpError() << "shifts by " << distance << "; expected at least 1";
  return success();
}

LogicalResult WaitOp::verify() { // wait_c1
  if (isa<RankedTensorType>(getArrived().getType()) != isa<RankedTensorType>(getSource().getType()))
    return emitOpError() << "mixes tensors and memrefs: the source is " << getSource().getType() << ", what arrives "
                         << getArrived().getType();
  return failure(failed(verifyLike(*this, "source", getSource(), getPending().getType())) ||
                 failed(verifyLike(*this, "arrived value", getArrived(), getPending().getType())));
}
