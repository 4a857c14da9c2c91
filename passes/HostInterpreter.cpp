//===- HostInterpreter.cpp - Runs a host function for given ranks and lengths ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/HostInterpreter.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::rondo;

/// No schedule takes more steps; a loop that does is a mistake in index arithmetic.
static constexpr int64_t kMaxIterations = 100000;

//===--------------------------------------------------------------------------------------------------------------===//
// Values
//===--------------------------------------------------------------------------------------------------------------===//

std::optional<int64_t> HostInterpreter::getInt(Value value) const {
  if (auto number = dyn_cast_or_null<IntegerAttr>(numbers.lookup(value)))
    return number.getValue().getSExtValue();
  return std::nullopt;
}

void HostInterpreter::setInt(Value value, int64_t number) {
  numbers[value] = IntegerAttr::get(value.getType(), number);
}

/// Gives each of `to` what the value of `from` at its place is. All are read before any is written.
void HostInterpreter::copyValues(ValueRange from, ValueRange to) {
  SmallVector<std::tuple<Attribute, MemoryRange, unsigned>> values;
  for (Value value : from)
    values.emplace_back(numbers.lookup(value), memory.lookup(value), events.lookup(value));
  for (auto [value, copy] : llvm::zip(to, values)) {
    if (isa<MemRefType>(value.getType()))
      memory[value] = std::get<1>(copy);
    else if (isa<exec::EventType>(value.getType()))
      events[value] = std::get<2>(copy);
    else
      numbers[value] = std::get<0>(copy);
  }
}

std::string HostInterpreter::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "on rank " << configuration.rank;
  if (configuration.dynamicAxisSize)
    os << " of " << configuration.dynamicAxisSize;
  if (!lengths.empty()) {
    os << " with lengths ";
    llvm::interleaveComma(configuration.lengths, os);
  }
  return text;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Arguments
//===--------------------------------------------------------------------------------------------------------------===//

int64_t HostInterpreter::getAxisSize(FlatSymbolRefAttr grid, StringRef axis) {
  int64_t size = GridOp::lookup(function, grid).getAxisSize(axis);
  return ShapedType::isDynamic(size) ? configuration.dynamicAxisSize : size;
}

int64_t HostInterpreter::getArgumentExtent(BlockArgument argument, int64_t dim) {
  auto type = cast<MemRefType>(argument.getType());
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  unsigned number = argument.getArgNumber();
  int64_t extent = configuration.lengths.front();
  if (auto shape = function.getArgAttrOfType<ArrayAttr>(number, "spmd.shape")) {
    if (auto name = dyn_cast<StringAttr>(shape[dim]); name && lengths.contains(name))
      extent = lengths.lookup(name);
    else if (auto global = dyn_cast<IntegerAttr>(shape[dim]))
      extent = global.getInt();
  }
  if (auto sharding = function.getArgAttrOfType<ShardingAttr>(number, RondoDialect::kShardingAttr))
    for (StringRef axis : sharding.getAxes(dim)) {
      int64_t size = getAxisSize(sharding.getGrid(), axis);
      extent = spmd::shardSize(getCoordinate(size), size, extent);
    }
  return extent;
}

LogicalResult HostInterpreter::bindArguments() {
  unsigned lengthCount = 0;
  for (BlockArgument argument : function.getArguments())
    if (argument.getType().isIndex()) {
      int64_t length = configuration.lengths[lengthCount++ % configuration.lengths.size()];
      setInt(argument, length);
      if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "spmd.length"))
        lengths[name] = length;
    }
  for (BlockArgument argument : function.getArguments()) {
    if (auto type = dyn_cast<MemRefType>(argument.getType())) {
      MemoryRange range{argument.getArgNumber() + 1, 0, std::numeric_limits<int64_t>::max(), {}};
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        range.shape.push_back(getArgumentExtent(argument, dim));
      memory[argument] = range;
    } else if (!argument.getType().isIndex()) {
      return function.emitError() << "argument " << argument.getArgNumber() << " has type " << argument.getType()
                                  << "; expected a memref or an index";
    }
  }
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Ops
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult HostInterpreter::run() {
  if (failed(bindArguments()))
    return failure();
  return runBlock(function.front());
}

LogicalResult HostInterpreter::runBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(runOp(op)))
      return failure();
  return success();
}

LogicalResult HostInterpreter::runOp(Operation &op) {
  if (isa<scf::ForOp>(op))
    return runLoop(op);
  if (isa<scf::IfOp>(op))
    return runBranch(op);
  if (isa<exec::ExecDialect>(op.getDialect()))
    return runExecOp(op);
  if (auto cast = dyn_cast<memref::CastOp>(op)) {
    copyValues(cast.getSource(), cast.getResult());
    return success();
  }
  if (auto part = dyn_cast<memref::SubViewOp>(op)) { // counts as the whole
    copyValues(part.getSource(), part.getResult());
    return success();
  }
  if (isa<memref::ViewOp>(op))
    return runView(op);
  return runIndexOp(op);
}

