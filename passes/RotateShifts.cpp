//===- RotateShifts.cpp - Shifts of a loop begin one iteration early ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before, with a wait at its first use:          After:
//   for t in lb..ub iter(a)                        p = start(a0), at once after a0 is known
//     p = start(a)                                 ...
//     b = wait(p, a)                               for t in lb..ub-1 iter(a, p)
//     compute(b)                                     b = wait(p, a)
//     yield b                                        p' = start(b)
//                                                    compute(b)
//                                                    yield b, p'
//                                                  b = wait(p, a); compute(b)
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/RotateShifts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::spmd;

bool rondo::isCompute(Operation *op) {
  bool yieldsTensors = llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
  if (isa<DestinationStyleOpInterface>(op) || (yieldsTensors && OpTrait::hasElementwiseMappableTraits(op)))
    return true;
  return llvm::any_of(op->getRegions(), [](Region &region) {
    return llvm::any_of(region.getOps(), [](Operation &nested) { return isCompute(&nested); });
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Computing sizes elsewhere
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Computes index values of a loop's body for another iteration, or of its block at an earlier place, by cloning the
/// pure ops that they come from.
class Ahead {
public:
  /// Values are needed before `place`. `loop` is the loop whose body they may come from.
  Ahead(scf::ForOp loop, Operation *place) : loop(loop), place(place) {}

  void mapInductionVariable(Value value) { mapping.map(loop.getInductionVar(), value); }
  /// Whether `value` can be had; the induction variable always can.
  bool canCompute(Value value);
  Value compute(OpBuilder &builder, Value value);

private:
  bool isAvailable(Value value);

  scf::ForOp loop;
  Operation *place;
  IRMapping mapping;
};
} // namespace

/// Whether a value can be used at the place as it is.
bool Ahead::isAvailable(Value value) {
  Operation *definition = value.getDefiningOp();
  if (!definition)
    return value.getParentBlock() != loop.getBody();
  if (loop->isProperAncestor(definition))
    return false;
  return definition->getBlock() != place->getBlock() || definition->isBeforeInBlock(place);
}

bool Ahead::canCompute(Value value) {
  if (value == loop.getInductionVar() || isAvailable(value))
    return true;
  Operation *definition = value.getDefiningOp();
  return definition && isPure(definition) && definition->getNumRegions() == 0 &&
         llvm::all_of(definition->getOperands(), [&](Value operand) { return canCompute(operand); });
}

Value Ahead::compute(OpBuilder &builder, Value value) {
  if (Value mapped = mapping.lookupOrNull(value))
    return mapped;
  if (isAvailable(value))
    return value;
  for (Value operand : value.getDefiningOp()->getOperands())
    if (Value computed = compute(builder, operand); computed != operand)
      mapping.map(operand, computed);
  builder.clone(*value.getDefiningOp(), mapping);
  return mapping.lookup(value);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Which shifts
//===--------------------------------------------------------------------------------------------------------------===//

/// A shift of a loop-carried value that is waited for in the same iteration.
static std::optional<EarlyShift> matchShift(scf::ForOp loop, ShiftStartOp start) {
  auto source = dyn_cast<BlockArgument>(start.getSource());
  if (!source || source.getOwner() != loop.getBody() || source == loop.getInductionVar() ||
      !start.getPending().hasOneUse())
    return std::nullopt;
  auto wait = dyn_cast<WaitOp>(*start.getPending().user_begin());
  if (!wait || wait->getBlock() != loop.getBody() || wait.getSource() != source)
    return std::nullopt;
  return EarlyShift{start, wait, source.getArgNumber() - 1};
}

SmallVector<EarlyShift> rondo::findEarlyShifts(scf::ForOp loop) {
  SmallVector<EarlyShift> shifts;
  Ahead ahead(loop, loop);
  for (ShiftStartOp start : loop.getBody()->getOps<ShiftStartOp>())
    if (std::optional<EarlyShift> shift = matchShift(loop, start);
        shift && llvm::all_of(start.getSizes(), [&](Value size) { return ahead.canCompute(size); }))
      shifts.push_back(*shift);
  // What is sent next must itself arrive by such a shift: anything else is known only late in the iteration.
  auto arrivesEarly = [&](EarlyShift &shift) {
    auto wait = loop.getYieldedValues()[shift.carried].getDefiningOp<WaitOp>();
    return wait && llvm::any_of(shifts, [&](EarlyShift &other) { return other.wait == wait; });
  };
  for (size_t before = shifts.size() + 1; shifts.size() < before;) {
    before = shifts.size();
    llvm::erase_if(shifts, [&](EarlyShift &shift) { return !arrivesEarly(shift); });
  }
  if (llvm::none_of(*loop.getBody(), [](Operation &op) { return isCompute(&op); }))
    shifts.clear();
  return shifts;
}

std::string rondo::getRotationObstacle(scf::ForOp loop) {
  if (getConstantIntValue(loop.getStep()) != 1)
    return "the step of the loop is not 1";
  return "";
}

//===--------------------------------------------------------------------------------------------------------------===//
// The guard
//===--------------------------------------------------------------------------------------------------------------===//

/// The place where all first shifts can start: after what they send is known, as early as their sizes can be had.
static Operation *findPrologue(scf::ForOp loop, ArrayRef<EarlyShift> shifts) {
  Operation *last = nullptr;
  for (const EarlyShift &shift : shifts) {
    Operation *definition = loop.getInitArgs()[shift.carried].getDefiningOp();
    if (definition && definition->getBlock() == loop->getBlock() && (!last || last->isBeforeInBlock(definition)))
      last = definition;
  }
  if (!last)
    return loop;
  Operation *place = last->getNextNode();
  Ahead ahead(loop, place);
  auto canCompute = [&](Value value) { return ahead.canCompute(value); };
  bool sizes = llvm::all_of(shifts, [&](EarlyShift shift) { return llvm::all_of(shift.start.getSizes(), canCompute); });
  return sizes && canCompute(loop.getLowerBound()) && canCompute(loop.getUpperBound()) ? place : loop;
}

static bool runsAtLeastOnce(scf::ForOp loop) {
  std::optional<int64_t> lower = getConstantIntValue(loop.getLowerBound()),
                         upper = getConstantIntValue(loop.getUpperBound());
  return lower && upper && *lower < *upper;
}

/// The results of the ops from `first` to `last` that are used after them.
static SmallVector<Value> getResultsUsedAfter(Operation *first, Operation *last) {
  SmallVector<Value> used;
  Block *block = last->getBlock();
  for (Operation *op = first; op != last->getNextNode(); op = op->getNextNode())
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return last->isBeforeInBlock(block->findAncestorOpInBlock(*user)); }))
        used.push_back(result);
  return used;
}

