//===- EmitReference.cpp - rondo-emit-reference ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Translates each public function of the global program into a plain function on float64 memrefs: inputs, then outputs.
// It has nothing to do with ranks, shards or kernels: it says what the program means.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/Passes.h"
#include "codegen/reference/DenseAttention.h"
#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOEMITREFERENCEPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

static constexpr StringLiteral kReferenceSuffix = "__reference";

/// float64 for every float; tensors become contiguous memrefs.
static Type convertType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return MemRefType::get(tensor.getShape(), convertType(tensor.getElementType()));
  return isa<FloatType>(type) ? Float64Type::get(type.getContext()) : type;
}

/// A number, retyped as convertType does.
static TypedAttr convertNumber(TypedAttr number) {
  auto real = dyn_cast<FloatAttr>(number);
  if (!real)
    return number;
  APFloat value = real.getValue();
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return FloatAttr::get(Float64Type::get(number.getContext()), value);
}

static LogicalResult refuse(Operation &op) {
  InFlightDiagnostic diagnostic = op.emitOpError("cannot be distributed");
  diagnostic.attachNote() << "a program consists of attention, elementwise arith, math and linalg ops with identity "
                             "maps, tensor.empty, tensor.dim, splat constants, and scalar ops";
  return diagnostic;
}

namespace {

/// Translates the body of one function, op by op.
class FunctionTranslator {
public:
  FunctionTranslator(func::FuncOp source, func::FuncOp reference) : builder(reference.getBody()), reference(reference) {
    values.map(source.getArguments(), reference.getArguments().take_front(source.getNumArguments()));
  }

  LogicalResult translate(Operation &op);

private:
  LogicalResult translateAttention(AttentionOp op);
  LogicalResult translateEmpty(tensor::EmptyOp op);
  LogicalResult translateDim(tensor::DimOp op);
  LogicalResult translateConstant(arith::ConstantOp op);
  LogicalResult translateLinalg(linalg::LinalgOp op);
  LogicalResult translateElementwise(Operation &op);
  LogicalResult translateReturn(func::ReturnOp op);
  LogicalResult translateScalar(Operation &op, IRMapping &mapping);

  Value allocate(Location loc, Type tensorType, ValueRange dynamicSizes);
  /// Memory for a result, with the extents of `like`.
  Value allocateLike(Location loc, Type tensorType, Value like);
  Value diagonalOf(AttentionOp op);
  /// Calls body(indices) for each element of `memref`, within loops.
  LogicalResult forEachElement(Location loc, Value memref, function_ref<LogicalResult(ValueRange)> body);

  OpBuilder builder;
  func::FuncOp reference;
  IRMapping values;
  SmallVector<Value> allocated;
};

} // namespace

LogicalResult FunctionTranslator::translate(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](AttentionOp attention) { return translateAttention(attention); })
      .Case([&](tensor::EmptyOp empty) { return translateEmpty(empty); })
      .Case([&](tensor::DimOp dim) { return translateDim(dim); })
      .Case([&](arith::ConstantOp constant) { return translateConstant(constant); })
      .Case([&](linalg::LinalgOp linalg) { return translateLinalg(linalg); })
      .Case([&](func::ReturnOp result) { return translateReturn(result); })
      .Default([&](Operation *other) { return translateElementwise(*other); });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

Value FunctionTranslator::allocate(Location loc, Type tensorType, ValueRange dynamicSizes) {
  auto type = cast<MemRefType>(convertType(tensorType));
  allocated.push_back(memref::AllocOp::create(builder, loc, type, dynamicSizes));
  return allocated.back();
}

Value FunctionTranslator::allocateLike(Location loc, Type tensorType, Value like) {
  SmallVector<Value> sizes;
  for (auto [dimension, extent] : llvm::enumerate(cast<RankedTensorType>(tensorType).getShape()))
    if (ShapedType::isDynamic(extent))
      sizes.push_back(memref::DimOp::create(builder, loc, like, dimension));
  return allocate(loc, tensorType, sizes);
}

LogicalResult FunctionTranslator::translateReturn(func::ReturnOp op) {
  auto outputs = reference.getArguments().take_back(op.getNumOperands());
  for (auto [value, output] : llvm::zip(op.getOperands(), outputs))
    memref::CopyOp::create(builder, op.getLoc(), values.lookup(value), output);
  for (Value memory : llvm::reverse(allocated))
    memref::DeallocOp::create(builder, op.getLoc(), memory);
  func::ReturnOp::create(builder, op.getLoc());
  return success();
}