LogicalResult HostInterpreter::runView(Operation &op) {
  auto view = cast<memref::ViewOp>(op);
  if (!view.getType().getElementType().isIntOrFloat())
    return op.emitOpError() << "shows elements without a size in bytes, of type " << view.getType().getElementType();
  const MemoryRange source = getRange(view.getSource());
  std::optional<int64_t> offset = getInt(view.getByteShift());
  MemoryRange range{source.buffer, source.begin + offset.value_or(0), 0, {}};
  int64_t bytes = view.getType().getElementTypeBitWidth() / 8;
  auto sizes = view.getSizes().begin();
  for (int64_t extent : view.getType().getShape()) {
    std::optional<int64_t> known = ShapedType::isDynamic(extent) ? getInt(*sizes++) : extent;
    if (!known || *known < 0 || !offset)
      return op.emitOpError("has an offset or a size that is not index arithmetic with a sensible result");
    range.shape.push_back(*known);
    bytes *= *known;
  }
  range.end = range.begin + bytes;
  if (range.begin < source.begin || range.end > source.end)
    return op.emitOpError() << "covers bytes " << range.begin << " to " << range.end << " of memory of "
                            << source.end - source.begin << " bytes, " << describe();
  memory[view] = range;
  return success();
}

LogicalResult HostInterpreter::runLoop(Operation &op) {
  auto loop = cast<scf::ForOp>(op);
  std::optional<int64_t> lower = getInt(loop.getLowerBound()), upper = getInt(loop.getUpperBound()),
                         step = getInt(loop.getStep());
  if (!lower || !upper || !step || *step < 1 || (*upper - *lower) / *step > kMaxIterations)
    return op.emitOpError() << "has bounds that make no sense, " << describe();
  copyValues(loop.getInitArgs(), loop.getRegionIterArgs());
  for (int64_t iteration = *lower; iteration < *upper; iteration += *step) {
    setInt(loop.getInductionVar(), iteration);
    if (failed(runBlock(*loop.getBody())))
      return failure();
    copyValues(loop.getYieldedValues(), loop.getRegionIterArgs());
  }
  copyValues(loop.getRegionIterArgs(), loop.getResults());
  return success();
}

LogicalResult HostInterpreter::runBranch(Operation &op) {
  auto branch = cast<scf::IfOp>(op);
  std::optional<int64_t> condition = getInt(branch.getCondition());
  if (!condition)
    return op.emitOpError("has a condition that is not index arithmetic");
  Region &taken = *condition ? branch.getThenRegion() : branch.getElseRegion();
  if (taken.empty())
    return success();
  if (failed(runBlock(taken.front())))
    return failure();
  copyValues(taken.front().getTerminator()->getOperands(), branch.getResults());
  return success();
}

LogicalResult HostInterpreter::runIndexOp(Operation &op) {
  if (auto size = dyn_cast<spmd::AxisSizeOp>(op)) {
    setInt(size, getAxisSize(size.getGridAttr(), size.getAxis()));
    return success();
  }
  if (auto index = dyn_cast<spmd::AxisIndexOp>(op)) {
    setInt(index, getCoordinate(getAxisSize(index.getGridAttr(), index.getAxis())));
    return success();
  }
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> number = getInt(dim.getIndex());
    const MemoryRange &range = getRange(dim.getSource());
    if (!number || *number < 0 || *number >= static_cast<int64_t>(range.shape.size()))
      return op.emitOpError("asks for a dimension that the memref does not have");
    setInt(dim, range.shape[*number]);
    return success();
  }
  if (op.getNumRegions() != 0 || !isMemoryEffectFree(&op))
    return op.emitOpError("does not belong in a host function: expected work on streams and index arithmetic");
  SmallVector<Attribute> operands;
  for (Value operand : op.getOperands())
    operands.push_back(numbers.lookup(operand));
  SmallVector<OpFoldResult> results;
  if (llvm::is_contained(operands, Attribute()) || failed(op.fold(operands, results)) ||
      results.size() != op.getNumResults())
    return success(); // not known, which is an error where it matters
  for (auto [result, folded] : llvm::zip(op.getResults(), results))
    numbers[result] = isa<Attribute>(folded) ? cast<Attribute>(folded) : numbers.lookup(cast<Value>(folded));
  return success();
}

LogicalResult HostInterpreter::runExecOp(Operation &op) {
  if (auto arena = dyn_cast<exec::ArenaOp>(op))
    memory[arena.getArena()] = MemoryRange{kArena, 0, getInt(arena.getBytes()).value_or(0), {}};
  FailureOr<unsigned> event = visit(&op);
  if (failed(event))
    return failure();
  if (auto record = dyn_cast<exec::RecordOp>(op))
    events[record.getEvent()] = *event;
  return success();
}
