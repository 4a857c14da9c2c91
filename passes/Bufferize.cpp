//===- Bufferize.cpp - rondo-bufferize: tensors become memrefs ------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's one-shot bufferisation, set up for programs that keep values in flight: a loop may hand on memory that an
// iteration allocated, so that each carried value costs one allocation and no copy.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/BufferizableOpInterfaceImpl.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOBUFFERIZEPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::bufferization;

/// Marks an argument into which a function writes a result.
static constexpr StringLiteral kOutputAttr = "spmd.output";

//===--------------------------------------------------------------------------------------------------------------===//
// Preparation on tensors
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

/// A constant tensor becomes a fill, so that no memory outside the arena is needed.
struct FillSplat : OpRewritePattern<arith::ConstantOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ConstantOp op, PatternRewriter &rewriter) const override {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!splat || !isa<RankedTensorType>(op.getType()))
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    Value scalar = arith::ConstantOp::create(rewriter, op.getLoc(), splat.getSplatValue<TypedAttr>());
    Value empty = tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(), type.getElementType());
    rewriter.replaceOpWithNewOp<linalg::FillOp>(op, scalar, empty);
    return success();
  }
};

/// Attention whose result is only rounded to a narrower type writes that type: kernels compute in f32 and round once.
struct NarrowAttend : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    auto attend = op.getIn().getDefiningOp<rondo::AttendOp>();
    if (!attend || op.getIn() != attend->getResult(0) || !op.getIn().hasOneUse())
      return failure();
    auto empty = attend.getOutput().getDefiningOp<tensor::EmptyOp>();
    if (!empty)
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    rewriter.setInsertionPoint(attend);
    Value narrow = tensor::EmptyOp::create(rewriter, empty.getLoc(), empty.getMixedSizes(), type.getElementType());
    rewriter.modifyOpInPlace(attend, [&] {
      attend.getOutputMutable().set(narrow);
      attend->getResult(0).setType(type);
    });
    rewriter.replaceOp(op, attend->getResult(0));
    return success();
  }
};

/// An op whose fresh result is only copied to an argument writes the argument itself.
struct ForwardDestination : OpRewritePattern<linalg::CopyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::CopyOp copy, PatternRewriter &rewriter) const override {
    auto result = dyn_cast<OpResult>(copy.getInputs()[0]);
    Value destination = copy.getOutputs()[0];
    if (!result || !result.hasOneUse() || result.getType() != destination.getType() ||
        !isa<BlockArgument>(destination) || !destination.hasOneUse() ||
        result.getOwner()->getBlock() != copy->getBlock())
      return failure();
    auto producer = dyn_cast<DestinationStyleOpInterface>(result.getOwner());
    if (!producer || !producer.getTiedOpOperand(result)->get().getDefiningOp<tensor::EmptyOp>())
      return failure();
    rewriter.modifyOpInPlace(producer, [&] { producer.getTiedOpOperand(result)->set(destination); });
    rewriter.replaceOp(copy, result);
    return success();
  }
};

} // namespace

/// Elementwise ops become linalg.generic, those that feed only one other are fused with it, constants are inlined.
static LogicalResult prepareTensors(ModuleOp module) {
  MLIRContext *context = module.getContext();
  RewritePatternSet narrowing(context);
  narrowing.add<NarrowAttend>(context);
  RewritePatternSet toLinalg(context);
  linalg::populateElementwiseToLinalgConversionPatterns(toLinalg);
  RewritePatternSet fusion(context);
  memref::populateResolveRankedShapedTypeResultDimsPatterns(fusion); // else asking for an extent counts as a use
  linalg::populateElementwiseOpsFusionPatterns(
      fusion, [](OpOperand *operand) { return llvm::all_equal(operand->get().getUsers()); });
  linalg::populateInlineConstantOperandsPatterns(fusion);
  RewritePatternSet destinations(context);
  destinations.add<FillSplat, ForwardDestination>(context);
  return success(succeeded(applyPatternsGreedily(module, std::move(narrowing))) &&
                 succeeded(applyPatternsGreedily(module, std::move(toLinalg))) &&
                 succeeded(applyPatternsGreedily(module, std::move(fusion))) &&
                 succeeded(applyPatternsGreedily(module, std::move(destinations))));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bufferisation
//===--------------------------------------------------------------------------------------------------------------===//

/// A tensor at the boundary of a function: any strides, but contiguous in the last dimension.
static BufferLikeType getBoundaryType(TensorLikeType tensor, Attribute memorySpace, func::FuncOp,
                                      const BufferizationOptions &) {
  auto type = cast<RankedTensorType>(tensor);
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  if (!strides.empty())
    strides.back() = 1;
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides);
  return cast<BufferLikeType>(Type(MemRefType::get(type.getShape(), type.getElementType(), layout, memorySpace)));
}

