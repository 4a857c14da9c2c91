//===- ShiftOps.cpp - Shifts: verification, effects -----------------------------------------------------*- C++ -*-===//
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

static LogicalResult verifyLike(Operation *op, StringRef name, Value value, PendingType pending) {
  auto type = cast<ShapedType>(value.getType());
  if (type.getElementType() != pending.getElementType() ||
      failed(verifyCompatibleShape(type.getShape(), pending.getShape())))
    return op->emitOpError() << name << " of type " << type << " does not fit " << pending;
  return success();
}

LogicalResult ShiftStartOp::verify() {
  PendingType pending = getPending().getType();
  if (isa<RankedTensorType>(getSource().getType())) { // shift_c1
    auto dynamicExtents = llvm::count_if(pending.getShape(), ShapedType::isDynamic);
    if (getDestination())
      return emitOpError("on tensors has no destination");
    if (dynamicExtents != static_cast<int64_t>(getSizes().size()))
      return emitOpError() << "result has " << dynamicExtents << " dynamic extents, but " << getSizes().size()
                           << " sizes are given";
  } else if (!getDestination() || !getSizes().empty()) {
    return emitOpError("on memrefs needs a destination and has no sizes");
  }
  if (failed(verifyLike(*this, "source", getSource(), pending)) ||
      (getDestination() && failed(verifyLike(*this, "destination", getDestination(), pending)))) // shift_c2
    return failure();
  if (getDistance() < 1) // shift_c3
    return emitOpError() << "shifts by " << getDistance() << "; expected at least 1";
  return success();
}

LogicalResult WaitOp::verify() { // wait_c1
  if (isa<RankedTensorType>(getArrived().getType()) != isa<RankedTensorType>(getSource().getType()))
    return emitOpError() << "mixes tensors and memrefs: the source is " << getSource().getType() << ", what arrives "
                         << getArrived().getType();
  return verifyLike(*this, "arrived value", getArrived(), getPending().getType());
}
