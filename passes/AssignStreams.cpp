//===- AssignStreams.cpp - rondo-assign-streams: shifts become exchanges, ordered by events -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three orders must hold. A send comes after its producer, and a receive after the last reader of its slot: before an
// exchange, communication awaits all compute issued so far. A reader comes after the arrival: where the program waits
// for a shift, compute awaits the event that follows the exchange. A value in flight is that event and its destination.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOASSIGNSTREAMSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::exec;

//===--------------------------------------------------------------------------------------------------------------===//
// Starts
//===--------------------------------------------------------------------------------------------------------------===//

/// Shifts that one exchange does: they go the same way, and nothing is issued between them.
using ShiftGroup = SmallVector<spmd::ShiftStartOp>;

static bool goesWith(spmd::ShiftStartOp start, spmd::ShiftStartOp other) {
  return start.getDistance() == other.getDistance() && start.getGridAttr() == other.getGridAttr() &&
         start.getAxisAttr() == other.getAxisAttr();
}

static SmallVector<ShiftGroup> groupShifts(func::FuncOp function) {
  SmallVector<ShiftGroup> groups;
  function.walk([&](Block *block) {
    bool open = false; // whether a start may join the last group
    for (Operation &op : *block) {
      if (auto start = dyn_cast<spmd::ShiftStartOp>(op)) {
        if (!open || !goesWith(start, groups.back().front()))
          groups.emplace_back();
        groups.back().push_back(start);
        open = true;
      } else if (!isMemoryEffectFree(&op)) {
        open = false;
      }
    }
  });
  return groups;
}

static MemRefType getMemRefType(spmd::PendingType pending) {
  return MemRefType::get(pending.getShape(), pending.getElementType());
}

/// `buffer` as one of the shape that its shift declares.
static FailureOr<Value> castToPending(OpBuilder &builder, spmd::ShiftStartOp start, Value buffer) {
  MemRefType type = getMemRefType(start.getPending().getType());
  if (buffer.getType() == type)
    return buffer;
  if (!cast<MemRefType>(buffer.getType()).getLayout().isIdentity())
    return start.emitOpError() << "moves " << buffer.getType()
                               << ", which need not be contiguous; copy it to a tensor of its own first (linalg.copy)";
  return memref::CastOp::create(builder, start.getLoc(), type, buffer).getResult();
}

/// Replaces a group by an exchange between two events. Until pending values are converted, each is a cast of the second
/// event and the destination.
static LogicalResult createExchange(ArrayRef<spmd::ShiftStartOp> group) {
  spmd::ShiftStartOp last = group.back();
  OpBuilder builder(last);
  Location loc = last.getLoc();
  SmallVector<Value> sources, destinations;
  SmallVector<Attribute> names;
  for (spmd::ShiftStartOp start : group) {
    FailureOr<Value> source = castToPending(builder, start, start.getSource());
    FailureOr<Value> destination = castToPending(builder, start, start.getDestination());
    if (failed(source) || failed(destination))
      return failure();
    sources.push_back(*source);
    destinations.push_back(*destination);
    names.push_back(start.getNameAttr());
  }
  auto event = EventType::get(builder.getContext());
  Value ready = RecordOp::create(builder, loc, event, Stream::Compute);
  AwaitOp::create(builder, loc, Stream::Communication, ready);
  ExchangeOp::create(builder, loc, Stream::Communication, last.getDistance(), last.getGrid(), last.getAxis(), sources,
                     destinations, builder.getArrayAttr(names));
  Value arrived = RecordOp::create(builder, loc, event, Stream::Communication);
  for (auto [shift, destination] : llvm::zip(group, destinations)) {
    spmd::ShiftStartOp start = shift;
    auto pending = UnrealizedConversionCastOp::create(builder, loc, start.getPending().getType(),
                                                      ValueRange{arrived, destination});
    start.replaceAllUsesWith(pending.getResult(0));
    start.erase();
  }
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Waits, steps, and what hands pending values on
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

struct ConvertWait : OpConversionPattern<spmd::WaitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(spmd::WaitOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value event = adaptor.getPending()[0], arrived = adaptor.getPending()[1];
    AwaitOp::create(rewriter, op.getLoc(), Stream::Compute, event);
    if (arrived.getType() != op.getArrived().getType())
      arrived = memref::CastOp::create(rewriter, op.getLoc(), op.getArrived().getType(), arrived);
    rewriter.replaceOp(op, arrived);
    return success();
  }
};

