//===- Elementwise.cpp - CUDA kernels of linalg's operations --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/Elementwise.h"

#include "codegen/cuda/Instructions.h"
#include "codegen/cuda/KernelFunction.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kThreads = 256;
static constexpr int64_t kSlotBytes = 8;
/// What a kernel's parameters may take on every driver.
static constexpr int64_t kParameterBytes = 4096;

rondo_kernel_traits cuda::getElementwiseTraits() {
  rondo_kernel_traits traits = {};
  traits.threads = kThreads;
  traits.cluster = 1;
  return traits;
}

int64_t cuda::getSlotCount(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref ? 2 + 2 * memref.getRank() : 1;
}

namespace {

/// A memref of the argument block, in elements; extents and strides that its type tells are constants.
struct Tensor {
  Type element;
  Value begin; // of address space 1, at the offset
  ValueList sizes, strides;
};

/// Reads the argument block, in order.
class ArgumentReader {
public:
  ArgumentReader(Emitter &emit, Value block) : emit(emit), block(block) {}

  Value readScalar(Type type) {
    if (isa<IndexType>(type))
      return arith::IndexCastOp::create(emit, type, readSlot(emit.getI64Type()));
    return readSlot(type);
  }

  Tensor readTensor(MemRefType type) {
    auto [strides, offset] = type.getStridesAndOffset();
    auto global = LLVM::LLVMPointerType::get(emit.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
    Tensor tensor{type.getElementType(), readSlot(global), {}, {}};
    tensor.begin = emit.offset(tensor.begin, tensor.element, readNumber(offset));
    for (int64_t size : type.getShape())
      tensor.sizes.push_back(readNumber(size));
    for (int64_t stride : strides)
      tensor.strides.push_back(readNumber(stride));
    return tensor;
  }

private:
  Value readSlot(Type type) {
    Value place = LLVM::GEPOp::create(emit, block.getType(), emit.getI8Type(), block,
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(kSlotBytes * next++)});
    return emit.load(type, place, kSlotBytes);
  }

  Value readNumber(int64_t known) {
    if (ShapedType::isDynamic(known))
      return readSlot(emit.getI64Type());
    ++next;
    return emit.i64(known);
  }

  Emitter &emit;
  Value block;
  int64_t next = 0;
};

/// Emits the loops of one op: parallel ones shared among all threads, reductions inside.
class ElementwiseEmitter {
public:
  ElementwiseEmitter(Emitter &emit, linalg::LinalgOp op, func::FuncOp function, Value block);
  void emitKernel();

private:
  using Indices = SmallVector<Value>; // one for each loop, i64

  Value getExtent(unsigned loop);
  Value evaluate(AffineExpr expression, const Indices &indices);
  Value getPlace(OpOperand &operand, const Indices &indices);
  Value load(OpOperand &operand, const Indices &indices);
  void emitElement(Value number);
  ValueList emitReductions(ArrayRef<unsigned> loops, Indices &indices, ValueRange carried);
  ValueList emitBody(const Indices &indices, ValueRange carried);

  Emitter &emit;
  linalg::LinalgOp op;
  DenseMap<Value, Tensor> tensors;
  IRMapping scalars;
  SmallVector<unsigned> parallel, reductions; // loops, the slowest first
};

} // namespace

/// Parallel loops in the order of the result's dimensions, so that neighbours in memory are those of threads.
static SmallVector<unsigned> orderParallelLoops(linalg::LinalgOp op) {
  SmallVector<unsigned> order, loops;
  op.getParallelDims(loops);
  AffineMap map = op.getMatchingIndexingMap(&op.getDpsInitsMutable()[0]);
  for (unsigned loop : loops)
    if (!llvm::is_contained(map.getResults(), getAffineDimExpr(loop, op.getContext())))
      order.push_back(loop);
  for (AffineExpr result : map.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(result))
      order.push_back(dim.getPosition());
  return order;
}

ElementwiseEmitter::ElementwiseEmitter(Emitter &emit, linalg::LinalgOp op, func::FuncOp function, Value block)
    : emit(emit), op(op), parallel(orderParallelLoops(op)) {
  op.getReductionDims(reductions);
  ArgumentReader reader(emit, block);
  for (BlockArgument argument : function.getArguments().drop_front(2))
    if (auto memref = dyn_cast<MemRefType>(argument.getType()))
      tensors[argument] = reader.readTensor(memref);
    else
      scalars.map(argument, reader.readScalar(argument.getType()));
  for (Operation &constant : function.getBody().front().without_terminator())
    if (&constant != op)
      emit.clone(constant, scalars);
}

/// linalg verifies that some operand has each loop as a dimension.
Value ElementwiseEmitter::getExtent(unsigned loop) {
  for (OpOperand &operand : op->getOpOperands())
    for (auto [dimension, result] : llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(result); dim && dim.getPosition() == loop)
        return tensors[operand.get()].sizes[dimension];
  llvm_unreachable("a loop without an extent");
}

/// All numbers are non-negative.
Value ElementwiseEmitter::evaluate(AffineExpr expression, const Indices &indices) {
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return indices[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return emit.i64(constant.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Value left = evaluate(binary.getLHS(), indices), right = evaluate(binary.getRHS(), indices);
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return emit.add(left, right);
  case AffineExprKind::Mul:
    return emit.mul(left, right);
  case AffineExprKind::FloorDiv:
    return emit.div(left, right);
  case AffineExprKind::Mod:
    return emit.rem(left, right);
  case AffineExprKind::CeilDiv:
    return emit.div(emit.add(left, emit.sub(right, 1)), right);
  default:
    llvm_unreachable("linalg's maps have no symbols");
  }
}

Value ElementwiseEmitter::getPlace(OpOperand &operand, const Indices &indices) {
  const Tensor &tensor = tensors[operand.get()];
  Value offset = emit.i64(0);
  for (auto [result, stride] : llvm::zip_equal(op.getMatchingIndexingMap(&operand).getResults(), tensor.strides))
    offset = emit.add(offset, emit.mul(evaluate(result, indices), stride));
  return emit.offset(tensor.begin, tensor.element, offset);
}

static unsigned getAlignment(Type element) { return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8); }

