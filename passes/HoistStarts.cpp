//===- HoistStarts.cpp - Shifts in straight-line code start early ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/HoistStarts.h"

#include "passes/RotateShifts.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::spmd;

/// The op of the block that defines a value; null if the value is known when the block begins.
static Operation *getDefinitionIn(Block *block, Value value) {
  Operation *definition = value.getDefiningOp();
  return definition && definition->getBlock() == block ? definition : nullptr;
}

/// Whether an index value can be had before `place`, by moving pure ops up.
static bool canMoveUp(Value value, Operation *place) {
  Operation *definition = getDefinitionIn(place->getBlock(), value);
  if (!definition || definition->isBeforeInBlock(place))
    return true;
  return isPure(definition) && definition->getNumRegions() == 0 &&
         llvm::all_of(definition->getOperands(), [&](Value operand) { return canMoveUp(operand, place); });
}

static void moveUp(Value value, Operation *place) {
  Operation *definition = getDefinitionIn(place->getBlock(), value);
  if (!definition || definition->isBeforeInBlock(place))
    return;
  for (Value operand : definition->getOperands())
    moveUp(operand, place);
  definition->moveBefore(place);
}

/// The first op before which a start can stand: the one after the definition of what it sends.
static Operation *findEarliestPlace(ShiftStartOp start) {
  Block *block = start->getBlock();
  Operation *definition = getDefinitionIn(block, start.getSource());
  Operation *place = definition ? definition->getNextNode() : &block->front();
  bool sizes = llvm::all_of(start.getSizes(), [&](Value size) { return canMoveUp(size, place); });
  return sizes ? place : start.getOperation();
}

static bool hasComputeBetween(Operation *first, Operation *end) {
  for (Operation *op = first; op != end; op = op->getNextNode())
    if (isCompute(op))
      return true;
  return false;
}

/// Whether all compute between two places makes what the starts send: waiting for it delays a start by little.
static bool onlyMakesSources(Operation *first, Operation *end, ArrayRef<ShiftStartOp> starts) {
  for (Operation *op = first; op != end; op = op->getNextNode())
    if (isCompute(op) &&
        llvm::none_of(starts, [&](ShiftStartOp start) { return start.getSource().getDefiningOp() == op; }))
      return false;
  return true;
}

/// Hoists those of a run of adjacent starts that compute can hide: together if that delays none of them by more than
/// the making of what the others send.
static void hoistRun(ArrayRef<ShiftStartOp> run) {
  SmallVector<ShiftStartOp> starts;
  SmallVector<Operation *> places;
  Operation *together = nullptr;
  for (ShiftStartOp start : run) {
    Operation *place = findEarliestPlace(start);
    if (!hasComputeBetween(place, start))
      continue;
    starts.push_back(start);
    places.push_back(place);
    if (!together || together->isBeforeInBlock(place))
      together = place;
  }
  bool share = llvm::all_of(places, [&](Operation *place) { return onlyMakesSources(place, together, starts); });
  for (auto [start, place] : llvm::zip_equal(starts, places)) {
    Operation *target = share ? together : place;
    for (Value size : start.getSizes())
      moveUp(size, target);
    start->moveBefore(target);
  }
}

void rondo::hoistStarts(Block &block) {
  SmallVector<SmallVector<ShiftStartOp>> runs(1);
  for (Operation &op : block) {
    if (auto start = dyn_cast<ShiftStartOp>(op))
      runs.back().push_back(start);
    else if (isCompute(&op) || !isPure(&op))
      runs.emplace_back();
  }
  for (ArrayRef<ShiftStartOp> run : runs)
    hoistRun(run);
}
