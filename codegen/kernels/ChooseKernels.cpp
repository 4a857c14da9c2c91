//===- ChooseKernels.cpp - rondo-choose-kernels-cuda ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives attention and merges their kernels; the choice itself is KernelChoice.cpp's.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/Passes.h"
#include "codegen/kernels/KernelAttributes.h"
#include "codegen/kernels/KernelChoice.h"
#include "codegen/kernels/KernelOptions.h"
#include "codegen/kernels/TransferRoom.h"
#include "dialect/exec/Exec.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOCHOOSEKERNELSCUDAPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static ShapedType getShape(Value value) { return cast<ShapedType>(value.getType()); }

/// A feature size, which kernels must know.
static FailureOr<int64_t> getFeatures(Operation *op, StringRef name, Value shard) {
  int64_t size = getShape(shard).getDimSize(3);
  if (ShapedType::isDynamic(size))
    return op->emitOpError() << "has feature size ? in " << name << "; expected a static size within 1..256";
  return size;
}

static FailureOr<AttendFacts> getFacts(AttendOp op) {
  FailureOr<int64_t> features = getFeatures(op, "K", op.getKey());
  FailureOr<int64_t> valueFeatures = failed(features) ? features : getFeatures(op, "V", op.getValue());
  if (failed(valueFeatures))
    return failure();
  ShapedType query = getShape(op.getQuery()), key = getShape(op.getKey());
  AttendFacts facts = {};
  facts.input = getFormat(query.getElementType());
  facts.output = getFormat(getShape(op.getOutput()).getElementType());
  facts.features = *features;
  facts.valueFeatures = *valueFeatures;
  facts.causal = op.isCausal();
  facts.negateScores = op.getScale().isNegative();
  facts.batches = query.getDimSize(0);
  facts.queryHeads = query.getDimSize(1);
  facts.keyHeads = key.getDimSize(1);
  facts.queryCount = query.getDimSize(2);
  facts.keyCount = key.getDimSize(2);
  facts.joined = op.getJoined();
  if (std::string error = getAttentionError(facts); !error.empty())
    return op.emitOpError() << "has no kernel for cuda:sm_90a: " << error
                            << "; convert what it reads, or compile with --target=cpu";
  return facts;
}

static LogicalResult failOption(Operation *op, StringRef error) { return op->emitError() << "--kernel: " << error; }

/// Reports names of kernels, and the predicted time if there is one.
static void remarkChoice(Operation *op, ArrayRef<std::string> kernels, std::optional<double> microseconds) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto options = remark::RemarkOpts::name("ChooseKernels").category("rondo-kernels").function(function.getName());
  auto remark = remark::passed(op->getLoc(), options);
  remark << remark::metric("kernels", llvm::join(kernels, ", "));
  if (microseconds)
    remark << remark::metric("predicted", llvm::formatv("{0:f1} us on an H100", *microseconds).str());
}

static LogicalResult choose(AttendOp op, StringRef allOptions) {
  std::string error;
  StringRef options = getKernelOptions(allOptions, "attend", error);
  if (!error.empty())
    return failOption(op, error);
  FailureOr<AttendFacts> facts = getFacts(op);
  if (failed(facts))
    return failure();
  if (op.getKernel() && options.empty())
    return success();
  AttendChoice choice = chooseAttend(*facts, options, error);
  if (!error.empty())
    return failOption(op, error);
  MLIRContext *context = op.getContext();
  SmallVector<AttendKernelAttr> kernels;
  SmallVector<std::string> names;
  for (const AttendConfiguration &kernel : choice.kernels) {
    kernels.push_back(getAttribute(context, kernel));
    names.push_back(getAttendName(kernel));
  }
  MergeKernelAttr merge;
  if (choice.merge) {
    merge = getAttribute(context, *choice.merge);
    names.push_back(getMergeName(*choice.merge));
  }
  op.setKernelAttr(KernelAttr::get(context, kernels, merge));
  remarkChoice(op, names, choice.microseconds);
  return success();
}

static LogicalResult choose(MergeOp op, StringRef allOptions) {
  std::string error;
  StringRef options = getKernelOptions(allOptions, "merge", error);
  if (!error.empty())
    return failOption(op, error);
  FailureOr<int64_t> features = getFeatures(op, "O", op.getOutput());
  if (failed(features))
    return failure();
  if (op.getKernel() && options.empty())
    return success();
  MergeConfiguration merge =
      chooseMerge(getFormat(getShape(op.getPartialOutput()).getElementType()),
                  getFormat(getShape(op.getOutput()).getElementType()), *features, options, error);
  if (!error.empty())
    return options.empty() ? op.emitOpError() << "has no kernel for cuda:sm_90a: " << error : failOption(op, error);
  op.setKernelAttr(KernelAttr::get(op.getContext(), {}, getAttribute(op.getContext(), merge)));
  remarkChoice(op, getMergeName(merge), std::nullopt);
  return success();
}

namespace {
struct ChooseKernelsCudaPass : rondo::impl::RondoChooseKernelsCudaPassBase<ChooseKernelsCudaPass> {
  using RondoChooseKernelsCudaPassBase::RondoChooseKernelsCudaPassBase;

  void runOnOperation() override {
    bool isNew = false; // what was chosen in an earlier run has been reported then
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function->hasAttr(exec::kKernelAttr))
        continue;
      WalkResult walk = function.walk([&](Operation *op) {
        LogicalResult chosen = success();
        if (auto attend = dyn_cast<AttendOp>(op)) {
          isNew |= !attend.getKernel() || !kernel.empty();
          chosen = choose(attend, kernel);
        } else if (auto merge = dyn_cast<MergeOp>(op)) {
          chosen = choose(merge, kernel);
        }
        return failed(chosen) ? WalkResult::interrupt() : WalkResult::advance();
      });
      if (walk.wasInterrupted())
        return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (isNew && !function->hasAttr(exec::kKernelAttr))
        remarkTransferRoom(function);
  }
};
} // namespace
