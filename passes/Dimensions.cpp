//===- Dimensions.cpp - Which dimensions of a function are one length -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Dimensions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::rondo;

ShardingAttr rondo::getSharding(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function ? function.getArgAttrOfType<ShardingAttr>(argument.getArgNumber(), RondoDialect::kShardingAttr)
                    : ShardingAttr();
  }
  auto shardings = value.getDefiningOp()->getAttrOfType<ArrayAttr>(RondoDialect::kShardingsAttr);
  unsigned number = cast<OpResult>(value).getResultNumber();
  return shardings && number < shardings.size() ? dyn_cast<ShardingAttr>(shardings[number]) : ShardingAttr();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Classes
//===--------------------------------------------------------------------------------------------------------------===//

static std::string printAxes(ArrayRef<StringRef> axes) {
  std::string text = "{";
  for (StringRef axis : axes)
    text += (text.size() > 1 ? ", \"" : "\"") + axis.str() + "\"";
  return text + "}";
}

unsigned Dimensions::find(Value value, int64_t dim) const {
  unsigned number = numbers.at({value, dim});
  while (parents[number] != number)
    number = parents[number];
  return number;
}

const DimensionClass &Dimensions::getClass(Value value, int64_t dim) const { return classes[find(value, dim)]; }

LogicalResult Dimensions::addValue(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return success();
  ShardingAttr sharding = getSharding(value);
  if (sharding && sharding.getRank() != type.getRank())
    return emitError(value.getLoc()) << "sharding has " << sharding.getRank() << " dimensions, but the value's type "
                                     << type << " has " << type.getRank();
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    DimensionClass dimension;
    dimension.extent = type.getDimSize(dim);
    if (sharding)
      dimension.axes = sharding.getAxes(dim);
    numbers[{value, dim}] = classes.size();
    parents.push_back(classes.size());
    classes.push_back(dimension);
  }
  return success();
}

