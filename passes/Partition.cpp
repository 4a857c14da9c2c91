//===- Partition.cpp - From the global program to one rank's --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds, for each public function, the function that every rank runs on its shards: attention as its schedule emits
// it, all else on local types.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/RankProgram.h"
#include "passes/ResolveExtents.h"
#include "passes/schedules/Auto.h"
#include "passes/schedules/HomeParts.h"

#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOPARTITIONPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

namespace {
/// What holds for all attentions.
struct ScheduleOptions {
  StringRef schedule;
  HomeParts homeParts;
  const DeviceModel *device; // null: unknown
};

/// Builds one rank's function from a global one.
class FunctionPartitioner {
public:
  FunctionPartitioner(func::FuncOp global, const Dimensions &dimensions, GridOp grid, const ScheduleOptions &options)
      : global(global), dimensions(dimensions), grid(grid), options(options), builder(global) {}

  /// Inserts the local function before the global one, which stays.
  FailureOr<func::FuncOp> run();

private:
  func::FuncOp createFunction();
  DictionaryAttr getTensorAttributes(Value value, bool isOutput);
  Value getGlobalValue(unsigned argument);
  LogicalResult emitOp(Operation *op);
  LogicalResult emitAttention(DistributedAttentionInterface op);
  void emitElementwise(Operation *op);
  void emitSplat(Operation *op);
  void emitReturn(func::ReturnOp op);

  std::unique_ptr<PartitionContext> createContext(DistributedAttentionInterface op);
  void fillSide(PartitionContext &context, Side side, ArrayRef<OpOperand *> operands);
  AffineExpr createWorkFormula(DistributedAttentionInterface op);
  Movable createMovable(StringRef name, int64_t sequenceDimension, ArrayRef<Dimension> shape, Type element);

  func::FuncOp global, local;
  const Dimensions &dimensions;
  GridOp grid;
  ScheduleOptions options;
  OpBuilder builder;
  std::unique_ptr<RankProgram> program;
  IRMapping mapping; // from global values to local ones
  SmallVector<Attribute> schedules;
  SmallVector<std::string> bytes;
};
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The signature
//===--------------------------------------------------------------------------------------------------------------===//

/// `rondo.sharding`, `spmd.shape`, and `spmd.output`.
DictionaryAttr FunctionPartitioner::getTensorAttributes(Value value, bool isOutput) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<ArrayAttr> axes;
  SmallVector<Attribute> shape;
  for (int64_t dim = 0; dim < rank; ++dim) {
    const DimensionClass &dimension = dimensions.getClass(value, dim);
    axes.push_back(builder.getStrArrayAttr(dimension.axes));
    shape.push_back(dimension.isDynamic() ? Attribute(builder.getStringAttr(getLengthName(*dimension.length)))
                                          : builder.getI64IntegerAttr(dimension.extent));
  }
  auto sharding = ShardingAttr::get(builder.getContext(), FlatSymbolRefAttr::get(grid.getSymNameAttr()), axes);
  NamedAttrList attributes;
  attributes.set(RondoDialect::kShardingAttr, sharding);
  attributes.set("spmd.shape", builder.getArrayAttr(shape));
  if (isOutput)
    attributes.set("spmd.output", builder.getUnitAttr());
  return attributes.getDictionary(builder.getContext());
}

