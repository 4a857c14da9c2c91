//===- LowerKernels.cpp - rondo-lower-kernels-cpu -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces the one op in the body of each kernel by loops over vectors.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/Passes.h"
#include "codegen/cpu/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOLOWERKERNELSCPUPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cpu;

static constexpr StringLiteral kKernelAttr = "exec.kernel";

/// The op that a kernel consists of, constants apart; null, with an error, if the function has another form.
static Operation *getKernelOp(func::FuncOp kernel) {
  auto fail = [&](const Twine &actual) -> Operation * {
    kernel.emitError() << "kernel @" << kernel.getSymName() << ' ' << actual
                       << "; expected (%part: index, %parts: index, operands...) with one operation and a return";
    return nullptr;
  };
  if (kernel.isExternal() || !kernel.getBody().hasOneBlock())
    return fail("does not have a body of one block");
  if (kernel.getNumArguments() < 2 || !kernel.getArgumentTypes()[0].isIndex() ||
      !kernel.getArgumentTypes()[1].isIndex())
    return fail("does not begin with two arguments of type index");
  Block &body = kernel.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>())
      ops.push_back(&op);
  return ops.size() == 1 ? ops.front() : fail("has " + Twine(ops.size()) + " operations besides constants");
}

static LogicalResult lowerKernel(func::FuncOp kernel, const CpuTarget &target) {
  Operation *op = getKernelOp(kernel);
  if (!op)
    return failure();
  WorkPart work{kernel.getArgument(0), kernel.getArgument(1)};
  OpBuilder builder(op);
  LogicalResult result = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                             .Case([&](AttendOp attend) { return emitAttend(builder, attend, work, target); })
                             .Case([&](MergeOp merge) { return emitMerge(builder, merge, work, target); })
                             .Default([&](Operation *other) { return emitStructured(builder, other, work, target); });
  if (succeeded(result))
    op->erase();
  return result;
}

namespace {
struct RondoLowerKernelsCpuPass : public rondo::impl::RondoLowerKernelsCpuPassBase<RondoLowerKernelsCpuPass> {
  using RondoLowerKernelsCpuPassBase::RondoLowerKernelsCpuPassBase;

  void runOnOperation() override {
    if (vectorBits != 128 && vectorBits != 256 && vectorBits != 512) {
      getOperation().emitError() << "vector-bits is " << vectorBits.getValue() << "; expected 128, 256 or 512";
      return signalPassFailure();
    }
    CpuTarget target{vectorBits};
    for (auto kernel : getOperation().getOps<func::FuncOp>())
      if (kernel->hasAttr(kKernelAttr) && failed(lowerKernel(kernel, target)))
        return signalPassFailure();
  }
};
} // namespace
