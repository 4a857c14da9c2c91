//===- LowerHost.cpp - Turns work on streams into calls of the runtime ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs after control flow is unstructured: a failed call must be able to leave its function from any depth.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/Passes.h"
#include "codegen/host/CudaCode.h"
#include "codegen/host/Descriptors.h"
#include "codegen/host/Entries.h"
#include "codegen/host/RuntimeCalls.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOLOWERHOSTPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

namespace {
/// Lowers the ops of one host function.
class HostFunctionLowering {
public:
  HostFunctionLowering(func::FuncOp function, StringPool &strings)
      : function(function), calls(function, strings), builder(function.getContext()) {}

  void run();

private:
  void lower(exec::ArenaOp op);
  void lower(exec::StepOp op);
  void lower(exec::DispatchOp op);
  void lower(exec::ExchangeOp op);
  void lower(exec::RecordOp op);
  void lower(exec::AwaitOp op);
  void lower(spmd::AxisIndexOp op) { lowerAxis(op, op.getGridAttr(), op.getAxis(), RuntimeFunction::AxisIndex); }
  void lower(spmd::AxisSizeOp op) { lowerAxis(op, op.getGridAttr(), op.getAxis(), RuntimeFunction::AxisSize); }
  void lower(spmd::ShardSizeOp op);
  void lower(spmd::ShardOffsetOp op);
  void lower(spmd::ShardSizeMaxOp op);

  void addStatus();
  void lowerAxis(Operation *op, FlatSymbolRefAttr grid, StringRef axis, RuntimeFunction which);
  Value createAxisNumber(Operation *op, FlatSymbolRefAttr grid, StringRef axis);
  Value createShardSizeMax(Location loc, Value ranks, Value length);
  Value createShardOffset(Location loc, Value rank, Value ranks, Value length);

  Value createI32(Location loc, int32_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(value));
  }
  Value createStream(Location loc, exec::Stream stream) { return createI32(loc, static_cast<int32_t>(stream)); }

  func::FuncOp function;
  RuntimeCalls calls;
  OpBuilder builder;
};
} // namespace

static_assert(static_cast<int>(exec::Stream::Compute) == RONDO_STREAM_COMPUTE);
static_assert(static_cast<int>(exec::Stream::Communication) == RONDO_STREAM_COMMUNICATION);

void HostFunctionLowering::run() {
  addStatus();
  // Calls split blocks: collect first.
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    builder.setInsertionPoint(op);
    TypeSwitch<Operation *>(op)
        .Case<exec::ArenaOp, exec::StepOp, exec::DispatchOp, exec::ExchangeOp, exec::RecordOp, exec::AwaitOp,
              spmd::AxisIndexOp, spmd::AxisSizeOp, spmd::ShardSizeOp, spmd::ShardOffsetOp, spmd::ShardSizeMaxOp>(
            [&](auto concrete) {
              lower(concrete);
              concrete->erase();
            });
  }
  // An event is the runtime's number of it, wherever it flows.
  for (Block &block : function.getBody())
    for (BlockArgument argument : block.getArguments())
      if (isa<exec::EventType>(argument.getType()))
        argument.setType(builder.getI64Type());
}

/// Gives the function the runtime's table and execution as first arguments, and a status as its only result.
void HostFunctionLowering::addStatus() {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  for (unsigned position : {0u, 1u})
    (void)function.insertArgument(position, pointer, {}, function.getLoc());
  function.setType(builder.getFunctionType(function.getArgumentTypes(), builder.getI32Type()));
  function.walk([&](func::ReturnOp op) {
    builder.setInsertionPoint(op);
    op->setOperands(createI32(op.getLoc(), 0));
  });
}

void HostFunctionLowering::lower(exec::ArenaOp op) {
  Location loc = op.getLoc();
  Value slot = calls.reserve(builder, loc, 8);
  Value bytes = toI64(builder, loc, op.getBytes());
  calls.callChecked(builder, loc, RuntimeFunction::Arena, {bytes, slot});
  Value pointer = loadAt(builder, loc, slot.getType(), slot, 0);
  op.replaceAllUsesWith(createByteMemRef(builder, loc, op.getArena().getType(), pointer, bytes));
}