struct ConvertStep : OpConversionPattern<spmd::StepOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(spmd::StepOp op, OneToNOpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<exec::StepOp>(op, op.getStep(), op.getTail());
    return success();
  }
};

} // namespace

static LogicalResult convertPending(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  TypeConverter types;
  types.addConversion([](Type type) { return type; });
  types.addConversion([](spmd::PendingType type, SmallVectorImpl<Type> &converted) -> std::optional<LogicalResult> {
    converted.assign({EventType::get(type.getContext()), getMemRefType(type)});
    return success();
  });
  auto materialize = [](OpBuilder &builder, TypeRange results, ValueRange inputs, Location loc) {
    return llvm::to_vector_of<Value>(UnrealizedConversionCastOp::create(builder, loc, results, inputs).getResults());
  };
  types.addTargetMaterialization(materialize);

  RewritePatternSet patterns(context);
  ConversionTarget target(*context);
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  target.addIllegalOp<spmd::WaitOp, spmd::StepOp>();
  scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
  patterns.add<ConvertWait, ConvertStep>(types, context);
  if (failed(applyPartialConversion(function, target, std::move(patterns))))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts, remaining;
  function.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts, &remaining);
  for (UnrealizedConversionCastOp cast : remaining)
    return cast.emitError("a value in flight is used other than by spmd.wait, scf.for and scf.if");
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Redundant awaits
//===--------------------------------------------------------------------------------------------------------------===//

/// Whether two events are the same: one value, or handed on side by side by a loop or a branch.
static bool isSameEvent(Value a, Value b) {
  if (a == b)
    return true;
  auto argumentA = dyn_cast<BlockArgument>(a), argumentB = dyn_cast<BlockArgument>(b);
  if (argumentA && argumentB && argumentA.getOwner() == argumentB.getOwner()) {
    auto loop = dyn_cast<scf::ForOp>(argumentA.getOwner()->getParentOp());
    return loop && loop.getTiedLoopInit(argumentA)->get() == loop.getTiedLoopInit(argumentB)->get() &&
           loop.getTiedLoopYieldedValue(argumentA)->get() == loop.getTiedLoopYieldedValue(argumentB)->get();
  }
  auto resultA = dyn_cast<OpResult>(a), resultB = dyn_cast<OpResult>(b);
  if (!resultA || !resultB || resultA.getOwner() != resultB.getOwner())
    return false;
  if (auto loop = dyn_cast<scf::ForOp>(resultA.getOwner()))
    return isSameEvent(loop.getTiedLoopRegionIterArg(resultA), loop.getTiedLoopRegionIterArg(resultB));
  return isa<scf::IfOp>(resultA.getOwner()) && llvm::all_of(resultA.getOwner()->getRegions(), [&](Region &branch) {
           Operation *yield = branch.front().getTerminator();
           return isSameEvent(yield->getOperand(resultA.getResultNumber()),
                              yield->getOperand(resultB.getResultNumber()));
         });
}

/// Drops awaits of an event that the stream has awaited before in the same block.
static void dropRedundantAwaits(func::FuncOp function) {
  function.walk([](Block *block) {
    SmallVector<AwaitOp> awaits;
    for (auto await : llvm::make_early_inc_range(block->getOps<AwaitOp>())) {
      bool redundant = llvm::any_of(awaits, [await = await](AwaitOp earlier) mutable {
        return earlier.getStream() == await.getStream() && isSameEvent(earlier.getEvent(), await.getEvent());
      });
      if (redundant)
        await.erase();
      else
        awaits.push_back(await);
    }
  });
}

namespace {
struct AssignStreamsPass : rondo::impl::RondoAssignStreamsPassBase<AssignStreamsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || function->hasAttr(rondo::RondoDialect::kReferenceAttr) ||
        function->hasAttr(kKernelAttr))
      return;
    SmallVector<ShiftGroup> groups = groupShifts(function);
    int64_t shifts = 0;
    for (const ShiftGroup &group : groups) {
      shifts += group.size();
      if (failed(createExchange(group)))
        return signalPassFailure();
    }
    if (failed(convertPending(function)))
      return signalPassFailure();
    dropRedundantAwaits(function);
    remark::passed(function.getLoc(),
                   remark::RemarkOpts::name("streams").category("rondo-assign-streams").function(function.getName()))
        << remark::metric("shifts", shifts) << remark::metric("exchanges", static_cast<int64_t>(groups.size()));
  }
};
} // namespace