static OneShotBufferizationOptions getOptions() {
  OneShotBufferizationOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.allowReturnAllocsFromLoops = true;
  options.functionArgTypeConverterFn = getBoundaryType;
  options.unknownTypeConverterFn = [](TensorType type, Attribute memorySpace, const BufferizationOptions &) {
    return getMemRefTypeWithStaticIdentityLayout(type, memorySpace);
  };
  return options;
}

/// Inputs belong to the caller: nothing may write them.
static void protectInputs(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (BlockArgument argument : function.getArguments())
      if (isa<TensorType>(argument.getType()) && !function.getArgAttr(argument.getArgNumber(), kOutputAttr))
        function.setArgAttr(argument.getArgNumber(), BufferizationDialect::kWritableAttrName,
                            BoolAttr::get(module.getContext(), false));
}

static LogicalResult verifyKnown(ModuleOp module, const BufferizationOptions &options) {
  WalkResult walk = module.walk([&](Operation *op) {
    if (!hasTensorSemantics(op) || options.dynCastBufferizableOp(op))
      return WalkResult::advance();
    op->emitOpError("cannot be turned into one on memrefs; expected a rank's program, as rondo-partition makes it");
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

/// Drops the results of a function, each of which must be an output argument.
static LogicalResult dropResults(func::FuncOp function) {
  if (function.isExternal() || function.getNumResults() == 0)
    return success();
  auto terminator = cast<func::ReturnOp>(function.getBody().back().getTerminator());
  for (auto [number, result] : llvm::enumerate(terminator.getOperands())) {
    Value buffer = result;
    while (auto cast = buffer.getDefiningOp<memref::CastOp>())
      buffer = cast.getSource();
    auto argument = dyn_cast<BlockArgument>(buffer);
    if (!argument || argument.getOwner() != &function.front() ||
        !function.getArgAttr(argument.getArgNumber(), kOutputAttr))
      return terminator.emitError() << "result " << number << " of '" << function.getName()
                                    << "' is not written into an output argument; copy it with linalg.copy into an "
                                       "argument marked '"
                                    << kOutputAttr << "' and return what that gives";
  }
  terminator.getOperandsMutable().clear();
  BitVector results(function.getNumResults(), true);
  return function.eraseResults(results);
}

/// Computation is linalg's and rondo's alone: only those become kernels.
static void replaceCopies(ModuleOp module) {
  module.walk([](memref::CopyOp copy) {
    OpBuilder builder(copy);
    linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
    copy.erase();
  });
}

namespace {
struct BufferizePass : rondo::impl::RondoBufferizePassBase<BufferizePass> {
  using RondoBufferizePassBase::RondoBufferizePassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    RondoBufferizePassBase::getDependentDialects(registry);
    rondo::registerBufferizableOpInterfaceExternalModels(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OneShotBufferizationOptions options = getOptions();
    BufferizationState state;
    protectInputs(module);
    if (failed(prepareTensors(module)) || failed(verifyKnown(module, options)) ||
        failed(runOneShotModuleBufferize(module, options, state)))
      return signalPassFailure();
    removeBufferizationAttributesInModule(module);
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(dropResults(function)))
        return signalPassFailure();
    OpPassManager cleanup(ModuleOp::getOperationName());
    cleanup.addPass(createCanonicalizerPass());
    cleanup.addPass(createCSEPass());
    if (failed(runPipeline(cleanup, module)))
      return signalPassFailure();
    replaceCopies(module);
  }
};
} // namespace