void HostFunctionLowering::lower(exec::StepOp op) {
  Location loc = op.getLoc();
  Value phase = createI32(loc, op.getTail() ? RONDO_PHASE_TAIL : RONDO_PHASE_STEADY);
  calls.callChecked(builder, loc, RuntimeFunction::Step, {toI64(builder, loc, op.getStep()), phase});
}

void HostFunctionLowering::lower(exec::DispatchOp op) {
  Location loc = op.getLoc();
  SmallVector<Value> arguments;
  for (Value operand : op.getOperands())
    if (isa<MemRefType>(operand.getType()))
      llvm::append_range(arguments, extractParts(builder, loc, operand).flatten());
    else
      arguments.push_back(isa<IndexType>(operand.getType()) ? toI64(builder, loc, operand) : operand);

  Value block = calls.reserve(builder, loc, kKernelArgumentBytes * arguments.size());
  for (auto [number, argument] : llvm::enumerate(arguments))
    storeAt(builder, loc, argument, block, kKernelArgumentBytes * number);

  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getKernelAttr());
  Value name = calls.getString(builder, loc, cast<StringAttr>(kernel->getAttr(exec::kKernelAttr)).getValue());
  // What runs: the kernel's own code, or an operation on a GPU.
  bool isCuda = kernel->hasAttr(exec::kCudaOperationAttr);
  Value address = LLVM::AddressOfOp::create(builder, loc, block.getType(), getKernelEntryName(kernel));
  calls.callChecked(builder, loc, isCuda ? RuntimeFunction::Launch : RuntimeFunction::Dispatch,
                    {createStream(loc, op.getStream()), name, address, block,
                     createI64(builder, loc, kKernelArgumentBytes * arguments.size())});
}

void HostFunctionLowering::lower(exec::ExchangeOp op) {
  Location loc = op.getLoc();
  int64_t count = op.getSources().size();
  Value transfers = calls.reserve(builder, loc, sizeof(rondo_transfer) * count);
  for (auto [number, name, source, destination] :
       llvm::enumerate(op.getNames().getAsValueRange<StringAttr>(), op.getSources(), op.getDestinations())) {
    int64_t start = sizeof(rondo_transfer) * number;
    auto store = [&](Value value, size_t field) { storeAt(builder, loc, value, transfers, start + field); };
    store(calls.getString(builder, loc, name), offsetof(rondo_transfer, name));
    store(extractPointer(builder, loc, source), offsetof(rondo_transfer, source));
    store(extractByteCount(builder, loc, source), offsetof(rondo_transfer, source_bytes));
    store(extractPointer(builder, loc, destination), offsetof(rondo_transfer, destination));
    store(extractByteCount(builder, loc, destination), offsetof(rondo_transfer, destination_bytes));
  }
  calls.callChecked(builder, loc, RuntimeFunction::Exchange,
                    {createStream(loc, op.getStream()), createAxisNumber(op, op.getGridAttr(), op.getAxis()),
                     createI64(builder, loc, op.getDistance()), transfers, createI64(builder, loc, count)});
}

void HostFunctionLowering::lower(exec::RecordOp op) {
  Location loc = op.getLoc();
  Value slot = calls.reserve(builder, loc, 8);
  calls.callChecked(builder, loc, RuntimeFunction::Record, {createStream(loc, op.getStream()), slot});
  op.replaceAllUsesWith(loadAt(builder, loc, builder.getI64Type(), slot, 0));
}

void HostFunctionLowering::lower(exec::AwaitOp op) {
  Value event = op->getOperand(0); // a number already, where the record was lowered first
  calls.callChecked(builder, op.getLoc(), RuntimeFunction::Await, {createStream(op.getLoc(), op.getStream()), event});
}

//===--------------------------------------------------------------------------------------------------------------===//
// Ranks and shards
//===--------------------------------------------------------------------------------------------------------------===//

Value HostFunctionLowering::createAxisNumber(Operation *op, FlatSymbolRefAttr grid, StringRef axis) {
  std::optional<unsigned> number = GridOp::lookup(op, grid).getAxisNumber(axis);
  return createI32(op->getLoc(), *number); // the verifier has seen that the grid has the axis
}

