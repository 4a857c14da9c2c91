//===- TransferRoom.cpp - Attention beside transfers ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A remark alone: the runtime decides, for the GPU, the communicator and the lengths that it sees. Here the model is
// asked for the longest shards, an H100, and as many CTAs of NCCL as are best.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/TransferRoom.h"

#include "codegen/kernels/KernelAttributes.h"
#include "dialect/spmd/Spmd.h"
#include "runtime/src/cuda_margin.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// Predictions are for an H100 SXM.
static constexpr int32_t kMultiprocessors = 132;

//===--------------------------------------------------------------------------------------------------------------===//
// What runs beside a transfer
//===--------------------------------------------------------------------------------------------------------------===//

/// The first event that the stream of `exchange` records after it.
static Value findArrival(exec::ExchangeOp exchange) {
  for (Operation *op = exchange->getNextNode(); op; op = op->getNextNode())
    if (auto record = dyn_cast<exec::RecordOp>(op); record && record.getStream() == exchange.getStream())
      return record.getEvent();
  return {};
}

SmallVector<exec::DispatchOp> rondo::findHidingDispatches(exec::ExchangeOp exchange) {
  SmallVector<exec::DispatchOp> dispatches;
  Value arrival = findArrival(exchange);
  if (!arrival || exchange.getStream() == exec::Stream::Compute)
    return dispatches;
  SmallPtrSet<Operation *, 4> ends;
  for (Operation *user : arrival.getUsers())
    ends.insert(exchange->getBlock()->findAncestorOpInBlock(*user));
  for (Operation *op = exchange->getNextNode(); op && !ends.contains(op); op = op->getNextNode())
    if (auto dispatch = dyn_cast<exec::DispatchOp>(op); dispatch && dispatch.getStream() == exec::Stream::Compute)
      dispatches.push_back(dispatch);
  return dispatches;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Extents of the longest shards
//===--------------------------------------------------------------------------------------------------------------===//

static int64_t getLargestExtent(Value memref, int64_t dim);

static int64_t divideAmong(std::optional<int64_t> length, std::optional<int64_t> parts) {
  bool isKnown = length && parts && !ShapedType::isDynamic(*length) && !ShapedType::isDynamic(*parts);
  return isKnown ? llvm::divideCeil(*length, *parts) : ShapedType::kDynamic;
}

static int64_t getLargestSize(Value size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return *constant;
  if (auto shard = size.getDefiningOp<spmd::ShardSizeOp>())
    return divideAmong(getConstantIntValue(shard.getLength()), getConstantIntValue(shard.getRanks()));
  if (auto dim = size.getDefiningOp<memref::DimOp>())
    if (std::optional<int64_t> index = dim.getConstantIndex();
        index && *index >= 0 && *index < cast<BaseMemRefType>(dim.getSource().getType()).getRank())
      return getLargestExtent(dim.getSource(), *index);
  return ShapedType::kDynamic;
}

/// From the global extent of a function's argument, and the axes that shard it.
static int64_t getArgumentExtent(func::FuncOp function, unsigned argument, int64_t dim) {
  auto shape = function.getArgAttrOfType<ArrayAttr>(argument, "spmd.shape");
  auto sharding = function.getArgAttrOfType<ShardingAttr>(argument, RondoDialect::kShardingAttr);
  auto length = shape ? dyn_cast<IntegerAttr>(shape[static_cast<unsigned>(dim)]) : IntegerAttr();
  if (!length)
    return ShapedType::kDynamic;
  int64_t parts = 1;
  for (StringRef axis : sharding ? sharding.getAxes(dim) : SmallVector<StringRef>()) {
    int64_t size = GridOp::lookup(function, sharding.getGrid()).getAxisSize(axis);
    if (ShapedType::isDynamic(size))
      return size;
    parts *= size;
  }
  return divideAmong(length.getInt(), parts);
}

/// The largest extent on any rank; kDynamic if it depends on what is known only at run time.
static int64_t getLargestExtent(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  if (auto cast = memref.getDefiningOp<memref::CastOp>())
    return isa<MemRefType>(cast.getSource().getType()) ? getLargestExtent(cast.getSource(), dim) : ShapedType::kDynamic;
  if (auto view = memref.getDefiningOp<memref::ViewOp>())
    return getLargestSize(view.getSizes()[type.getDynamicDimIndex(dim)]);
  // What a loop carries has the shape of some shard in each round.
  if (auto loop = memref.getDefiningOp<scf::ForOp>())
    return getLargestExtent(loop.getTiedLoopInit(cast<OpResult>(memref))->get(), dim);
  auto argument = dyn_cast<BlockArgument>(memref);
  if (!argument)
    return ShapedType::kDynamic;
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto loop = dyn_cast<scf::ForOp>(parent); loop && argument != loop.getInductionVar())
    return getLargestExtent(loop.getTiedLoopInit(argument)->get(), dim);
  auto function = dyn_cast<func::FuncOp>(parent);
  return function ? getArgumentExtent(function, argument.getArgNumber(), dim) : ShapedType::kDynamic;
}

