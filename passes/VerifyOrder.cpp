//===- VerifyOrder.cpp - exec-verify-order: conflicting accesses on different streams are ordered -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the host function for some numbers of ranks and some lengths, without its work, and follows what happens before
// what by vector clocks: one for each stream, carried from stream to stream by events.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "passes/HostInterpreter.h"
#include "passes/Passes.h"
#include "passes/RankDependence.h"

#include <array>
#include <vector>

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

/// How much an exchange sends and receives, in bytes, for each of its shifts.
struct Transfers {
  ExchangeOp exchange;
  SmallVector<int64_t> sent, received;
};

class OrderChecker : public HostInterpreter {
public:
  using HostInterpreter::HostInterpreter;

  /// Runs the function and verifies that nothing is in flight at its end.
  LogicalResult verify() { return success(succeeded(run()) && succeeded(verifyArrived())); }

  /// All exchanges that were done, in order.
  ArrayRef<Transfers> getTransfers() const { return transfers; }

private:
  FailureOr<unsigned> visit(Operation *op) override;
  LogicalResult exchange(ExchangeOp op);
  LogicalResult work(Operation *op, unsigned stream, ArrayRef<Access> itsAccesses);
  LogicalResult verifyOrdered(const Access &access, const Access &earlier);
  LogicalResult verifyPlaces(ExchangeOp exchange, ArrayRef<Access> accesses);
  LogicalResult verifyArrived();
  void forgetOrdered();

