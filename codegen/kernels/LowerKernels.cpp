//===- LowerKernels.cpp - rondo-lower-kernels-cuda ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernel functions become operations, which the runtime launches, and the kernels that those consist of.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/Passes.h"
#include "codegen/cuda/KernelFunction.h"
#include "codegen/kernels/Elementwise.h"
#include "codegen/kernels/KernelAttributes.h"
#include "codegen/kernels/ProgramKernels.h"
#include "dialect/exec/Exec.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOLOWERKERNELSCUDAPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// The operation that a kernel function consists of, constants apart; null, with an error, if it has another form.
static Operation *getKernelOp(func::FuncOp kernel) {
  Operation *found = nullptr;
  bool isOne = !kernel.isExternal() && kernel.getBody().hasOneBlock() && kernel.getNumArguments() >= 2;
  if (isOne)
    for (Operation &op : kernel.getBody().front().without_terminator())
      if (!op.hasTrait<OpTrait::ConstantLike>()) {
        isOne &= !found;
        found = &op;
      }
  if (isOne && found)
    return found;
  kernel.emitError() << "kernel @" << kernel.getSymName()
                     << " does not have the form (%part: index, %parts: index, operands...) with one operation and a "
                        "return";
  return nullptr;
}

namespace {

/// Slots of an argument block, as LowerHost fills it.
class Slots {
public:
  explicit Slots(func::FuncOp kernel) {
    int32_t next = 0;
    for (BlockArgument argument : kernel.getArguments().drop_front(2)) {
      slots[argument] = next;
      next += getSlotCount(argument.getType());
    }
  }

  /// The slots of an operation's operands, of which some may be null. Fails at `op` if one is no argument.
  FailureOr<SmallVector<int32_t>> get(Operation *op, ArrayRef<Value> operands) const {
    SmallVector<int32_t> numbers(RONDO_CUDA_OPERANDS, -1);
    for (auto [number, operand] : llvm::enumerate(operands)) {
      if (!operand)
        continue;
      auto slot = slots.find(operand);
      if (slot == slots.end())
        return op->emitOpError() << "has an operand that is no argument of its kernel function; expected all to be";
      numbers[number] = slot->second;
    }
    return numbers;
  }

private:
  DenseMap<Value, int32_t> slots;
};

/// The kernels of a program, numbered in the order in which they were added.
class KernelTable {
public:
  explicit KernelTable(ModuleOp module) : gpuModule(cast<gpu::GPUModuleOp>(createGpuModule(module, kProgramKernels))) {}

  /// A generated kernel, which is there once.
  int32_t add(StringRef name, Attribute configuration) {
    if (auto known = numbers.find(name); known != numbers.end())
      return known->second;
    OpBuilder builder = OpBuilder::atBlockEnd(gpuModule.getBody());
    auto declaration = func::FuncOp::create(builder, gpuModule.getLoc(), name, builder.getFunctionType({}, {}));
    declaration.setPrivate();
    declaration->setAttr(kConfigurationAttr, configuration);
    return numbers[name] = count++;
  }

  /// A kernel of the body of `kernel`, which takes its argument block.
  int32_t add(func::FuncOp kernel) {
    OpBuilder builder = OpBuilder::atBlockEnd(gpuModule.getBody());
    auto clone = cast<func::FuncOp>(builder.clone(*kernel));
    // The program's functions may have any names, also such as PTX cannot have.
    std::string name = cast<StringAttr>(kernel->getAttr(exec::kKernelAttr)).getValue().str();
    std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
    clone.setName(name + "_" + std::to_string(count));
    clone.setPublic();
    clone->removeAttr(exec::kKernelAttr);
    return count++;
  }

private:
  gpu::GPUModuleOp gpuModule;
  llvm::StringMap<int32_t> numbers;
  int32_t count = 0;
};

} // namespace

static Type getElement(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }

/// Verifies that a kernel was chosen for this op: texts of programs can be edited.
static LogicalResult verifyKernel(AttendOp op, const AttendConfiguration &c) {
  auto query = cast<MemRefType>(op.getQuery().getType()), value = cast<MemRefType>(op.getValue().getType());
  std::string error = getAttendError(c);
  if (error.empty() && (c.input != getFormat(query.getElementType()) || c.features != query.getDimSize(3) ||
                        c.valueFeatures != value.getDimSize(3) || c.causal != op.isCausal() ||
                        c.negateScores != op.getScale().isNegative()))
    error = "it is for other element types, feature sizes, masks or scales";
  return error.empty()
             ? success()
             : LogicalResult(op.emitOpError() << "cannot have the kernel " << getAttendName(c) << ": " << error);
}

static LogicalResult verifyKernel(Operation *op, Value partial, Value output, const MergeConfiguration &c) {
  std::string error = getMergeError(c);
  auto type = cast<MemRefType>(output.getType());
  if (error.empty() && (c.features != type.getDimSize(3) || c.output != getFormat(type.getElementType()) ||
                        (partial && (c.partial != getFormat(getElement(partial)) || c.arriving != c.output))))
    error = "it is for other element types or feature sizes";
  auto attend = dyn_cast<AttendOp>(op);
  if (error.empty() && attend && c.arriving.has_value() != attend.getJoined())
    error = attend.getJoined() ? "the parts are joined with a result that arrives" : "nothing arrives";
  if (error.empty() && attend && c.arriving && c.arriving != c.output)
    error = "what arrives is of another element type than the result";
  return error.empty()
             ? success()
             : LogicalResult(op->emitOpError() << "cannot have the kernel " << getMergeName(c) << ": " << error);
}

