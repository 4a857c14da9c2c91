//===- BufferFlow.cpp - Which values name an allocation, and for how many iterations --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/BufferFlow.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {

/// A value that names the buffer, and how many iterations later than the allocation.
struct Name {
  Value value;
  unsigned age;
};

/// A name that a use gives to the buffer: none if the use is only an access.
struct Flow {
  SmallVector<Name> names;
  bool accesses = true;
};

} // namespace

static bool isBuffer(Value value) { return isa<BaseMemRefType, spmd::PendingType>(value.getType()); }

static FailureOr<Flow> followYield(scf::YieldOp yield, unsigned number, unsigned age, scf::ForOp loop) {
  Operation *parent = yield->getParentOp();
  if (auto parentLoop = dyn_cast<scf::ForOp>(parent))
    return Flow{{{parentLoop.getResult(number), age},
                 {parentLoop.getRegionIterArg(number), age + (parentLoop == loop ? 1 : 0)}},
                /*accesses=*/false};
  if (isa<scf::IfOp>(parent))
    return Flow{{{parent->getResult(number), age}}, /*accesses=*/false};
  return parent->emitOpError("hands memory on in a way that memory planning does not follow; use scf.for or scf.if");
}

static FailureOr<Flow> follow(OpOperand &use, unsigned age, scf::ForOp loop) {
  Operation *op = use.getOwner();
  if (auto yield = dyn_cast<scf::YieldOp>(op))
    return followYield(yield, use.getOperandNumber(), age, loop);
  if (auto inner = dyn_cast<scf::ForOp>(op))
    return Flow{{{inner.getTiedLoopRegionIterArg(&use), age}, {inner.getTiedLoopResult(&use), age}},
                /*accesses=*/false};
  if (auto start = dyn_cast<spmd::ShiftStartOp>(op))
    return use.get() == start.getDestination() ? Flow{{{start.getPending(), age}}} : Flow{};
  if (auto wait = dyn_cast<spmd::WaitOp>(op))
    return use.get() == wait.getPending() ? Flow{{{wait.getArrived(), age}}} : Flow{};
  if (isa<ViewLikeOpInterface, memref::CastOp>(op))
    return Flow{{{op->getResult(0), age}}, /*accesses=*/false};
  if (llvm::any_of(op->getResults(), isBuffer) || op->hasTrait<OpTrait::IsTerminator>())
    return op->emitOpError("hands memory on in a way that memory planning does not follow; use scf.for or scf.if");
  return Flow{{}, !isa<memref::DimOp>(op)};
}

FailureOr<SmallVector<BufferUse>> rondo::findBufferUses(Value root, scf::ForOp loop, SmallVectorImpl<Value> *names) {
  // A buffer passes each carried value of the loop at most once, unless it goes round in circles.
  unsigned oldest = loop ? loop.getNumRegionIterArgs() : 0;
  SmallVector<BufferUse> uses;
  SmallVector<Name> worklist{{root, 0}};
  DenseSet<std::pair<Value, unsigned>> seen;
  while (!worklist.empty()) {
    Name name = worklist.pop_back_val();
    if (!seen.insert({name.value, name.age}).second)
      continue;
    if (name.age > oldest)
      return emitError(root.getLoc(), "this memory lives for ever: the loop hands it from each iteration to the next, "
                                      "so that no number of slots is enough");
    if (names)
      names->push_back(name.value);
    for (OpOperand &use : name.value.getUses()) {
      FailureOr<Flow> flow = follow(use, name.age, loop);
      if (failed(flow))
        return failure();
      if (flow->accesses)
        uses.push_back({use.getOwner(), name.age});
      llvm::append_range(worklist, flow->names);
    }
  }
  return uses;
}

FailureOr<unsigned> rondo::countSlots(memref::AllocOp alloc, scf::ForOp loop) {
  FailureOr<SmallVector<BufferUse>> uses = findBufferUses(alloc, loop);
  if (failed(uses))
    return failure();
  Block *body = loop.getBody();
  Operation *first = nullptr; // the earliest access in the iteration that allocates
  for (const BufferUse &use : *uses)
    if (Operation *op = body->findAncestorOpInBlock(*use.op);
        op && use.age == 0 && (!first || op->isBeforeInBlock(first)))
      first = op;
  // In the loop, the buffer of iteration i is used up to `age` iterations later; there, the slot's next buffer begins
  // at `first`. After the loop, it is used if the loop ended `age` iterations later: no buffer since then took its
  // slot.
  unsigned slots = 1;
  for (const BufferUse &use : *uses) {
    Operation *op = body->findAncestorOpInBlock(*use.op);
    bool beforeNext = op && first && op->isBeforeInBlock(first);
    slots = std::max(slots, use.age + (beforeNext ? 0 : 1));
  }
  return slots;
}