/// Moves the ops from `first` to the loop under the condition that the loop runs; the other branch has copies of them
/// without the loop. Returns the place of `first` in the condition's first branch.
static Operation *guardLoop(scf::ForOp loop, Operation *first) {
  OpBuilder builder(first);
  Location loc = loop.getLoc();
  Ahead ahead(loop, first);
  Value lower = ahead.compute(builder, loop.getLowerBound()), upper = ahead.compute(builder, loop.getUpperBound());
  Value runs = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, lower, upper);
  SmallVector<Value> results = getResultsUsedAfter(first, loop);
  auto guard = scf::IfOp::create(builder, loc, ValueRange(results).getTypes(), runs, /*withElseRegion=*/true);

  IRMapping copies;
  builder.setInsertionPointToEnd(guard.elseBlock());
  for (Operation *op = first; op != loop; op = op->getNextNode())
    builder.clone(*op, copies);
  for (auto [result, init] : llvm::zip_equal(loop.getResults(), loop.getInitArgs()))
    copies.map(result, copies.lookupOrDefault(init));
  scf::YieldOp::create(builder, loc, llvm::map_to_vector(results, [&](Value v) { return copies.lookupOrDefault(v); }));

  Block *block = guard->getBlock();
  guard.thenBlock()->getOperations().splice(guard.thenBlock()->end(), block->getOperations(), first->getIterator(),
                                            std::next(loop->getIterator()));
  builder.setInsertionPointToEnd(guard.thenBlock());
  auto yield = scf::YieldOp::create(builder, loc, results);
  for (auto [result, guarded] : llvm::zip_equal(results, guard.getResults()))
    result.replaceUsesWithIf(
        guarded, [&](OpOperand &use) { return use.getOwner() != yield && !guard->isProperAncestor(use.getOwner()); });
  return first;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The rotation
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
class Rotation {
public:
  Rotation(scf::ForOp loop, ArrayRef<EarlyShift> shifts)
      : loop(loop), shifts(shifts), builder(loop), loc(loop.getLoc()) {}

  void run(Operation *prologue);

private:
  Value createStart(EarlyShift shift, Value source, ValueRange sizes);
  SmallVector<Value> emitPrologue(Operation *place);
  void createSteadyLoop(ValueRange firstPending, Value last);
  void waitForCarried();
  void emitNextStarts();
  SmallVector<Value> emitLastIteration(Value last);

  scf::ForOp loop, steady;
  ArrayRef<EarlyShift> shifts;
  OpBuilder builder;
  Location loc;
  /// The op before which the next shifts start: the first use of what has arrived.
  Operation *startPlace = nullptr;
};
} // namespace

Value Rotation::createStart(EarlyShift shift, Value source, ValueRange sizes) {
  ShiftStartOp start = shift.start;
  return ShiftStartOp::create(builder, start.getLoc(), start.getPending().getType(), source, /*destination=*/Value(),
                              start.getDistanceAttr(), start.getGridAttr(), start.getAxisAttr(), sizes,
                              start.getNameAttr());
}