/// Inputs, outputs and lengths are arguments; the outputs, written, are returned.
func::FuncOp FunctionPartitioner::createFunction() {
  SmallVector<Type> arguments, results;
  SmallVector<DictionaryAttr> attributes;
  auto addTensor = [&](Value value, bool isOutput) {
    arguments.push_back(dimensions.getLocalType(value));
    attributes.push_back(getTensorAttributes(value, isOutput));
  };
  for (BlockArgument argument : global.getArguments())
    addTensor(argument, /*isOutput=*/false);
  for (Value returned : global.front().getTerminator()->getOperands()) {
    addTensor(returned, /*isOutput=*/true);
    results.push_back(arguments.back());
  }
  for (unsigned number = 0; number < dimensions.getNumLengths(); ++number) {
    arguments.push_back(builder.getIndexType());
    attributes.push_back(
        builder.getDictionaryAttr(builder.getNamedAttr("spmd.length", builder.getStringAttr(getLengthName(number)))));
  }
  auto function =
      func::FuncOp::create(builder, global.getLoc(), global.getName(), builder.getFunctionType(arguments, results));
  function->setDiscardableAttrs(global->getDiscardableAttrDictionary());
  function.setAllArgAttrs(attributes);
  return function;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------------------------------------------===//

Movable FunctionPartitioner::createMovable(StringRef name, int64_t sequenceDimension, ArrayRef<Dimension> shape,
                                           Type element) {
  AffineExpr constant = builder.getAffineConstantExpr(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
  AffineExpr symbolic = builder.getAffineConstantExpr(1); // apart, so that the constants fold
  for (Dimension dimension : shape) {
    AffineExpr extent = program->getLocalExtentFormula(dimensions.getClass(dimension.value, dimension.index));
    AffineExpr &product = isa<AffineConstantExpr>(extent) ? constant : symbolic;
    product = product * extent;
  }
  return {name, sequenceDimension, program->getLocalExtents(shape), symbolic * constant};
}

AffineExpr FunctionPartitioner::createWorkFormula(DistributedAttentionInterface op) {
  AffineExpr sum = builder.getAffineConstantExpr(0);
  for (ArrayRef<Dimension> product : op.getWork()) {
    AffineExpr term = builder.getAffineConstantExpr(1);
    for (Dimension dimension : product)
      term = term * program->getLocalExtentFormula(dimensions.getClass(dimension.value, dimension.index));
    sum = sum + term;
  }
  return sum;
}

void FunctionPartitioner::fillSide(PartitionContext &context, Side side, ArrayRef<OpOperand *> operands) {
  DistributedAttentionInterface op = context.op;
  ContextSide &filled = context.getSide(side);
  for (OpOperand *operand : operands) {
    Value value = operand->get();
    auto type = cast<RankedTensorType>(value.getType());
    int64_t sequence = op.getSequenceDimension(value);
    SmallVector<Dimension> shape;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      shape.push_back({value, dim});
    filled.shards.push_back(mapping.lookup(value));
    filled.operands.push_back(createMovable(op.getOperandName(*operand), sequence, shape, type.getElementType()));
    const DimensionClass &dimension = dimensions.getClass(value, sequence);
    filled.axes = dimension.axes;
    filled.length = program->getLength(dimension);
    filled.lengthFormula = program->getLengthFormula(dimension);
  }
  for (auto [number, value] : llvm::enumerate(op.getPartialState()))
    if (value.home == side) {
      filled.state.push_back(createMovable(value.name, value.sequenceDimension, value.shape, value.elementType));
      filled.stateNumbers.push_back(number);
    }
}

std::unique_ptr<PartitionContext> FunctionPartitioner::createContext(DistributedAttentionInterface op) {
  auto context = std::make_unique<PartitionContext>(builder, op);
  fillSide(*context, Side::Query, op.getQuerySideOperands());
  fillSide(*context, Side::Key, op.getKeySideOperands());
  for (OpOperand *operand : op.getReplicatedOperands())
    context->replicated.push_back(mapping.lookup(operand->get()));
  const ContextSide &sharded = context->queries.isSharded() ? context->queries : context->keys;
  if (sharded.isSharded()) {
    RankProgram::Blocks blocks = program->getBlocks(sharded.axes);
    context->ranks = blocks.count;
    context->rank = blocks.own;
    context->ranksFormula = blocks.countFormula;
  }
  if (context->queries.axes.size() == 1 && context->queries.axes == context->keys.axes) {
    context->grid = FlatSymbolRefAttr::get(grid.getSymNameAttr());
    context->axis = builder.getStringAttr(context->queries.axes.front());
  }
  context->work = createWorkFormula(op);
  context->homeParts = options.homeParts;
  context->device = options.device;
  context->symbols = llvm::to_vector(program->getSymbols());
  return context;
}

LogicalResult FunctionPartitioner::emitAttention(DistributedAttentionInterface op) {
  std::unique_ptr<PartitionContext> context = createContext(op);
  FailureOr<Choice> choice = chooseSchedule(options.schedule, *context);
  if (failed(choice))
    return failure();
  schedules.push_back(builder.getStringAttr(choice->getName()));
  bytes.push_back(choice->printBytes(*context));
  remarkChoice(options.schedule, *choice, *context, global.getName());
  mapping.map(op->getResults(), choice->emit(*context));
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// All else
//===--------------------------------------------------------------------------------------------------------------===//

/// The same op on local operands, with local result types.
void FunctionPartitioner::emitElementwise(Operation *op) {
  Operation *clone = builder.clone(*op, mapping);
  clone->removeAttr(RondoDialect::kShardingsAttr);
  for (auto [result, localResult] : llvm::zip_equal(op->getResults(), clone->getResults()))
    if (isa<RankedTensorType>(result.getType()))
      localResult.setType(dimensions.getLocalType(result));
}

/// A constant is filled in at run time if its local shape is known only then.
void FunctionPartitioner::emitSplat(Operation *op) {
  DenseElementsAttr constant;
  matchPattern(op, m_Constant(&constant));
  Value result = op->getResult(0);
  RankedTensorType type = dimensions.getLocalType(result);
  if (type.hasStaticShape()) {
    mapping.map(result, arith::ConstantOp::create(builder, op->getLoc(), constant.resizeSplat(type)).getResult());
    return;
  }
  Value init = tensor::EmptyOp::create(builder, op->getLoc(), program->getLocalExtents(result), type.getElementType());
  Value element =
      arith::ConstantOp::create(builder, op->getLoc(), cast<TypedAttr>(constant.getSplatValue<Attribute>()));
  mapping.map(result, linalg::FillOp::create(builder, op->getLoc(), element, init).getResult(0));
}

void FunctionPartitioner::emitReturn(func::ReturnOp op) {
  SmallVector<Value> results;
  for (OpOperand &operand : op->getOpOperands()) {
    Value output = local.getArgument(global.getNumArguments() + operand.getOperandNumber());
    results.push_back(linalg::CopyOp::create(builder, op.getLoc(), mapping.lookup(operand.get()), output).getResult(0));
  }
  func::ReturnOp::create(builder, op.getLoc(), results);
}

/// The global argument, or value returned, of which a tensor argument of the local function is a shard.
Value FunctionPartitioner::getGlobalValue(unsigned argument) {
  unsigned inputs = global.getNumArguments();
  return argument < inputs ? global.getArgument(argument)
                           : global.front().getTerminator()->getOperand(argument - inputs);
}

LogicalResult FunctionPartitioner::emitOp(Operation *op) {
  switch (classify(op)) {
  case OpKind::Attention:
    return emitAttention(cast<DistributedAttentionInterface>(op));
  case OpKind::Elementwise:
    emitElementwise(op);
    return success();
  case OpKind::Splat:
    emitSplat(op);
    return success();
  case OpKind::Empty:
    mapping.map(op->getResult(0),
                tensor::EmptyOp::create(builder, op->getLoc(), program->getLocalExtents(op->getResult(0)),
                                        cast<tensor::EmptyOp>(op).getType().getElementType())
                    .getResult());
    return success();
  case OpKind::Dim: { // extents in the global program are global
    auto dim = cast<tensor::DimOp>(op);
    mapping.map(dim.getResult(), program->getLength(dimensions.getClass(dim.getSource(), *dim.getConstantIndex())));
    return success();
  }
  case OpKind::Scalar:
    builder.clone(*op, mapping);
    return success();
  case OpKind::Other:
    break;
  }
  llvm_unreachable("the analysis of dimensions has rejected ops that cannot be distributed");
}

FailureOr<func::FuncOp> FunctionPartitioner::run() {
  local = createFunction();
  Block *entry = local.addEntryBlock();
  unsigned tensors = local.getNumArguments() - dimensions.getNumLengths();
  program = std::make_unique<RankProgram>(dimensions, grid, entry, local.getArguments().drop_front(tensors));
  builder.setInsertionPointToEnd(entry);
  mapping.map(global.getArguments(), local.getArguments().take_front(global.getNumArguments()));
  for (Operation &op : global.front().without_terminator())
    if (failed(emitOp(&op))) {
      program.reset();
      local.erase();
      return failure();
    }
  emitReturn(cast<func::ReturnOp>(global.front().getTerminator()));
  resolveExtents(local, [&](BlockArgument argument, int64_t dim) {
    return program->getLocalExtent(dimensions.getClass(getGlobalValue(argument.getArgNumber()), dim));
  });
  program.reset();
  local->setAttr("spmd.schedules", builder.getArrayAttr(schedules));
  local->setAttr("spmd.communication_bytes", builder.getStringAttr(bytes.empty() ? "0" : llvm::join(bytes, " + ")));
  return local;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// Only tensors cross the boundary of a program, in functions of one block.
static LogicalResult verifyFunction(func::FuncOp function) {
  for (auto [what, types] : {std::pair<StringRef, ArrayRef<Type>>("argument", function.getArgumentTypes()),
                             {"result", function.getResultTypes()}})
    for (auto [number, type] : llvm::enumerate(types))
      if (!isa<RankedTensorType>(type))
        return function.emitOpError() << what << " " << number << " has type " << type
                                      << "; expected a ranked tensor: only tensors are passed to a program";
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("has several blocks; expected straight-line code: control flow cannot be distributed");
  return success();
}

/// The one grid over which a function's tensors are sharded; null if they name none.
static FailureOr<FlatSymbolRefAttr> getGridName(func::FuncOp function) {
  FlatSymbolRefAttr name;
  auto add = [&](ShardingAttr sharding, Location loc) -> LogicalResult {
    if (name && sharding && sharding.getGrid() != name)
      return emitError(loc) << "is sharded over grid " << sharding.getGrid() << ", but other tensors of function @"
                            << function.getName() << " over grid " << name << "; expected one grid";
    if (sharding)
      name = sharding.getGrid();
    return success();
  };
  for (BlockArgument argument : function.getArguments())
    if (failed(add(getSharding(argument), argument.getLoc())))
      return failure();
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (failed(add(function.getResultAttrOfType<ShardingAttr>(number, RondoDialect::kShardingAttr), function.getLoc())))
      return failure();
  WalkResult walk = function.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (failed(add(getSharding(result), op->getLoc())))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return walk.wasInterrupted() ? FailureOr<FlatSymbolRefAttr>(failure()) : name;
}

namespace {
struct PartitionPass : mlir::rondo::impl::RondoPartitionPassBase<PartitionPass> {
  using RondoPartitionPassBase::RondoPartitionPassBase;

  void runOnOperation() override {
    if (failed(verifyScheduleName(schedule, getOperation().getLoc())) || failed(readOptions()))
      return signalPassFailure();
    for (func::FuncOp function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function->hasAttr(RondoDialect::kReferenceAttr))
        continue;
      if (failed(function.isPublic() ? partition(function) : erasePrivate(function)))
        return signalPassFailure();
    }
  }

  LogicalResult readOptions() {
    Location loc = getOperation().getLoc();
    FailureOr<HomeParts> parts = parseHomeParts(homeParts, loc);
    const DeviceModel *model = lookupDeviceModel(device);
    if (succeeded(parts) && !model && device != "none")
      return emitError(loc) << "unknown device '" << StringRef(device) << "'; expected none or h100";
    if (failed(parts))
      return failure();
    options = {schedule, *parts, model};
    return success();
  }

  /// Nothing can call a private function: calls cannot be distributed.
  static LogicalResult erasePrivate(func::FuncOp function) {
    WalkResult walk = function.walk([](DistributedAttentionInterface op) {
      op->emitOpError("stands in a private function; expected a public one: only those become programs");
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      return failure();
    function.erase();
    return success();
  }

  /// The grid that the function's tensors name, else that of the module, else a new one of one rank.
  GridOp getGrid(FlatSymbolRefAttr name) {
    if (name)
      return GridOp::lookup(getOperation(), name);
    if (auto grids = getOperation().getOps<GridOp>(); !grids.empty())
      return *grids.begin();
    OpBuilder builder = OpBuilder::atBlockBegin(getOperation().getBody());
    auto grid = GridOp::create(builder, getOperation().getLoc(), builder.getStringAttr("rondo_single"),
                               builder.getStrArrayAttr({"seq"}), builder.getDenseI64ArrayAttr({1}));
    SymbolTable(getOperation()).insert(grid);
    return grid;
  }

  LogicalResult partition(func::FuncOp function) {
    if (failed(verifyFunction(function)))
      return failure();
    FailureOr<FlatSymbolRefAttr> gridName = getGridName(function);
    if (failed(gridName))
      return failure();
    GridOp grid = getGrid(*gridName);
    FailureOr<Dimensions> dimensions = Dimensions::analyze(function, grid);
    if (failed(dimensions) || failed(FunctionPartitioner(function, *dimensions, grid, options).run()))
      return failure();
    function.erase();
    return success();
  }

  ScheduleOptions options;
};
} // namespace