void HostFunctionLowering::lowerAxis(Operation *op, FlatSymbolRefAttr grid, StringRef axis, RuntimeFunction which) {
  Location loc = op->getLoc();
  Value result = calls.call(builder, loc, which, builder.getI64Type(), createAxisNumber(op, grid, axis));
  op->replaceAllUsesWith(ValueRange{toIndex(builder, loc, result)});
}

/// ceil(length / ranks); ranks >= 1, length >= 0.
Value HostFunctionLowering::createShardSizeMax(Location loc, Value ranks, Value length) {
  return arith::CeilDivUIOp::create(builder, loc, length, ranks);
}

/// min(rank * block, length).
Value HostFunctionLowering::createShardOffset(Location loc, Value rank, Value ranks, Value length) {
  Value block = createShardSizeMax(loc, ranks, length);
  Value start = arith::MulIOp::create(builder, loc, rank, block);
  return arith::MinUIOp::create(builder, loc, start, length);
}

void HostFunctionLowering::lower(spmd::ShardSizeMaxOp op) {
  op.replaceAllUsesWith(createShardSizeMax(op.getLoc(), op.getRanks(), op.getLength()));
}

void HostFunctionLowering::lower(spmd::ShardOffsetOp op) {
  op.replaceAllUsesWith(createShardOffset(op.getLoc(), op.getRank(), op.getRanks(), op.getLength()));
}

void HostFunctionLowering::lower(spmd::ShardSizeOp op) {
  Location loc = op.getLoc();
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value next = arith::AddIOp::create(builder, loc, op.getRank(), one);
  Value end = createShardOffset(loc, next, op.getRanks(), op.getLength());
  Value start = createShardOffset(loc, op.getRank(), op.getRanks(), op.getLength());
  op.replaceAllUsesWith(arith::SubIOp::create(builder, loc, end, start).getResult());
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
struct LowerHostPass : public rondo::impl::RondoLowerHostPassBase<LowerHostPass> {
  using RondoLowerHostPassBase::RondoLowerHostPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>())
      if (function.getNumResults() != 0) {
        function.emitError() << "function '" << function.getName()
                             << "' still has results; run --rondo-bufferize, which turns them into arguments";
        return signalPassFailure();
      }

    StringPool strings(module);
    ProgramEntries entries(module, strings);
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    auto isHost = [](func::FuncOp function) {
      return function.isPublic() && !function->hasAttr(exec::kKernelAttr) &&
             !function->hasAttr(RondoDialect::kReferenceAttr);
    };
    for (func::FuncOp function : llvm::make_filter_range(functions, isHost))
      HostFunctionLowering(function, strings).run();
    for (func::FuncOp function : functions) // this renames them: host functions know kernels by their old names
      if (auto operation = function->getAttrOfType<exec::CudaOperationAttr>(exec::kCudaOperationAttr)) {
        emitCudaOperation(module, getKernelEntryName(function), operation);
        function.erase();
      } else if (function->hasAttr(exec::kKernelAttr))
        entries.addKernel(function);
      else if (function->hasAttr(RondoDialect::kReferenceAttr))
        entries.addReference(function);
      else if (isHost(function))
        entries.addFunction(function);
    entries.emitProgramHeader();
    eraseLevels(module);
  }

  /// Erases what only the higher levels read: grids, and the attributes of the spmd, exec and rondo dialects.
  static void eraseLevels(ModuleOp module) {
    for (auto grid : llvm::make_early_inc_range(module.getOps<GridOp>()))
      grid.erase();
    auto isHigherLevel = [](NamedAttribute attribute) {
      return isa_and_nonnull<RondoDialect, spmd::SpmdDialect, exec::ExecDialect>(attribute.getNameDialect());
    };
    for (auto function : module.getOps<FunctionOpInterface>()) {
      for (NamedAttribute attribute : function->getDiscardableAttrDictionary())
        if (isHigherLevel(attribute))
          function->removeAttr(attribute.getName());
      for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
        for (NamedAttribute attribute : llvm::to_vector(function.getArgAttrs(argument)))
          if (isHigherLevel(attribute))
            function.removeArgAttr(argument, attribute.getName());
    }
    for (NamedAttribute attribute : module->getDiscardableAttrDictionary())
      if (isHigherLevel(attribute))
        module->removeAttr(attribute.getName());
  }
};
} // namespace
