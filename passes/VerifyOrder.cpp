//===- VerifyOrder.cpp - exec-verify-order: conflicting accesses on different streams are ordered -------*- C++ -*-===//
//
// Runs the host function for some numbers of ranks and some lengths, without its work, and follows what happens before
// what by vector clocks: one for each stream, carried from stream to stream by events.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "dialect/exec/Exec.h"
#include "passes/HostInterpreter.h"
#include "passes/Passes.h"
#include "passes/RankDependence.h"

#include <array>

namespace mlir::rondo {
#define GEN_PASS_DEF_EXECVERIFYORDERPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::exec;
using namespace mlir::rondo;

namespace {

constexpr unsigned kStreams = 2;

/// How much of the work of each stream has happened before some point.
using Clock = std::array<int64_t, kStreams>;

static Clock join(const Clock &a, const Clock &b) { return {std::max(a[0], b[0]), std::max(a[1], b[1])}; }

/// An access of some work to memory.
struct Access {
  Operation *op;
  unsigned stream;
  int64_t time; // on that stream
  bool writes;
  MemoryRange range;
};

class OrderChecker : public HostInterpreter {
public:
  using HostInterpreter::HostInterpreter;

  /// Runs the function and verifies that nothing is in flight at its end.
  LogicalResult verify() { return success(succeeded(run()) && succeeded(verifyArrived())); }

private:
  FailureOr<unsigned> visit(Operation *op) override;
  LogicalResult work(Operation *op, unsigned stream, ArrayRef<Access> itsAccesses);
  LogicalResult verifyOrdered(const Access &access, const Access &earlier);
  LogicalResult verifyPlaces(ExchangeOp exchange, ArrayRef<Access> accesses);
  LogicalResult verifyArrived();
  void forgetOrdered();