//===--------------------------------------------------------------------------------------------------------------===//
// What the model is asked
//===--------------------------------------------------------------------------------------------------------------===//

/// Of all transfers of a group.
static std::optional<int64_t> getBytes(exec::ExchangeOp exchange) {
  int64_t total = 0;
  for (Value source : exchange.getSources()) {
    auto type = cast<MemRefType>(source.getType());
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t extent = getLargestExtent(source, dim);
      if (ShapedType::isDynamic(extent) || llvm::MulOverflow(bytes, extent, bytes))
        return std::nullopt;
    }
    total += bytes;
  }
  return total;
}

/// The extents of an operand of the attention, as the dispatch passes it.
static std::optional<SmallVector<int64_t>> getExtents(exec::DispatchOp dispatch, Value operand) {
  constexpr unsigned leading = 2; // part, parts
  auto argument = dyn_cast<BlockArgument>(operand);
  if (!argument || argument.getArgNumber() < leading || !isa<func::FuncOp>(argument.getOwner()->getParentOp()))
    return std::nullopt;
  Value passed = dispatch.getOperands()[argument.getArgNumber() - leading];
  SmallVector<int64_t> extents;
  for (int64_t dim = 0; dim < cast<MemRefType>(passed.getType()).getRank(); ++dim)
    extents.push_back(getLargestExtent(passed, dim));
  if (llvm::any_of(extents, ShapedType::isDynamic))
    return std::nullopt;
  return extents;
}

/// The attention of the longest shards; nothing if they are not known, or empty.
static std::optional<rondo_attend_facts> getFacts(exec::DispatchOp dispatch, AttendOp attend) {
  enum { Batch, Head, Row, Feature };
  auto query = getExtents(dispatch, attend.getQuery()), key = getExtents(dispatch, attend.getKey());
  auto value = getExtents(dispatch, attend.getValue());
  if (!query || !key || !value || llvm::is_contained(*query, 0) || llvm::is_contained(*key, 0))
    return std::nullopt;
  rondo_attend_facts facts = {};
  facts.problem = {(*query)[Batch],
                   (*key)[Head],
                   (*query)[Head] / (*key)[Head],
                   (*query)[Row],
                   (*key)[Row],
                   (*query)[Feature],
                   (*value)[Feature],
                   /*diagonal=*/(*key)[Row] - (*query)[Row],
                   /*by_position=*/false};
  facts.query_by_head = facts.result_by_head = facts.inputs_aligned = facts.output_aligned = true;
  return facts;
}

namespace {
/// The kernels of an attention, as the runtime would choose among them.
class Candidates {
public:
  explicit Candidates(AttendOp attend) {
    KernelAttr kernel = attend.getKernelAttr();
    ElementFormat output = getFormat(cast<ShapedType>(attend.getOutput().getType()).getElementType());
    for (AttendKernelAttr attribute : kernel.getAttend()) {
      AttendConfiguration c = getConfiguration(attribute);
      bool merges = false;
      if (kernel.getMerge()) {
        MergeConfiguration merge = getConfiguration(kernel.getMerge());
        merges = merge.partial == c.output && merge.scaledRows == c.scaledRows;
      }
      traits.push_back(getAttendTraits(c));
      candidates.push_back({nullptr, c.output == output && !c.scaledRows, merges});
    }
    for (auto [candidate, t] : llvm::zip(candidates, traits))
      candidate.traits = &t;
  }