  std::array<Clock, kStreams> clocks{}; // what has happened before the next work of each stream
  SmallVector<Clock> events;
  SmallVector<Access> accesses;  // that some stream is not yet ordered after
  SmallVector<Access> exchanges; // those that compute has not awaited
  SmallVector<Transfers> transfers;
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

LogicalResult OrderChecker::exchange(ExchangeOp op) {
  auto stream = static_cast<unsigned>(op.getStream());
  Transfers &itsTransfers = transfers.emplace_back(Transfers{op, {}, {}});
  SmallVector<Access> itsAccesses;
  for (Value source : op.getSources()) {
    itsAccesses.push_back({op, stream, 0, /*writes=*/false, getRange(source)});
    itsTransfers.sent.push_back(getRange(source).end - getRange(source).begin);
  }
  for (Value destination : op.getDestinations()) {
    itsAccesses.push_back({op, stream, 0, /*writes=*/true, getRange(destination)});
    itsTransfers.received.push_back(getRange(destination).end - getRange(destination).begin);
  }
  if (failed(verifyPlaces(op, itsAccesses)) || failed(work(op, stream, itsAccesses)))
    return failure();
  exchanges.push_back({op, stream, clocks[stream][stream], true, {}});
  return success();
}

FailureOr<unsigned> OrderChecker::visit(Operation *op) {
  if (auto record = dyn_cast<RecordOp>(op)) {
    events.push_back(clocks[static_cast<unsigned>(record.getStream())]);
    return events.size() - 1;
  }
  LogicalResult result = success();
  if (auto await = dyn_cast<AwaitOp>(op)) {
    Clock &clock = clocks[static_cast<unsigned>(await.getStream())];
    clock = join(clock, events[getEvent(await.getEvent())]);
    forgetOrdered();
  } else if (auto dispatch = dyn_cast<DispatchOp>(op)) {
    auto stream = static_cast<unsigned>(dispatch.getStream());
    SmallVector<Access> itsAccesses;
    for (int32_t position : dispatch.getReads())
      itsAccesses.push_back({op, stream, 0, /*writes=*/false, getRange(dispatch.getOperand(position))});
    for (int32_t position : dispatch.getWrites())
      itsAccesses.push_back({op, stream, 0, /*writes=*/true, getRange(dispatch.getOperand(position))});
    result = work(op, stream, itsAccesses);
  } else if (auto exchangeOp = dyn_cast<ExchangeOp>(op)) {
    result = exchange(exchangeOp);
  }
  return failed(result) ? FailureOr<unsigned>(failure()) : 0u;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Between ranks
//===--------------------------------------------------------------------------------------------------------------===//

/// Verifies that each rank receives as much as the rank behind it sends, which it computed for itself. `ranks` are all
/// ranks of the only axis.
static LogicalResult verifyTransfers(ArrayRef<OrderChecker> ranks) {
  int64_t count = ranks.size();
  for (auto [receiver, checker] : llvm::enumerate(ranks))
    for (auto [number, transfer] : llvm::enumerate(checker.getTransfers())) {
      ExchangeOp exchange = transfer.exchange;
      int64_t sender = (static_cast<int64_t>(receiver) + count - exchange.getDistance() % count) % count;
      ArrayRef<Transfers> others = ranks[sender].getTransfers();
      if (number >= others.size() || others[number].exchange != exchange)
        return exchange.emitOpError() << "has no partner on rank " << sender << ", " << checker.describe();
      for (auto [shift, sent, received] : llvm::enumerate(others[number].sent, transfer.received))
        if (sent != received)
          return exchange.emitOpError() << "receives " << received << " bytes of " << exchange.getNames()[shift]
                                        << ", but rank " << sender << " sends " << sent << ", " << checker.describe();
    }
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// Of long static axes, only the first ranks are run.
static constexpr int64_t kMaxRanks = 8;

/// The number of ranks on the longest axis of any grid, with `dynamicSize` for `?`.
static int64_t getLongestAxis(func::FuncOp function, int64_t dynamicSize) {
  int64_t longest = 1;
  for (auto grid : function->getParentOfType<ModuleOp>().getOps<GridOp>())
    for (int64_t size : grid.getAxisSizes())
      longest = std::max(longest, ShapedType::isDynamic(size) ? dynamicSize : size);
  return longest;
}

static bool hasDynamicAxis(func::FuncOp function) {
  return llvm::any_of(function->getParentOfType<ModuleOp>().getOps<GridOp>(),
                      [](GridOp grid) { return llvm::is_contained(grid.getAxisSizes(), ShapedType::kDynamic); });
}

/// Whether a rank is known by one coordinate.
static bool hasOneAxis(func::FuncOp function) {
  return llvm::all_of(function->getParentOfType<ModuleOp>().getOps<GridOp>(),
                      [](GridOp grid) { return grid.getAxisSizes().size() == 1; });
}

/// Runs the function on all ranks, if axes of dynamic size have `dynamicSize`.
static LogicalResult verifyRanks(func::FuncOp function, int64_t dynamicSize, ArrayRef<int64_t> lengths) {
  int64_t ranks = getLongestAxis(function, dynamicSize);
  std::vector<OrderChecker> checkers;
  for (int64_t rank = 0; rank < std::min(ranks, kMaxRanks); ++rank) {
    HostConfiguration configuration{dynamicSize, rank, llvm::to_vector(lengths)};
    if (failed(checkers.emplace_back(function, configuration).verify()))
      return failure();
  }
  return hasOneAxis(function) && ranks <= kMaxRanks ? verifyTransfers(checkers) : success();
}

namespace {
struct VerifyOrderPass : rondo::impl::ExecVerifyOrderPassBase<VerifyOrderPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    markAllAnalysesPreserved();
    if (function.isExternal() || function->hasAttr(RondoDialect::kReferenceAttr) || function->hasAttr(kKernelAttr))
      return;
    if (failed(verifySameExchanges(function)))
      return signalPassFailure();
    // Prologue, steady steps and epilogue of any schedule occur; shards are full, uneven, short and empty.
    SmallVector<int64_t> dynamicSizes{0};
    if (hasDynamicAxis(function))
      dynamicSizes = {1, 2, 3, 5};
    for (int64_t dynamicSize : dynamicSizes)
      for (auto [first, second] : {std::pair<int64_t, int64_t>(60, 120), {61, 127}, {1, 2}})
        if (failed(verifyRanks(function, dynamicSize, {first, second})))
          return signalPassFailure();
  }
};
} // namespace