LogicalResult FunctionTranslator::forEachElement(Location loc, Value memref,
                                                 function_ref<LogicalResult(ValueRange)> body) {
  OpBuilder::InsertionGuard guard(builder);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0), one = arith::ConstantIndexOp::create(builder, loc, 1);
  SmallVector<Value> indices;
  for (int64_t dimension = 0; dimension < cast<MemRefType>(memref.getType()).getRank(); ++dimension) {
    Value end = memref::DimOp::create(builder, loc, memref, dimension);
    auto loop = scf::ForOp::create(builder, loc, zero, end, one);
    builder.setInsertionPointToStart(loop.getBody());
    indices.push_back(loop.getInductionVar());
  }
  return body(indices);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operations
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult FunctionTranslator::translateAttention(AttentionOp op) {
  Location loc = op.getLoc();
  DenseAttention attention;
  attention.query = values.lookup(op.getQuery());
  attention.key = values.lookup(op.getKey());
  attention.value = values.lookup(op.getValue());
  attention.output = allocateLike(loc, op.getOutput().getType(), attention.query);
  attention.scale = op.getScaleOrDefault();
  attention.diagonal = diagonalOf(op);
  values.map(op.getOutput(), attention.output);
  if (op.getLse()) {
    attention.lse = allocateLike(loc, op.getLse().getType(), attention.query);
    values.map(op.getLse(), attention.lse);
  }
  emitDenseAttention(builder, loc, attention);
  return success();
}

/// How many keys query 0 sees, less one; null without a mask.
Value FunctionTranslator::diagonalOf(AttentionOp op) {
  if (!op.getCausal())
    return {};
  if (*op.getCausal() == CausalAlignment::TopLeft)
    return arith::ConstantIndexOp::create(builder, op.getLoc(), 0);
  auto length = [&](Value tensor) { return memref::DimOp::create(builder, op.getLoc(), values.lookup(tensor), 2); };
  return arith::SubIOp::create(builder, op.getLoc(), length(op.getKey()), length(op.getQuery()));
}

LogicalResult FunctionTranslator::translateEmpty(tensor::EmptyOp op) {
  SmallVector<Value> sizes;
  for (Value size : op.getDynamicSizes())
    sizes.push_back(values.lookup(size));
  values.map(op.getResult(), allocate(op.getLoc(), op.getType(), sizes));
  return success();
}

LogicalResult FunctionTranslator::translateDim(tensor::DimOp op) {
  Value source = values.lookup(op.getSource()), index = values.lookup(op.getIndex());
  values.map(op.getResult(), memref::DimOp::create(builder, op.getLoc(), source, index));
  return success();
}

LogicalResult FunctionTranslator::translateConstant(arith::ConstantOp op) {
  if (!isa<RankedTensorType>(op.getType()))
    return translateScalar(*op, values);
  auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
  if (!splat)
    return refuse(*op);
  Value number =
      arith::ConstantOp::create(builder, op.getLoc(), convertNumber(cast<TypedAttr>(splat.getSplatValue<Attribute>())));
  Value memory = allocate(op.getLoc(), op.getType(), {});
  values.map(op.getResult(), memory);
  return forEachElement(op.getLoc(), memory, [&](ValueRange place) {
    memref::StoreOp::create(builder, op.getLoc(), number, memory, place);
    return success();
  });
}

/// An op on elements, with float64 for floats.
LogicalResult FunctionTranslator::translateScalar(Operation &op, IRMapping &mapping) {
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) { // nothing left to convert
    mapping.map(op.getResult(0), mapping.lookup(op.getOperand(0)));
    return success();
  }
  if (isa<arith::BitcastOp>(op) || op.getNumRegions() != 0)
    return refuse(op);
  SmallVector<Value> operands;
  for (Value operand : op.getOperands())
    operands.push_back(mapping.lookup(operand));
  SmallVector<Type> types;
  for (Type type : op.getResultTypes())
    types.push_back(convertType(getElementTypeOrSelf(type)));
  OperationState state(op.getLoc(), op.getName().getStringRef(), operands, types, op.getAttrs());
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    state.attributes.set(constant.getValueAttrName(), convertNumber(constant.getValue()));
  mapping.map(op.getResults(), builder.create(state)->getResults());
  return success();
}