/// The shifts of the first iteration start before the loop.
SmallVector<Value> Rotation::emitPrologue(Operation *place) {
  builder.setInsertionPoint(place);
  Ahead ahead(loop, place);
  ahead.mapInductionVariable(ahead.compute(builder, loop.getLowerBound()));
  SmallVector<SmallVector<Value>> sizes; // before all starts, so that these are adjacent
  for (EarlyShift shift : shifts)
    sizes.push_back(
        llvm::map_to_vector(shift.start.getSizes(), [&](Value size) { return ahead.compute(builder, size); }));
  SmallVector<Value> pending;
  for (auto [shift, shiftSizes] : llvm::zip_equal(shifts, sizes))
    pending.push_back(createStart(shift, loop.getInitArgs()[shift.carried], shiftSizes));
  return pending;
}

/// A loop of one iteration less that takes over the body, and carries the pending values, too.
void Rotation::createSteadyLoop(ValueRange firstPending, Value last) {
  SmallVector<Value> inits(loop.getInitArgs());
  llvm::append_range(inits, firstPending);
  steady = scf::ForOp::create(builder, loc, loop.getLowerBound(), last, loop.getStep(), inits);
  Block *body = steady.getBody();
  for (auto [before, after] : llvm::zip(loop.getBody()->getArguments(), body->getArguments()))
    before.replaceAllUsesWith(after);
  body->getOperations().splice(body->end(), loop.getBody()->getOperations());
}

/// Waits, where this iteration started its shifts until now, for what the iteration before has started. All waits are
/// together, so that all next starts can be: adjacent starts become one exchange.
void Rotation::waitForCarried() {
  auto isEarlyWait = [&](Operation *op) {
    return llvm::any_of(shifts, [&](EarlyShift shift) { return shift.wait == op; });
  };
  for (EarlyShift shift : shifts) {
    Operation *place = shift.wait->getNextNode();
    while (isEarlyWait(place))
      place = place->getNextNode();
    if (!startPlace || place->isBeforeInBlock(startPlace))
      startPlace = place;
  }
  ShiftStartOp first = EarlyShift(shifts.front()).start;
  for (auto [number, constShift] : llvm::enumerate(shifts)) {
    EarlyShift shift = constShift;
    shift.wait.getPendingMutable().assign(steady.getRegionIterArgs()[loop.getInitArgs().size() + number]);
    shift.wait->moveBefore(first);
  }
  for (EarlyShift shift : shifts) // the starts remain as a model for the others, outside of the program
    shift.start->remove();
}

/// Clones the body for the last iteration, which starts no shift, and returns what it yields.
SmallVector<Value> Rotation::emitLastIteration(Value last) {
  builder.setInsertionPointAfter(steady);
  IRMapping mapping;
  mapping.map(steady.getInductionVar(), last);
  mapping.map(steady.getRegionIterArgs(), steady.getResults());
  for (Operation &op : steady.getBody()->without_terminator())
    builder.clone(op, mapping);
  return llvm::map_to_vector(steady.getBody()->getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// Starts the shifts of the next iteration as soon as what they send has arrived.
void Rotation::emitNextStarts() {
  auto yield = cast<scf::YieldOp>(steady.getBody()->getTerminator());
  builder.setInsertionPoint(shifts.front().wait);
  Ahead ahead(steady, shifts.front().wait);
  ahead.mapInductionVariable(arith::AddIOp::create(builder, loc, steady.getInductionVar(), steady.getStep()));
  SmallVector<SmallVector<Value>> sizes;
  for (EarlyShift shift : shifts)
    sizes.push_back(
        llvm::map_to_vector(shift.start.getSizes(), [&](Value size) { return ahead.compute(builder, size); }));
  // Next to starts that were there before, if only pure ops lie between.
  for (Operation *previous = startPlace->getPrevNode(); previous && isPure(previous) && !isCompute(previous);
       previous = startPlace->getPrevNode())
    startPlace = previous;
  builder.setInsertionPoint(startPlace);
  for (auto [shift, shiftSizes] : llvm::zip_equal(shifts, sizes))
    yield->insertOperands(yield->getNumOperands(), createStart(shift, yield.getOperand(shift.carried), shiftSizes));
}

void Rotation::run(Operation *prologue) {
  SmallVector<Value> firstPending = emitPrologue(prologue);
  builder.setInsertionPoint(loop);
  Value last = arith::SubIOp::create(builder, loc, loop.getUpperBound(), loop.getStep());
  createSteadyLoop(firstPending, last);
  waitForCarried();
  SmallVector<Value> results = emitLastIteration(last);
  emitNextStarts();
  for (auto [result, value] : llvm::zip_equal(loop.getResults(), results))
    result.replaceAllUsesWith(value);
  loop.erase();
  for (EarlyShift shift : shifts)
    shift.start->destroy();
}

void rondo::rotateShifts(scf::ForOp loop, ArrayRef<EarlyShift> shifts) {
  Operation *prologue = findPrologue(loop, shifts);
  if (!runsAtLeastOnce(loop))
    prologue = guardLoop(loop, prologue);
  Rotation(loop, shifts).run(prologue);
}
