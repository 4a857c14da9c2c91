//===- ElementwiseMath.cpp - Mathematical functions without a library -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX has square roots, roundings and fused multiply-add; all other functions become polynomials in f32. CUDA has them
// in libdevice, which comes with its toolkit: a program must not depend on where it is compiled.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/Elementwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace mlir::rondo;

/// Arithmetic on f16 and bf16 is done in f32, as on CPUs, and rounded where a result is stored.
static constexpr StringLiteral kWidening = "gpu.module(math-extend-to-supported-types{target-type=f32},"
                                           "arith-emulate-unsupported-floats{source-types=bf16,f16 target-type=f32})";

static LogicalResult widen(ModuleOp module) {
  PassManager passes(module->getName());
  if (failed(parsePassPipeline(kWidening, passes)))
    return failure();
  return passes.run(module);
}

/// What becomes an instruction or a few.
static bool isInstruction(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::SqrtOp, math::FloorOp, math::CeilOp, math::TruncOp, math::RoundEvenOp,
             math::FmaOp, math::CopySignOp, math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::CtPopOp>(op);
}

LogicalResult cuda::lowerElementwiseMath(ModuleOp module) {
  bool hasMath = false, isNarrow = false;
  module.walk([&](Operation *op) {
    hasMath |= isa<math::MathDialect>(op->getDialect());
    isNarrow |= isa<arith::ArithDialect>(op->getDialect()) &&
                llvm::any_of(op->getOperandTypes(), [](Type type) { return type.isF16() || type.isBF16(); });
  });
  if ((hasMath || isNarrow) && failed(widen(module)))
    return failure();
  if (!hasMath)
    return success();
  // Compound functions first, then those that they consist of.
  RewritePatternSet expansion(module.getContext());
  math::populateExpansionPatterns(expansion, {"tan", "sinh", "cosh", "asinh", "acosh", "atanh", "fpowi", "powf", "exp2",
                                              "rsqrt", "round", "clampf"});
  RewritePatternSet polynomials(module.getContext());
  auto all = [](StringRef) { return true; };
  populateMathF32ExpansionPatterns(polynomials, all);
  populateMathPolynomialApproximationPatterns(polynomials, all);
  if (failed(applyPatternsGreedily(module, std::move(expansion))) ||
      failed(applyPatternsGreedily(module, std::move(polynomials))))
    return module.emitError("mathematical functions cannot be expanded");
  WalkResult walk = module.walk([](Operation *op) {
    if (!isa<math::MathDialect>(op->getDialect()) || isInstruction(op))
      return WalkResult::advance();
    op->emitOpError() << "on " << op->getResult(0).getType()
                      << " has no code for cuda:sm_90a; compute it in f32, or compile with --target=cpu";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}
