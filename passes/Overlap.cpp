//===- Overlap.cpp - Shifts move so that compute hides them ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A schedule waits for each transfer at once. This pass moves waits down to the first use of what arrives, and starts
// in loops up into the iteration before. It knows nothing of attention: only what is computed, and what is in flight.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/HoistStarts.h"
#include "passes/Passes.h"
#include "passes/RotateShifts.h"

#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOOVERLAPPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

/// The first op of the block that uses, itself or in a region, what a wait gives; the terminator if none does or only
/// other blocks do.
static Operation *findFirstUse(spmd::WaitOp wait) {
  Block *block = wait->getBlock();
  Operation *first = block->getTerminator();
  for (Operation *user : wait.getArrived().getUsers())
    if (Operation *op = block->findAncestorOpInBlock(*user); op && op->isBeforeInBlock(first))
      first = op;
  return first;
}

/// Moves each wait to just before the first use of what arrives. Waits keep their order.
static void sinkWaits(func::FuncOp function) {
  SmallVector<spmd::WaitOp> waits;
  function.walk([&](spmd::WaitOp wait) { waits.push_back(wait); });
  for (spmd::WaitOp wait : waits)
    wait->moveBefore(findFirstUse(wait));
}

static remark::RemarkOpts getRemarkOptions(func::FuncOp function) {
  return remark::RemarkOpts::name("Overlap").category("rondo-overlap").function(function.getName());
}

static void rotateLoops(func::FuncOp function) {
  SmallVector<scf::ForOp> loops;
  function.walk([&](scf::ForOp loop) { loops.push_back(loop); });
  for (scf::ForOp loop : loops) {
    SmallVector<EarlyShift> shifts = findEarlyShifts(loop);
    if (shifts.empty())
      continue;
    if (std::string obstacle = getRotationObstacle(loop); !obstacle.empty()) {
      remark::missed(loop.getLoc(), getRemarkOptions(function))
          << remark::reason("{0}", obstacle)
          << remark::suggest("let the loop count the steps of the schedule, one by one");
      continue;
    }
    rotateShifts(loop, shifts);
  }
}

/// The op that hides a shift which is waited for in the same block; null if none does.
static Operation *findHidingOp(spmd::ShiftStartOp start, spmd::WaitOp wait) {
  for (Operation *op = start->getNextNode(); op != wait; op = op->getNextNode())
    if (isCompute(op))
      return op;
  return nullptr;
}

/// What hides a shift; empty if nothing does. One whose pending value is loop-carried is hidden by the step it starts
/// in.
static StringRef findHidingWork(spmd::ShiftStartOp start) {
  if (start.getPending().use_empty())
    return "";
  auto wait = dyn_cast<spmd::WaitOp>(*start.getPending().user_begin());
  if (!wait || wait->getBlock() != start->getBlock())
    return "the step it starts in";
  Operation *op = findHidingOp(start, wait);
  return op ? op->getName().getStringRef() : "";
}

/// Reports for each shift what hides it; once for those that come from one op by peeling.
static void remarkShifts(func::FuncOp function) {
  auto options = getRemarkOptions(function);
  llvm::DenseSet<std::tuple<const void *, StringRef, StringRef>> reported;
  function.walk([&](spmd::ShiftStartOp start) {
    StringRef work = findHidingWork(start);
    if (!reported.insert({start.getLoc().getAsOpaquePointer(), start.getName(), work}).second)
      return;
    if (!work.empty()) {
      remark::passed(start.getLoc(), options)
          << remark::metric("transfer", start.getName()) << remark::metric("behind", work);
      return;
    }
    remark::missed(start.getLoc(), options)
        << remark::metric("transfer", start.getName())
        << remark::reason("nothing is computed between its start and the first use of what arrives")
        << remark::suggest("compute in between what does not need it");
  });
}

/// On memrefs an op between a start and its wait may overwrite what is sent: only tensors show what depends on what.
static LogicalResult verifyOnTensors(func::FuncOp function) {
  WalkResult walk = function.walk([](spmd::ShiftStartOp start) {
    if (isa<RankedTensorType>(start.getSource().getType()))
      return WalkResult::advance();
    start.emitOpError("sends a memref; expected a tensor: overlap transfers before bufferisation");
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

namespace {
struct OverlapPass : mlir::rondo::impl::RondoOverlapPassBase<OverlapPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function->hasAttr(RondoDialect::kReferenceAttr))
      return;
    if (failed(verifyOnTensors(function)))
      return signalPassFailure();
    sinkWaits(function);
    function.walk([](Block *block) { hoistStarts(*block); });
    rotateLoops(function);
    remarkShifts(function);
  }
};
} // namespace