static LogicalResult failWithoutKernel(Operation *op) {
  return op->emitOpError("has no kernel for cuda:sm_90a; run --rondo-choose-kernels-cuda");
}

static FailureOr<exec::CudaOperationAttr> lower(AttendOp op, const Slots &slots, KernelTable &table) {
  KernelAttr chosen = op.getKernel().value_or(KernelAttr());
  if (!chosen || chosen.getAttend().empty())
    return failWithoutKernel(op);
  SmallVector<int32_t> kernels;
  for (AttendKernelAttr attribute : chosen.getAttend()) {
    AttendConfiguration configuration = getConfiguration(attribute);
    if (failed(verifyKernel(op, configuration)))
      return failure();
    if (attribute.getOutput() != getElement(op.getOutput()) && !chosen.getMerge())
      return op.emitOpError() << "has the kernel " << getAttendName(configuration)
                              << ", which writes partial results, but none that merges them";
    kernels.push_back(table.add(getAttendName(configuration), attribute));
  }
  int32_t merge = -1;
  if (MergeKernelAttr attribute = chosen.getMerge()) {
    MergeConfiguration configuration = getConfiguration(attribute);
    if (failed(verifyKernel(op, /*partial=*/Value(), op.getOutput(), configuration)))
      return failure();
    merge = table.add(getMergeName(configuration), attribute);
  }
  FailureOr<SmallVector<int32_t>> operands =
      slots.get(op, {op.getQuery(), op.getKey(), op.getValue(), op.getOutput(), op.getLse(), op.getQueryStart(),
                     op.getKeyStart(), op.getDiagonal()});
  if (failed(operands))
    return failure();
  return exec::CudaOperationAttr::get(op.getContext(), exec::CudaOperationKind::Attend, kernels, merge, *operands,
                                      /*dimensions=*/0, op.getScaleAttr(), getElement(op.getOutput()), op.getJoined());
}

static FailureOr<exec::CudaOperationAttr> lower(MergeOp op, const Slots &slots, KernelTable &table) {
  KernelAttr chosen = op.getKernel().value_or(KernelAttr());
  if (!chosen || !chosen.getMerge())
    return failWithoutKernel(op);
  MergeConfiguration configuration = getConfiguration(chosen.getMerge());
  FailureOr<SmallVector<int32_t>> operands =
      slots.get(op, {op.getPartialOutput(), op.getPartialLse(), op.getOutput(), op.getLse()});
  if (failed(verifyKernel(op, op.getPartialOutput(), op.getOutput(), configuration)) || failed(operands))
    return failure();
  return exec::CudaOperationAttr::get(
      op.getContext(), exec::CudaOperationKind::Merge, table.add(getMergeName(configuration), chosen.getMerge()),
      /*merge=*/-1, *operands, /*dimensions=*/0, FloatAttr(), getElement(op.getOutput()), op.getJoined());
}

static FailureOr<exec::CudaOperationAttr> lower(linalg::LinalgOp op, const Slots &slots, KernelTable &table) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() == 0)
    return op.emitError() << "cannot be a kernel: expected an operation of linalg on memrefs";
  Value shape = op.getDpsInits().front();
  FailureOr<SmallVector<int32_t>> operands = slots.get(op, shape);
  if (failed(operands))
    return failure();
  return exec::CudaOperationAttr::get(
      op.getContext(), exec::CudaOperationKind::Elementwise, table.add(op->getParentOfType<func::FuncOp>()),
      /*merge=*/-1, *operands, cast<MemRefType>(shape.getType()).getRank(), FloatAttr(), Type(), /*joined=*/false);
}

static LogicalResult lowerKernel(func::FuncOp kernel, KernelTable &table) {
  Operation *op = getKernelOp(kernel);
  if (!op)
    return failure();
  Slots slots(kernel);
  FailureOr<exec::CudaOperationAttr> operation = failure();
  if (auto attend = dyn_cast<AttendOp>(op))
    operation = lower(attend, slots, table);
  else if (auto merge = dyn_cast<MergeOp>(op))
    operation = lower(merge, slots, table);
  else if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    operation = lower(structured, slots, table);
  else
    return op->emitOpError(
        "cannot be a kernel on CUDA; expected rondo.attend, rondo.merge or an operation of linalg, on "
        "memrefs");
  if (failed(operation))
    return failure();
  kernel.getBody().getBlocks().clear();
  kernel->setAttr(exec::kCudaOperationAttr, *operation);
  return success();
}

namespace {
struct LowerKernelsCudaPass : rondo::impl::RondoLowerKernelsCudaPassBase<LowerKernelsCudaPass> {
  void runOnOperation() override {
    auto kernels = llvm::filter_to_vector(getOperation().getOps<func::FuncOp>(),
                                          [](func::FuncOp function) { return function->hasAttr(exec::kKernelAttr); });
    KernelTable table(getOperation());
    for (func::FuncOp kernel : kernels)
      if (failed(lowerKernel(kernel, table)))
        return signalPassFailure();
  }
};
} // namespace
