//===- ShardingPropagation.cpp - From declared shardings to those of all values -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/ShardingPropagation.h"
#include "passes/GlobalOps.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::rondo;

SmallVector<ShardingDeclaration> rondo::getArgumentShardings(func::FuncOp function) {
  SmallVector<ShardingDeclaration> declarations;
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    if (auto sharding = function.getArgAttrOfType<ShardingAttr>(number, RondoDialect::kShardingAttr))
      declarations.push_back({sharding, argument.getLoc(), "argument " + std::to_string(number), number});
  }
  return declarations;
}

SmallVector<ShardingDeclaration> rondo::getResultShardings(func::FuncOp function) {
  SmallVector<ShardingDeclaration> declarations;
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (auto sharding = function.getResultAttrOfType<ShardingAttr>(number, RondoDialect::kShardingAttr))
      declarations.push_back({sharding, function.getLoc(), "result " + std::to_string(number), number});
  return declarations;
}

/// {"data", "seq"}
static std::string print(ArrayAttr axes) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '{';
  llvm::interleaveComma(axes, stream);
  stream << '}';
  return text;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Constraints
//===--------------------------------------------------------------------------------------------------------------===//

ShardingPropagation::ShardingPropagation(func::FuncOp function, GridOp grid)
    : function(function), grid(grid), arguments(getArgumentShardings(function)), results(getResultShardings(function)) {
  for (Operation &op : function.front()) {
    OpKind kind = classify(&op);
    if (kind == OpKind::Attention)
      addConstraints(cast<DistributedAttentionInterface>(op));
    else if (kind == OpKind::Elementwise)
      addElementwiseConstraints(&op);
  }
}

/// The groups of an attention. All its paired groups together are one constraint: the same axes shard them.
void ShardingPropagation::addConstraints(DistributedAttentionInterface op) {
  DimensionGroup paired{"", Cut::Paired, {}};
  SmallVector<StringRef> names;
  for (DimensionGroup &group : op.getDimensionGroups()) {
    if (group.cut != Cut::Paired) {
      constraints.push_back({op, std::move(group)});
      continue;
    }
    names.push_back(group.name);
    llvm::append_range(paired.members, group.members);
  }
  paired.name = StringAttr::get(op.getContext(), llvm::join(names, " and ")).getValue();
  constraints.push_back({op, std::move(paired)});
}

void ShardingPropagation::addElementwiseConstraints(Operation *op) {
  SmallVector<Value> tensors = getTensors(op);
  int64_t rank = cast<RankedTensorType>(tensors.front().getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim) {
    DimensionGroup group{StringAttr::get(op->getContext(), "dimension " + Twine(dim)).getValue(), Cut::Blocks, {}};
    for (Value tensor : tensors)
      group.members.push_back({tensor, dim});
    constraints.push_back({op, std::move(group)});
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Propagation
//===--------------------------------------------------------------------------------------------------------------===//

const ShardingPropagation::Known *ShardingPropagation::lookup(Dimension dimension) const {
  auto entry = known.find({dimension.value, dimension.index});
  return entry == known.end() ? nullptr : &entry->second;
}

void ShardingPropagation::declare(Value value, const ShardingDeclaration &declaration) {
  for (int64_t dim = 0; dim < declaration.sharding.getRank(); ++dim)
    known.try_emplace({value, dim}, Known{declaration.sharding.getDimensions()[dim], &declaration});
}

void ShardingPropagation::attachSource(InFlightDiagnostic &diagnostic, Operation *op, Dimension dimension) {
  const ShardingDeclaration *source = lookup(dimension)->source;
  diagnostic.attachNote(source->loc) << "the sharding of " << describeValue(op, dimension.value) << " derives from "
                                     << source->owner << " of @" << function.getName() << ": " << source->sharding;
}

LogicalResult ShardingPropagation::propagate(const Constraint &constraint, bool &changed) {
  const auto &[op, group] = constraint;
  const Dimension *first = llvm::find_if(group.members, [&](Dimension member) { return lookup(member); });
  if (first == group.members.end())
    return success();
  const Known reference = *lookup(*first);
  if (group.cut == Cut::Never && !reference.axes.empty()) {
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "cannot have its " << group.name << " sharded, but "
                                    << describeValue(op, first->value) << " has it sharded by " << print(reference.axes)
                                    << "; shard its sequence, heads or batch instead";
    attachSource(diagnostic, op, *first);
    return diagnostic;
  }
  for (Dimension member : group.members) {
    auto [entry, isNew] = known.try_emplace({member.value, member.index}, reference);
    changed |= isNew;
    if (entry->second.axes == reference.axes)
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "needs its " << group.name << " sharded alike everywhere, but "
                                    << describeValue(op, first->value) << " is sharded by " << print(reference.axes)
                                    << " and " << describeValue(op, member.value) << " by " << print(entry->second.axes)
                                    << "; shard both by the same axes, or leave one sharding out, to be derived";
    attachSource(diagnostic, op, *first);
    attachSource(diagnostic, op, member);
    return diagnostic;
  }
  return success();
}

LogicalResult ShardingPropagation::propagate() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const Constraint &constraint : constraints)
      if (failed(propagate(constraint, changed)))
        return failure();
  }
  return success();
}