/// Any other op: on tensors element by element, if that is what it means; on numbers as it is.
LogicalResult FunctionTranslator::translateElementwise(Operation &op) {
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  if (llvm::none_of(op.getOperandTypes(), isTensor) && llvm::none_of(op.getResultTypes(), isTensor))
    return isMemoryEffectFree(&op) && op.getNumResults() > 0 ? translateScalar(op, values) : refuse(op);
  if (!OpTrait::hasElementwiseMappableTraits(&op) || op.getNumResults() != 1)
    return refuse(op);
  Value like;
  for (Value operand : op.getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      like = values.lookup(operand);
  Value memory = allocateLike(op.getLoc(), op.getResult(0).getType(), like);
  values.map(op.getResult(0), memory);
  return forEachElement(op.getLoc(), memory, [&](ValueRange place) {
    IRMapping elements;
    for (Value operand : op.getOperands()) {
      Value value = values.lookup(operand);
      bool inMemory = isa<MemRefType>(value.getType());
      elements.map(operand, inMemory ? memref::LoadOp::create(builder, op.getLoc(), value, place) : value);
    }
    if (failed(translateScalar(op, elements)))
      return failure();
    memref::StoreOp::create(builder, op.getLoc(), elements.lookup(op.getResult(0)), memory, place);
    return success();
  });
}

/// Each result is computed by loops of its own, at its own place: with identity maps that is all there is to it.
LogicalResult FunctionTranslator::translateLinalg(linalg::LinalgOp op) {
  auto isIdentity = [](AffineMap map) { return map.isIdentity() || map.getNumResults() == 0; };
  if (!op.hasPureTensorSemantics() || op.getNumParallelLoops() != op.getNumLoops() ||
      !llvm::all_of(op.getIndexingMapsArray(), isIdentity))
    return refuse(*op);
  Location loc = op.getLoc();
  SmallVector<Value> results;
  for (auto [result, init] : llvm::zip(op->getResults(), op.getDpsInits())) {
    results.push_back(allocateLike(loc, result.getType(), values.lookup(init)));
    values.map(result, results.back());
  }
  return forEachElement(loc, results.front(), [&](ValueRange place) {
    IRMapping elements = values;
    for (auto [argument, operand] : llvm::zip(op.getBlock()->getArguments(), op->getOperands())) {
      Value value = values.lookup(operand);
      auto type = dyn_cast<MemRefType>(value.getType());
      ValueRange at = type && type.getRank() == 0 ? ValueRange() : place;
      elements.map(argument, type ? memref::LoadOp::create(builder, loc, value, at) : value);
    }
    for (Operation &bodyOp : op.getBlock()->without_terminator())
      if (failed(translateScalar(bodyOp, elements)))
        return failure();
    for (auto [value, memory] : llvm::zip(op.getBlock()->getTerminator()->getOperands(), results))
      memref::StoreOp::create(builder, loc, elements.lookup(value), memory, place);
    return success();
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pass
//===--------------------------------------------------------------------------------------------------------------===//

/// Verifies that the name of the evaluation of `source` is free.
static LogicalResult verifyNameIsFree(func::FuncOp source, StringRef name) {
  Operation *other = SymbolTable::lookupNearestSymbolFrom(source, StringAttr::get(source.getContext(), name));
  if (!other)
    return success();
  InFlightDiagnostic diagnostic = other->emitError() << "the name '" << name << "' is reserved for the evaluation of '"
                                                     << source.getName() << "' in float64; rename this function, or "
                                                     << "compile without a reference";
  diagnostic.attachNote(source.getLoc()) << "'" << source.getName() << "' is defined here";
  return diagnostic;
}

static LogicalResult emitReference(func::FuncOp source) {
  std::string name = (source.getSymName() + kReferenceSuffix).str();
  if (failed(verifyNameIsFree(source, name)))
    return failure();
  SmallVector<Type> types;
  for (Type type : llvm::concat<const Type>(source.getArgumentTypes(), source.getResultTypes())) {
    if (!isa<RankedTensorType>(type))
      return source.emitOpError() << "has an argument or result of type " << type
                                  << "; expected ranked tensors: only those are passed to a program";
    types.push_back(convertType(type));
  }
  if (!source.getBody().hasOneBlock())
    return source.emitOpError("has several blocks; a program is straight-line code");
  OpBuilder builder(source->getContext());
  builder.setInsertionPointAfter(source);
  auto reference = func::FuncOp::create(builder, source.getLoc(), name, builder.getFunctionType(types, {}));
  reference.setPrivate();
  reference->setAttr(RondoDialect::kReferenceAttr, builder.getUnitAttr());
  reference.addEntryBlock();
  FunctionTranslator translator(source, reference);
  for (Operation &op : source.getBody().front())
    if (failed(translator.translate(op)))
      return failure();
  return success();
}

namespace {
struct RondoEmitReferencePass : public rondo::impl::RondoEmitReferencePassBase<RondoEmitReferencePass> {
  using RondoEmitReferencePassBase::RondoEmitReferencePassBase;

  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (function.isPublic() && !function.isExternal() && failed(emitReference(function)))
        return signalPassFailure();
  }
};
} // namespace