Value ElementwiseEmitter::load(OpOperand &operand, const Indices &indices) {
  if (op.isScalar(&operand))
    return scalars.lookup(operand.get());
  Type element = tensors[operand.get()].element;
  return emit.load(element, getPlace(operand, indices), getAlignment(element));
}

/// What the op yields for one point of its iteration space; `carried` are the results so far.
ValueList ElementwiseEmitter::emitBody(const Indices &indices, ValueRange carried) {
  Block *body = op.getBlock();
  IRMapping mapping = scalars;
  mapping.map(body->getArguments().take_back(carried.size()), carried);
  for (OpOperand *input : op.getDpsInputOperands())
    if (BlockArgument argument = op.getMatchingBlockArgument(input); !argument.use_empty())
      mapping.map(argument, load(*input, indices));
  for (Operation &bodyOp : body->without_terminator())
    if (auto index = dyn_cast<linalg::IndexOp>(bodyOp))
      mapping.map(index.getResult(),
                  arith::IndexCastOp::create(emit, emit.getIndexType(), indices[index.getDim()]).getResult());
    else
      emit.clone(bodyOp, mapping);
  ValueList results;
  for (Value result : body->getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(result));
  return results;
}

ValueList ElementwiseEmitter::emitReductions(ArrayRef<unsigned> loops, Indices &indices, ValueRange carried) {
  if (loops.empty())
    return emitBody(indices, carried);
  auto loop = scf::ForOp::create(emit, emit.i64(0), getExtent(loops.front()), emit.i64(1), carried);
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPointToStart(loop.getBody());
  indices[loops.front()] = loop.getInductionVar();
  ValueList next = emitReductions(loops.drop_front(), indices, loop.getRegionIterArgs());
  scf::YieldOp::create(emit, next);
  return ValueList(loop.getResults());
}

void ElementwiseEmitter::emitElement(Value number) {
  Indices indices(op.getNumLoops());
  for (unsigned loop : llvm::reverse(ArrayRef(parallel))) {
    bool isSlowest = loop == parallel.front();
    indices[loop] = isSlowest ? number : emit.rem(number, getExtent(loop));
    if (!isSlowest)
      number = emit.div(number, getExtent(loop));
  }
  ValueList initial;
  for (OpOperand &init : op.getDpsInitsMutable())
    initial.push_back(op.payloadUsesValueFromOperand(&init) || !reductions.empty()
                          ? load(init, indices)
                          : LLVM::UndefOp::create(emit, tensors[init.get()].element).getResult());
  ValueList results = emitReductions(reductions, indices, initial);
  for (auto [result, init] : llvm::zip_equal(results, op.getDpsInitsMutable()))
    LLVM::StoreOp::create(emit, result, getPlace(init, indices), getAlignment(result.getType()));
}

/// Thread t of n does elements t, t + n, t + 2n, ...
void ElementwiseEmitter::emitKernel() {
  Value count = emit.i64(1);
  for (unsigned loop : parallel)
    count = emit.mul(count, getExtent(loop));
  Value block = emit.zeroExtend(emitBlockIndex(emit, 'x'));
  Value blocks = emit.zeroExtend(NVVM::GridDimXOp::create(emit, emit.getI32Type()).getResult());
  Value first = emit.add(emit.mul(block, kThreads), emit.zeroExtend(emitThreadIndex(emit, kThreads)));
  auto loop = scf::ForOp::create(emit, first, count, emit.mul(blocks, kThreads));
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPointToStart(loop.getBody());
  emitElement(loop.getInductionVar());
}

/// Verifies that threads can share the work: each element of a result is one thread's.
static LogicalResult verify(linalg::LinalgOp op, int64_t blockBytes) {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  for (OpOperand &init : op.getDpsInitsMutable())
    for (unsigned loop : reductions)
      if (op.getMatchingIndexingMap(&init).isFunctionOfDim(loop))
        return op->emitOpError("cannot be a kernel: it writes along a dimension that it reduces");
  for (Value operand : op->getOperands())
    if (Type element = getElementTypeOrSelf(operand.getType()); !element.isIntOrFloat())
      return op->emitOpError() << "cannot be a kernel: it has elements of type " << element
                               << "; expected integers or floats";
  if (blockBytes > kParameterBytes)
    return op->emitOpError() << "cannot be a kernel: its arguments take " << blockBytes << " bytes; CUDA has "
                             << kParameterBytes;
  return success();
}

LogicalResult cuda::emitElementwise(func::FuncOp function) {
  auto op = *function.getBody().front().getOps<linalg::LinalgOp>().begin();
  int64_t slots = 0;
  for (Type type : function.getArgumentTypes().drop_front(2))
    slots += getSlotCount(type);
  if (failed(verify(op, kSlotBytes * slots)))
    return failure();
  std::string name = function.getName().str();
  function.setName(name + ".body"); // the kernel has the name
  Emitter emit(op.getLoc(), function.getContext());
  KernelShape shape{kThreads};
  shape.blockBytes = kSlotBytes * slots;
  emitKernelFunction(emit, function->getParentOp(), name, shape, ParameterKind::Block, [&](ValueRange parameters) {
    ElementwiseEmitter(emit, op, function, parameters.front()).emitKernel();
  });
  function.erase();
  return success();
}
