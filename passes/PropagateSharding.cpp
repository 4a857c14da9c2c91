//===- PropagateSharding.cpp - Gives every tensor of a global program its sharding ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/GlobalOps.h"
#include "passes/Passes.h"
#include "passes/ShardingPropagation.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOPROPAGATESHARDINGPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

/// Verifies that a function is straight-line code of ops that can be distributed.
static LogicalResult verifyOps(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError() << "has " << function.getBody().getBlocks().size()
                                  << " blocks; expected one: control flow cannot be distributed";
  for (Operation &op : function.front().without_terminator())
    if (classify(&op) == OpKind::Other)
      return emitCannotBeDistributed(&op);
  Operation *terminator = function.front().getTerminator();
  return isa<func::ReturnOp>(terminator) ? success() : LogicalResult(emitCannotBeDistributed(terminator));
}

/// Gives each use of an uninitialised tensor or of a splat constant an op of its own: such a value is free to be
/// sharded as its user needs it, but users may need it differently.
static void separateFreeValues(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.front())) {
    OpKind kind = classify(&op);
    if (kind != OpKind::Empty && kind != OpKind::Splat)
      continue;
    OpBuilder builder(op.getContext());
    builder.setInsertionPointAfter(&op);
    for (OpOperand &use : llvm::make_early_inc_range(op.getUses()))
      if (!op.getResult(0).hasOneUse())
        use.set(builder.clone(op)->getResult(0));
  }
}

/// Writes the sharding of every ranked tensor: on the function's arguments and results, and on ops as
/// `rondo.shardings`.
static LogicalResult writeShardings(func::FuncOp function, ShardingPropagation &propagation) {
  auto unit = UnitAttr::get(function.getContext());
  auto getSharding = [&](Value value) -> Attribute {
    return isa<RankedTensorType>(value.getType()) ? Attribute(propagation.getSharding(value)) : unit;
  };
  for (BlockArgument argument : function.getArguments())
    if (auto sharding = dyn_cast_or_null<ShardingAttr>(getSharding(argument)))
      function.setArgAttr(argument.getArgNumber(), RondoDialect::kShardingAttr, sharding);
  for (OpOperand &returned : function.front().getTerminator()->getOpOperands())
    if (auto sharding = dyn_cast_or_null<ShardingAttr>(getSharding(returned.get())))
      function.setResultAttr(returned.getOperandNumber(), RondoDialect::kShardingAttr, sharding);
  for (Operation &op : function.front()) {
    SmallVector<Attribute> shardings = llvm::map_to_vector(op.getResults(), getSharding);
    if (llvm::is_contained(shardings, Attribute()))
      return failure(); // the error is emitted
    if (llvm::any_of(shardings, llvm::IsaPred<ShardingAttr>))
      op.setDiscardableAttr(RondoDialect::kShardingsAttr, ArrayAttr::get(function.getContext(), shardings));
  }
  return success();
}

/// How many ranked tensors there are among the arguments, results and values of a function.
static int64_t countTensors(func::FuncOp function) {
  auto count = [](TypeRange types) { return llvm::count_if(types, llvm::IsaPred<RankedTensorType>); };
  int64_t tensors = count(function.getArgumentTypes()) + count(function.getResultTypes());
  for (Operation &op : function.front())
    tensors += count(op.getResultTypes());
  return tensors;
}

namespace {
struct PropagateShardingPass : mlir::rondo::impl::RondoPropagateShardingPassBase<PropagateShardingPass> {
  using RondoPropagateShardingPassBase::RondoPropagateShardingPassBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions = getPublicFunctions();
    if (failed(verifyAttends(functions)) || failed(verifyOneGrid(functions)))
      return signalPassFailure();
    for (func::FuncOp function : functions)
      if (failed(verifyOps(function)) || failed(propagate(function)))
        return signalPassFailure();
  }

  SmallVector<func::FuncOp> getPublicFunctions() {
    return llvm::filter_to_vector(getOperation().getOps<func::FuncOp>(), [](func::FuncOp function) {
      return function.isPublic() && !function.isExternal() && !function->hasAttr(RondoDialect::kReferenceAttr);
    });
  }

  LogicalResult verifyAttends(ArrayRef<func::FuncOp> functions) {
    auto attends = [](func::FuncOp function) {
      return function.walk([](DistributedAttentionInterface) { return WalkResult::interrupt(); }).wasInterrupted();
    };
    if (llvm::any_of(functions, attends))
      return success();
    InFlightDiagnostic diagnostic = getOperation().emitError()
                                    << "no public function of this module attends (" << functions.size()
                                    << " public functions); expected a rondo.attention in at least one";
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (function.isPrivate() && attends(function)) {
        diagnostic.attachNote(function.getLoc())
            << "function @" << function.getName() << " attends, but is private; make it public";
        break;
      }
    return diagnostic;
  }

  /// Verifies that all declared shardings name one grid: a program runs on one.
  LogicalResult verifyOneGrid(ArrayRef<func::FuncOp> functions) {
    std::optional<ShardingDeclaration> first;
    for (func::FuncOp function : functions)
      for (auto declarations : {getArgumentShardings(function), getResultShardings(function)})
        for (const ShardingDeclaration &declaration : declarations) {
          if (!first)
            first = declaration;
          if (first->sharding.getGrid() == declaration.sharding.getGrid())
            continue;
          InFlightDiagnostic diagnostic = emitError(declaration.loc)
                                          << declaration.owner << " is sharded over grid "
                                          << declaration.sharding.getGrid() << ", but " << first->owner << " over grid "
                                          << first->sharding.getGrid() << "; expected one grid: make both axes of it";
          diagnostic.attachNote(first->loc) << first->owner << " is declared here";
          return diagnostic;
        }
    return success();
  }

  LogicalResult propagate(func::FuncOp function) {
    SmallVector<ShardingDeclaration> declarations = getArgumentShardings(function);
    llvm::append_range(declarations, getResultShardings(function));
    if (declarations.empty())
      return success(); // runs on one rank
    separateFreeValues(function);
    GridOp grid = GridOp::lookup(getOperation(), declarations.front().sharding.getGrid());
    ShardingPropagation propagation(function, grid);
    if (failed(propagation.run()) || failed(writeShardings(function, propagation)))
      return failure();
    int64_t tensors = countTensors(function), declared = declarations.size();
    remark::passed(
        function.getLoc(),
        remark::RemarkOpts::name("PropagateSharding").category("rondo-propagate-sharding").function(function.getName()))
        << remark::metric("declared", declared) << remark::metric("derived", tensors - declared);
    return success();
  }
};
} // namespace