  std::array<Clock, kStreams> clocks{}; // what has happened before the next work of each stream
  SmallVector<Clock> events;
  SmallVector<Access> accesses;  // that some stream is not yet ordered after
  SmallVector<Access> exchanges; // those that compute has not awaited
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Work
//===--------------------------------------------------------------------------------------------------------------===//

static StringRef describeAccess(const Access &access) { return access.writes ? "writes" : "reads"; }

LogicalResult OrderChecker::verifyOrdered(const Access &access, const Access &earlier) {
  if (access.stream == earlier.stream || !(access.writes || earlier.writes) || !access.range.overlaps(earlier.range) ||
      clocks[access.stream][earlier.stream] >= earlier.time)
    return success();
  InFlightDiagnostic diagnostic = access.op->emitOpError();
  diagnostic << describeAccess(access) << " memory that no event orders after earlier work on the "
             << stringifyStream(static_cast<Stream>(earlier.stream)) << " stream, " << describe();
  diagnostic.attachNote(earlier.op->getLoc())
      << "this " << describeAccess(earlier) << " it; record an event after this "
      << "and await it on the " << stringifyStream(static_cast<Stream>(access.stream)) << " stream";
  return diagnostic;
}

/// Verifies that an exchange moves memory of the arena, and that what it receives lies apart from all else.
LogicalResult OrderChecker::verifyPlaces(ExchangeOp exchange, ArrayRef<Access> itsAccesses) {
  for (auto [number, access] : llvm::enumerate(itsAccesses)) {
    if (access.range.buffer != kArena)
      return exchange.emitOpError() << (access.writes ? "receives into" : "sends") << " argument "
                                    << access.range.buffer - 1
                                    << " of the function; only memory of the arena may travel: copy it there first";
    for (const Access &other : itsAccesses.take_front(number))
      if ((access.writes || other.writes) && access.range.overlaps(other.range))
        return exchange.emitOpError() << "receives into memory that it also "
                                      << (access.writes && other.writes ? "receives into for another shift" : "sends")
                                      << ", " << describe();
  }
  return success();
}

/// Issues work to a stream.
LogicalResult OrderChecker::work(Operation *op, unsigned stream, ArrayRef<Access> itsAccesses) {
  int64_t time = ++clocks[stream][stream];
  for (Access access : itsAccesses) {
    for (const Access &earlier : accesses)
      if (failed(verifyOrdered(access, earlier)))
        return failure();
  }
  for (Access access : itsAccesses) {
    access.time = time;
    accesses.push_back(access);
  }
  return success();
}

/// Forgets accesses that all later work comes after.
void OrderChecker::forgetOrdered() {
  llvm::erase_if(accesses, [&](const Access &access) {
    return llvm::all_of(clocks, [&](const Clock &clock) { return clock[access.stream] >= access.time; });
  });
  llvm::erase_if(exchanges, [&](const Access &exchange) {
    return clocks[static_cast<unsigned>(Stream::Compute)][exchange.stream] >= exchange.time;
  });
}

LogicalResult OrderChecker::verifyArrived() {
  if (exchanges.empty())
    return success();
  return exchanges.front().op->emitOpError()
         << "may still be in flight when the function ends; record an event after it and await that on the compute "
            "stream, "
         << describe();
}

FailureOr<unsigned> OrderChecker::visit(Operation *op) {
  if (auto record = dyn_cast<RecordOp>(op)) {
    events.push_back(clocks[static_cast<unsigned>(record.getStream())]);
    return events.size() - 1;
  }
  if (auto await = dyn_cast<AwaitOp>(op)) {
    Clock &clock = clocks[static_cast<unsigned>(await.getStream())];
    clock = join(clock, events[getEvent(await.getEvent())]);
    forgetOrdered();
    return 0u;
  }
  SmallVector<Access> itsAccesses;
  auto add = [&](unsigned stream, Value memref, bool writes) {
    itsAccesses.push_back({op, stream, 0, writes, getRange(memref)});
  };
  if (auto dispatch = dyn_cast<DispatchOp>(op)) {
    auto stream = static_cast<unsigned>(dispatch.getStream());
    for (int32_t position : dispatch.getReads())
      add(stream, dispatch.getOperand(position), /*writes=*/false);
    for (int32_t position : dispatch.getWrites())
      add(stream, dispatch.getOperand(position), /*writes=*/true);
    return failed(work(op, stream, itsAccesses)) ? FailureOr<unsigned>(failure()) : 0u;
  }
  auto exchange = dyn_cast<ExchangeOp>(op);
  if (!exchange)
    return 0u; // an arena or a step
  auto stream = static_cast<unsigned>(exchange.getStream());
  for (Value source : exchange.getSources())
    add(stream, source, /*writes=*/false);
  for (Value destination : exchange.getDestinations())
    add(stream, destination, /*writes=*/true);
  if (failed(verifyPlaces(exchange, itsAccesses)) || failed(work(op, stream, itsAccesses)))
    return failure();
  exchanges.push_back({op, stream, clocks[stream][stream], true, {}});
  return 0u;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// Prologue, steady steps and epilogue of any schedule occur; shards are full, uneven, short and empty.
static SmallVector<HostConfiguration> getConfigurations() {
  SmallVector<HostConfiguration> configurations;
  for (int64_t ranks : {1, 2, 3, 5})
    for (bool isLastRank : {false, true})
      for (auto [first, second] : {std::pair<int64_t, int64_t>(60, 120), {61, 127}, {1, 2}})
        configurations.push_back({ranks, isLastRank, {first, second}});
  return configurations;
}

namespace {
struct VerifyOrderPass : rondo::impl::ExecVerifyOrderPassBase<VerifyOrderPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    markAllAnalysesPreserved();
    if (function.isExternal() || function->hasAttr("rondo.reference") || function->hasAttr(kKernelAttr))
      return;
    if (failed(verifySameExchanges(function)))
      return signalPassFailure();
    for (const HostConfiguration &configuration : getConfigurations())
      if (failed(OrderChecker(function, configuration).verify()))
        return signalPassFailure();
  }
};
} // namespace