  rondo_step_plan plan(const rondo_attend_facts &facts, int64_t bytes, rondo_transfer_load &transfer) const {
    // As many CTAs as NCCL takes by itself, between two ranks.
    int32_t ctas = rondo_count_nccl_ctas(/*limit=*/0, /*ranks=*/2, bytes);
    transfer = {ctas, rondo_predict_transfer(&rondo_nvlink, bytes, ctas)};
    rondo_step_plan plan = rondo_plan_step(&facts, candidates.data(), static_cast<int32_t>(candidates.size()),
                                           kMultiprocessors, &transfer, /*fixed=*/-1);
    rondo_free_tile_table(&plan.choice.table);
    return plan;
  }

private:
  SmallVector<rondo_kernel_traits> traits;
  SmallVector<rondo_attend_candidate> candidates;
};
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Remarks
//===--------------------------------------------------------------------------------------------------------------===//

static std::string printMicroseconds(double microseconds) { return llvm::formatv("{0:f1} us", microseconds).str(); }

/// "100.0 us <= 1.01 * 120.0 us without one": the step as it is chosen, and with the other margin.
static std::string printComparison(const rondo_step_plan &plan) {
  return llvm::formatv(plan.margin > 0 ? "{0} <= {1} * {2} without one" : "{1} * {0} < {2} with one",
                       printMicroseconds(plan.step), rondo_margin_tolerance, printMicroseconds(plan.other))
      .str();
}

static std::string printRule() {
  return llvm::formatv("its CTAs if max(attend({0} - CTAs), transfer) <= {1} * max(attend({0}) beside it, transfer), "
                       "else 0; decided when it runs",
                       kMultiprocessors, rondo_margin_tolerance)
      .str();
}

static void remarkStep(exec::ExchangeOp exchange, exec::DispatchOp dispatch, AttendOp attend) {
  auto options = remark::RemarkOpts::name("TransferRoom").category("rondo-kernels").function(dispatch.getKernel());
  auto remark = remark::passed(attend.getLoc(), options);
  remark << remark::metric("transfer", llvm::join(exchange.getNames().getAsValueRange<StringAttr>(), "+"));
  std::optional<int64_t> bytes = getBytes(exchange);
  std::optional<rondo_attend_facts> facts = getFacts(dispatch, attend);
  if (!bytes || !facts) {
    remark << remark::metric("margin", printRule());
    return;
  }
  rondo_transfer_load transfer;
  rondo_step_plan plan = Candidates(attend).plan(*facts, *bytes, transfer);
  remark << remark::metric("bytes", *bytes) << remark::metric("ctas", transfer.ctas)
         << remark::metric("sent", printMicroseconds(transfer.microseconds))
         << remark::metric("attend", printMicroseconds(plan.attend) + " on an H100")
         << remark::metric("margin", plan.margin) << remark::metric("step", printComparison(plan));
}

void cuda::remarkTransferRoom(func::FuncOp function) {
  std::set<std::pair<std::string, std::string>> known; // those that come from one by peeling
  function.walk([&](exec::ExchangeOp exchange) {
    for (exec::DispatchOp dispatch : findHidingDispatches(exchange)) {
      auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(dispatch, dispatch.getKernelAttr());
      if (!kernel)
        continue;
      kernel.walk([&](AttendOp attend) {
        std::string names = llvm::join(exchange.getNames().getAsValueRange<StringAttr>(), "+");
        if (attend.getKernelAttr() && known.insert({dispatch.getKernel().str(), names}).second)
          remarkStep(exchange, dispatch, attend);
      });
    }
  });
}