LogicalResult ShardingPropagation::checkReturned(Value value, const ShardingDeclaration &declaration) {
  for (int64_t dim = 0; dim < declaration.sharding.getRank(); ++dim) {
    const Known *actual = lookup({value, dim});
    ArrayAttr declared = declaration.sharding.getDimensions()[dim];
    if (!actual || actual->axes == declared)
      continue;
    InFlightDiagnostic diagnostic = function.front().getTerminator()->emitOpError()
                                    << "cannot return " << declaration.owner
                                    << " sharded as declared: it is sharded by " << print(actual->axes)
                                    << " in dimension " << dim << ", but declared by " << print(declared)
                                    << "; declare it as it is, or leave its sharding out";
    diagnostic.attachNote(actual->source->loc) << "its sharding derives from " << actual->source->owner << " of @"
                                               << function.getName() << ": " << actual->source->sharding;
    return diagnostic;
  }
  return success();
}

// The arguments come first: a result whose declaration they contradict is then known as such.
LogicalResult ShardingPropagation::run() {
  for (const ShardingDeclaration &declaration : arguments)
    declare(function.getArgument(declaration.number), declaration);
  if (failed(propagate()))
    return failure();
  OperandRange returned = function.front().getTerminator()->getOperands();
  for (const ShardingDeclaration &declaration : results) {
    if (failed(checkReturned(returned[declaration.number], declaration)))
      return failure();
    declare(returned[declaration.number], declaration);
  }
  if (failed(propagate()))
    return failure();
  for (auto op : function.front().getOps<DistributedAttentionInterface>())
    if (failed(checkHeads(op)) || failed(checkSequences(op)))
      return failure();
  return success();
}

ShardingAttr ShardingPropagation::getSharding(Value value) {
  MLIRContext *context = value.getContext();
  SmallVector<ArrayAttr> dimensions;
  for (int64_t dim = 0; dim < cast<RankedTensorType>(value.getType()).getRank(); ++dim) {
    const Known *axes = lookup({value, dim});
    dimensions.push_back(axes ? axes->axes : ArrayAttr::get(context, {}));
  }
  auto gridName = FlatSymbolRefAttr::get(grid.getSymNameAttr());
  if (failed(ShardingAttr::verify([&] { return emitError(value.getLoc()); }, gridName, dimensions)))
    return {};
  return ShardingAttr::get(context, gridName, dimensions);
}

//===--------------------------------------------------------------------------------------------------------------===//
// What an attention can be distributed by
//===--------------------------------------------------------------------------------------------------------------===//

/// Verifies that each rank gets whole groups of query heads with their key/value head.
LogicalResult ShardingPropagation::checkHeads(DistributedAttentionInterface op) {
  for (const DimensionGroup &group : op.getDimensionGroups()) {
    if (group.cut != Cut::Paired || group.members.empty() || !lookup(group.members.front()))
      continue;
    Dimension first = group.members.front();
    ArrayAttr axes = lookup(first)->axes;
    int64_t extent = cast<RankedTensorType>(first.value.getType()).getDimSize(first.index), ranks = 1;
    for (StringRef axis : axes.getAsValueRange<StringAttr>()) {
      int64_t size = grid.getAxisSize(axis);
      if (ShapedType::isDynamic(size)) {
        InFlightDiagnostic diagnostic = op->emitOpError() << "has its " << group.name << " sharded by axis \"" << axis
                                                          << "\", whose size is ?; expected a static size";
        diagnostic.attachNote(grid.getLoc()) << "give the axis a size here, or shard the sequence by it";
        return diagnostic;
      }
      ranks *= size;
    }
    if (extent % ranks == 0)
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError()
                                    << "has " << extent << " " << group.name << ", but " << print(axes)
                                    << " shards them over " << ranks << " ranks, which would split a group of heads; "
                                    << "expected a number of ranks that divides " << extent;
    attachSource(diagnostic, op, first);
    return diagnostic;
  }
  return success();
}

/// Verifies that if both sequences are sharded, then by the same axes: queries and keys meet along them.
LogicalResult ShardingPropagation::checkSequences(DistributedAttentionInterface op) {
  Value query = op.getQuerySideOperands().front()->get(), key = op.getKeySideOperands().front()->get();
  Dimension rows{query, op.getSequenceDimension(query)}, keys{key, op.getSequenceDimension(key)};
  const Known *rowsAxes = lookup(rows), *keysAxes = lookup(keys);
  if (!rowsAxes || !keysAxes || rowsAxes->axes.empty() || keysAxes->axes.empty() || rowsAxes->axes == keysAxes->axes)
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << "has its query length sharded by " << print(rowsAxes->axes) << " and its key length by "
                        << print(keysAxes->axes)
                        << ", which no schedule supports; shard both by the same axes, or one of them by none";
  attachSource(diagnostic, op, rows);
  attachSource(diagnostic, op, keys);
  return diagnostic;
}