LogicalResult Dimensions::unite(Operation *op, StringRef what, Dimension a, Dimension b) {
  unsigned numberA = find(a.value, a.index), numberB = find(b.value, b.index);
  if (numberA == numberB)
    return success();
  DimensionClass &classA = classes[numberA], &classB = classes[numberB];
  if (classA.axes != classB.axes) {
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "needs its " << what << " sharded alike everywhere, but "
                                    << describeValue(op, a.value) << " is sharded by " << printAxes(classA.axes)
                                    << " in dimension " << a.index << " and " << describeValue(op, b.value) << " by "
                                    << printAxes(classB.axes) << " in dimension " << b.index;
    diagnostic.attachNote() << "shard both by the same axes, or neither";
    return diagnostic;
  }
  if (!classA.isDynamic() && !classB.isDynamic() && classA.extent != classB.extent)
    return op->emitOpError() << "needs one " << what << ", but it is " << classA.extent << " for "
                             << describeValue(op, a.value) << " and " << classB.extent << " for "
                             << describeValue(op, b.value);
  if (classA.isDynamic())
    classA.extent = classB.extent;
  if (classB.cut != Cut::Blocks)
    classA.cut = classB.cut;
  parents[numberB] = numberA;
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Ops
//===--------------------------------------------------------------------------------------------------------------===//

int64_t Dimensions::getNumBlocks(const DimensionClass &dimension) const {
  int64_t blocks = 1;
  for (StringRef axis : dimension.axes)
    blocks *= GridOp(grid).getAxisSize(axis);
  return blocks;
}

/// Verifies that the paired groups of an op are sharded alike, into equal blocks.
LogicalResult Dimensions::checkPaired(DistributedAttentionInterface op, ArrayRef<DimensionGroup> groups) {
  const DimensionGroup *reference = nullptr;
  for (const DimensionGroup &group : groups) {
    if (group.cut != Cut::Paired || group.members.empty())
      continue;
    const DimensionClass &dimension = getClass(group.members[0].value, group.members[0].index);
    if (!reference)
      reference = &group;
    const DimensionClass &expected = getClass(reference->members[0].value, reference->members[0].index);
    if (dimension.axes != expected.axes)
      return op->emitOpError() << "needs its " << reference->name << " and its " << group.name
                               << " sharded alike, but they are sharded by " << printAxes(expected.axes) << " and by "
                               << printAxes(dimension.axes) << "; shard both by the same axes, or neither";
    for (StringRef axis : dimension.axes)
      if (ShapedType::isDynamic(grid.getAxisSize(axis)))
        return op->emitOpError() << "has its " << group.name << " sharded by axis \"" << axis
                                 << "\", whose size is ?; expected a static size: give the axis one in the grid";
    if (int64_t blocks = getNumBlocks(dimension); dimension.extent % blocks != 0)
      return op->emitOpError() << "has " << dimension.extent << " " << group.name << " over " << blocks
                               << " ranks; expected a multiple of " << blocks;
  }
  return success();
}

LogicalResult Dimensions::addAttention(DistributedAttentionInterface op) {
  SmallVector<DimensionGroup> groups = op.getDimensionGroups();
  for (const DimensionGroup &group : groups) {
    if (group.members.empty())
      continue;
    Dimension first = group.members.front();
    for (Dimension member : ArrayRef(group.members).drop_front())
      if (failed(unite(op, group.name, first, member)))
        return failure();
    DimensionClass &dimension = classes[find(first.value, first.index)];
    if (group.cut != Cut::Blocks)
      dimension.cut = group.cut;
    if (group.cut == Cut::Never && dimension.isSharded())
      return op->emitOpError() << "cannot have its " << group.name << " sharded, but it is by "
                               << printAxes(dimension.axes) << "; shard its sequence, heads or batch instead";
  }
  return checkPaired(op, groups);
}

LogicalResult Dimensions::addElementwise(Operation *op) {
  SmallVector<Value> tensors;
  for (Value value : llvm::concat<Value>(llvm::to_vector(op->getOperands()), llvm::to_vector(op->getResults())))
    if (isa<RankedTensorType>(value.getType()))
      tensors.push_back(value);
  int64_t rank = tensors.empty() ? 0 : cast<RankedTensorType>(tensors.front().getType()).getRank();
  for (Value value : ArrayRef(tensors).drop_front())
    for (int64_t dim = 0; dim < rank; ++dim)
      if (failed(unite(op, ("dimension " + Twine(dim)).str(), {tensors.front(), dim}, {value, dim})))
        return failure();
  return success();
}

/// Dynamic extents of an uninitialised tensor that are those of another tensor belong to its classes.
LogicalResult Dimensions::addEmpty(Operation *op) {
  auto empty = cast<tensor::EmptyOp>(op);
  for (int64_t dim = 0; dim < empty.getType().getRank(); ++dim) {
    if (!empty.getType().isDynamicDim(dim))
      continue;
    auto extent = empty.getDynamicSize(dim).getDefiningOp<tensor::DimOp>();
    if (!extent || !extent.getConstantIndex())
      continue; // an elementwise op that writes into it may say what it is
    // Here the axes are taken from the other tensor only if they agree: a replicated scratch tensor may be as long.
    Dimension source{extent.getSource(), *extent.getConstantIndex()};
    if (getClass(source.value, source.index).axes == getClass(empty, dim).axes &&
        failed(unite(op, "dimension", {empty, dim}, source)))
      return failure();
  }
  return success();
}

LogicalResult Dimensions::addOp(Operation *op) {
  OpKind kind = classify(op);
  if (kind == OpKind::Other)
    return emitCannotBeDistributed(op);
  for (Value result : op->getResults()) {
    if (sharded && isa<RankedTensorType>(result.getType()) && !getSharding(result))
      return op->emitOpError() << "has no " << RondoDialect::kShardingsAttr << "; run --rondo-propagate-sharding first";
    if (failed(addValue(result)))
      return failure();
  }
  switch (kind) {
  case OpKind::Attention:
    return addAttention(cast<DistributedAttentionInterface>(op));
  case OpKind::Elementwise:
    return addElementwise(op);
  case OpKind::Empty:
    return addEmpty(op);
  default:
    return success();
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Functions
//===--------------------------------------------------------------------------------------------------------------===//

/// Verifies that the values returned are sharded as the function's results are declared to be.
LogicalResult Dimensions::checkReturn(func::FuncOp function, Operation *terminator) {
  for (OpOperand &operand : terminator->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    auto declared = function.getResultAttrOfType<ShardingAttr>(number, RondoDialect::kShardingAttr);
    for (int64_t dim = 0; dim < cast<RankedTensorType>(operand.get().getType()).getRank(); ++dim) {
      SmallVector<StringRef> expected = declared ? declared.getAxes(dim) : SmallVector<StringRef>();
      const DimensionClass &actual = getClass(operand.get(), dim);
      if (actual.axes != expected)
        return terminator->emitOpError() << "returns as result " << number << " a value sharded by "
                                         << printAxes(actual.axes) << " in dimension " << dim
                                         << ", but the result is declared to be sharded by " << printAxes(expected)
                                         << "; declare it as the value is, or leave its sharding out";
    }
  }
  return success();
}

void Dimensions::numberLengths(func::FuncOp function, Operation *terminator) {
  for (Value value : llvm::concat<Value>(llvm::to_vector_of<Value>(function.getArguments()),
                                         llvm::to_vector(terminator->getOperands())))
    for (int64_t dim = 0; dim < cast<RankedTensorType>(value.getType()).getRank(); ++dim) {
      DimensionClass &dimension = classes[find(value, dim)];
      if (dimension.isDynamic() && !dimension.length)
        dimension.length = numLengths++;
    }
}

LogicalResult Dimensions::checkLengthsBound(func::FuncOp function) {
  for (Operation &op : function.front())
    for (Value value : op.getResults())
      if (auto type = dyn_cast<RankedTensorType>(value.getType()))
        for (int64_t dim = 0; dim < type.getRank(); ++dim)
          if (const DimensionClass &dimension = getClass(value, dim); dimension.isDynamic() && !dimension.length)
            return op.emitOpError() << "has the extent ? in dimension " << dim
                                    << " of its result, which is that of no argument or result of the function; "
                                       "expected one that the caller's tensors determine";
  return success();
}

FailureOr<Dimensions> Dimensions::analyze(func::FuncOp function, GridOp grid) {
  Dimensions dimensions(grid);
  Operation *terminator = function.front().getTerminator();
  for (BlockArgument argument : function.getArguments()) {
    ShardingAttr sharding = getSharding(argument);
    dimensions.sharded |= sharding && !sharding.isReplicated();
    if (failed(dimensions.addValue(argument)))
      return failure();
  }
  for (Operation &op : function.front().without_terminator())
    if (failed(dimensions.addOp(&op)))
      return failure();
  if (failed(dimensions.checkReturn(function, terminator)))
    return failure();
  dimensions.numberLengths(function, terminator);
  if (failed(dimensions.checkLengthsBound(function)))
    return failure();
  return dimensions;
}

RankedTensorType Dimensions::getLocalType(Value value) const {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    const DimensionClass &dimension = getClass(value, dim);
    if (!dimension.isSharded())
      shape.push_back(dimension.extent);
    else
      shape.push_back(dimension.cut == Cut::Paired ? dimension.extent / getNumBlocks(dimension) : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, type.getElementType());
}
