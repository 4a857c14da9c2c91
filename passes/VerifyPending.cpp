//===- VerifyPending.cpp - Every flight ends once -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value in flight is like a linear type: on every path exactly one wait ends the flight, and that wait names what the
// start sends. Values in flight may be carried by loops and yielded by branches, and go nowhere else.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_SPMDVERIFYPENDINGPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::spmd;

static bool isPending(Value value) { return isa<PendingType>(value.getType()); }

//===--------------------------------------------------------------------------------------------------------------===//
// Exactly one wait on every path
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Counts how often a pending value is consumed: by a wait, or by being carried on.
class ConsumptionVerifier {
public:
  explicit ConsumptionVerifier(Value pending) : pending(pending) {}

  LogicalResult verify();

private:
  InFlightDiagnostic emitError(const Twine &problem);
  FailureOr<unsigned> countIn(Block *block);
  FailureOr<unsigned> countIn(Operation *op);
  FailureOr<unsigned> countInBranches(scf::IfOp op);

  Value pending;
};
} // namespace

InFlightDiagnostic ConsumptionVerifier::emitError(const Twine &problem) {
  if (auto start = pending.getDefiningOp<ShiftStartOp>())
    return start.emitOpError() << "starts the transfer \"" << start.getName() << "\", which " << problem;
  return mlir::emitError(pending.getLoc())
         << "a value in flight, " << (isa<BlockArgument>(pending) ? "carried by a loop, " : "a result of ")
         << (isa<BlockArgument>(pending) ? "" : pending.getDefiningOp()->getName().getStringRef() + ", ") << problem;
}

FailureOr<unsigned> ConsumptionVerifier::countInBranches(scf::IfOp op) {
  FailureOr<unsigned> inThen = countIn(op.thenBlock());
  FailureOr<unsigned> inElse = op.elseBlock() ? countIn(op.elseBlock()) : FailureOr<unsigned>(0);
  if (failed(inThen) || failed(inElse))
    return failure();
  if (*inThen == *inElse)
    return *inThen;
  InFlightDiagnostic diagnostic =
      emitError("is waited for on some paths only; expected exactly one wait on every path");
  diagnostic.attachNote(op.getLoc()) << "it is consumed " << *inThen << " times if this condition holds, and "
                                     << *inElse << " times if not";
  return failure();
}

FailureOr<unsigned> ConsumptionVerifier::countIn(Operation *op) {
  unsigned direct = llvm::count(op->getOperands(), pending);
  if (direct > 0 && !isa<WaitOp, scf::ForOp, scf::YieldOp>(op)) {
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "uses a value in flight; expected only spmd.wait, scf.for and scf.yield to";
    diagnostic.attachNote(pending.getLoc()) << "the flight starts here";
    return failure();
  }
  if (op->getNumRegions() == 0)
    return direct;
  if (auto branches = dyn_cast<scf::IfOp>(op))
    return countInBranches(branches);
  bool usedInside = llvm::any_of(pending.getUsers(), [&](Operation *user) { return op->isProperAncestor(user); });
  if (usedInside) {
    InFlightDiagnostic diagnostic =
        emitError("is waited for in the body of " + op->getName().getStringRef() +
                  ", which may run any number of times; expected exactly one wait on every path");
    diagnostic.attachNote(op->getLoc()) << "carry it through the loop's iter_args";
    return failure();
  }
  return direct;
}

FailureOr<unsigned> ConsumptionVerifier::countIn(Block *block) {
  unsigned count = 0;
  for (Operation &op : *block) {
    FailureOr<unsigned> here = countIn(&op);
    if (failed(here))
      return failure();
    count += *here;
  }
  return count;
}

LogicalResult ConsumptionVerifier::verify() {
  Block *block = pending.getParentBlock();
  for (Operation *user : pending.getUsers())
    if (!block->findAncestorOpInBlock(*user)) {
      emitError("is used in another block; expected branches and loops of the scf dialect").attachNote(user->getLoc())
          << "used here";
      return failure();
    }
  FailureOr<unsigned> count = countIn(block);
  if (failed(count))
    return failure();
  if (*count == 1)
    return success();
  if (*count == 0) {
    emitError("is never waited for; expected exactly one wait on every path").attachNote()
        << "add an spmd.wait for it that names its source";
    return failure();
  }
  InFlightDiagnostic diagnostic =
      emitError("is consumed " + Twine(*count) + " times; expected exactly one wait on every path");
  for (Operation *user : pending.getUsers())
    diagnostic.attachNote(user->getLoc()) << "consumed here";
  return failure();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The wait names the source
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
/// Proves that a value is what the start of a pending value sends, through loops and branches.
class SourceProver {
public:
  bool isSource(Value pending, Value source);

private:
  bool isSourceOfCarried(BlockArgument pending, Value source);
  bool isSourceOfLoopResult(scf::ForOp loop, unsigned number, Value source);
  bool isSourceOfBranchResult(scf::IfOp op, unsigned number, Value source);

  /// Pairs that are proven or, around a loop, assumed: if they hold at its begin, and its body keeps them, they hold.
  llvm::DenseSet<std::pair<Value, Value>> assumed;
};
} // namespace

bool SourceProver::isSource(Value pending, Value source) {
  if (!assumed.insert({pending, source}).second)
    return true;
  if (auto argument = dyn_cast<BlockArgument>(pending))
    return isSourceOfCarried(argument, source);
  if (auto start = pending.getDefiningOp<ShiftStartOp>())
    return start.getSource() == source;
  unsigned number = cast<OpResult>(pending).getResultNumber();
  if (auto loop = pending.getDefiningOp<scf::ForOp>())
    return isSourceOfLoopResult(loop, number, source);
  if (auto op = pending.getDefiningOp<scf::IfOp>())
    return isSourceOfBranchResult(op, number, source);
  return false;
}

/// The value that a loop has as its iteration argument `source` at the begin, and what its body yields for it: the same
/// value if it does not change.
static std::pair<Value, Value> getCarried(scf::ForOp loop, Value source) {
  auto argument = dyn_cast<BlockArgument>(source);
  if (!argument || argument.getOwner() != loop.getBody() || argument == loop.getInductionVar())
    return {source, source};
  unsigned number = argument.getArgNumber() - 1;
  return {loop.getInitArgs()[number], loop.getYieldedValues()[number]};
}

bool SourceProver::isSourceOfCarried(BlockArgument pending, Value source) {
  auto loop = dyn_cast<scf::ForOp>(pending.getOwner()->getParentOp());
  if (!loop)
    return false;
  auto [pendingBefore, pendingNext] = getCarried(loop, pending);
  auto [sourceBefore, sourceNext] = getCarried(loop, source);
  return isSource(pendingBefore, sourceBefore) && isSource(pendingNext, sourceNext);
}

bool SourceProver::isSourceOfLoopResult(scf::ForOp loop, unsigned number, Value source) {
  Value carried =
      source.getDefiningOp() == loop ? loop.getRegionIterArgs()[cast<OpResult>(source).getResultNumber()] : source;
  return isSource(loop.getRegionIterArgs()[number], carried);
}

bool SourceProver::isSourceOfBranchResult(scf::IfOp op, unsigned number, Value source) {
  return llvm::all_of(ArrayRef<scf::YieldOp>{op.thenYield(), op.elseYield()}, [&](scf::YieldOp yield) {
    Value yielded = source.getDefiningOp() == op ? yield.getOperand(cast<OpResult>(source).getResultNumber()) : source;
    return isSource(yield.getOperand(number), yielded);
  });
}

static LogicalResult verifySource(WaitOp wait) {
  if (SourceProver().isSource(wait.getPending(), wait.getSource()))
    return success();
  InFlightDiagnostic diagnostic =
      wait.emitOpError("names a source that is not shown to be what the start of the transfer sends");
  if (auto start = wait.getPending().getDefiningOp<ShiftStartOp>())
    diagnostic.attachNote(start.getLoc()) << "this start sends another value";
  else
    diagnostic.attachNote(wait.getPending().getLoc())
        << "carry what is sent together with the value in flight, and name that";
  return failure();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// Functions take and give no values in flight: a flight ends in the function in which it starts.
static LogicalResult verifySignature(func::FuncOp function) {
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(), function.getResultTypes()))
    if (isa<PendingType>(type))
      return function.emitOpError() << "has " << type
                                    << " in its type; expected flights to end in the function in which "
                                       "they start";
  return success();
}

static LogicalResult verifyAll(func::FuncOp function) {
  bool valid = true;
  auto verifyValues = [&](auto values) {
    for (Value value : values)
      if (isPending(value))
        valid &= succeeded(ConsumptionVerifier(value).verify());
  };
  function.walk([&](Operation *op) {
    verifyValues(op->getResults());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        verifyValues(block.getArguments());
  });
  if (valid) // else a source would be looked for along broken paths
    function.walk([&](WaitOp wait) { valid &= succeeded(verifySource(wait)); });
  return success(valid);
}

namespace {
struct VerifyPendingPass : rondo::impl::SpmdVerifyPendingPassBase<VerifyPendingPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function->hasAttr(rondo::RondoDialect::kReferenceAttr))
      return;
    if (failed(verifySignature(function)) || failed(verifyAll(function)))
      signalPassFailure();
  }
};
} // namespace
