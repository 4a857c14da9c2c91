//===- OutlineKernels.cpp - rondo-outline-kernels: every computation becomes a kernel -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOOUTLINEKERNELSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

static bool isComputation(Operation *op) { return isa<AttendOp, MergeOp, linalg::LinalgOp>(op); }

/// What a computation is called in traces and errors.
static StringRef getDisplayName(Operation *op) {
  if (isa<AttendOp>(op))
    return "attend";
  if (isa<MergeOp>(op))
    return "merge";
  if (isa<linalg::CopyOp>(op))
    return "copy";
  if (isa<linalg::FillOp>(op))
    return "fill";
  return isa<linalg::GenericOp>(op) ? "elementwise" : op->getName().stripDialect();
}

/// Verifies that host code will be left without computations: what is not outlined neither computes on memory nor
/// hides.
static LogicalResult verifyHostOp(Operation *op) {
  if (isComputation(op) || isMemoryEffectFree(op) ||
      isa<scf::SCFDialect, spmd::SpmdDialect, exec::ExecDialect>(op->getDialect()) ||
      isa<func::ReturnOp, memref::ViewOp>(op))
    return success();
  return op->emitOpError("cannot run on a stream: expected rondo.attend, rondo.merge or a linalg op on memrefs");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operands
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

/// What a kernel of an op receives, after part and parts.
struct KernelOperands {
  explicit KernelOperands(Operation *op) {
    for (Value operand : op->getOperands())
      positions.push_back(add(operand));
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      if (value.getDefiningOp<arith::ConstantOp>())
        constants.push_back(value);
      else
        capturedPositions[value] = add(value);
  }

  SmallVector<Value> values;
  SmallVector<unsigned> positions;             // in `values`, of each operand of the op
  DenseMap<Value, unsigned> capturedPositions; // in `values`, of what the op's body uses of the host function
  SmallVector<Value> constants;                // that the body uses: the kernel has its own

private:
  /// A memref is passed once: the kernel must know where it works in place. A scalar is passed for each use, so that
  /// kernels do not differ by which scalars happen to be equal.
  unsigned add(Value value) {
    auto *known = llvm::find(values, value);
    if (isa<MemRefType>(value.getType()) && known != values.end())
      return known - values.begin();
    values.push_back(value);
    return values.size() - 1;
  }
};

} // namespace

/// Reads the own block, whose layout the caller chooses, and arrived blocks, which are contiguous, through one type:
/// they share a kernel then, and attend is what takes longest to compile.
static void forgetLayouts(AttendOp op) {
  OpBuilder builder(op);
  for (OpOperand *operand : {&op.getQueryMutable(), &op.getKeyMutable(), &op.getValueMutable()}) {
    auto type = cast<MemRefType>(operand->get().getType());
    SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
    strides.back() = 1;
    auto layout = StridedLayoutAttr::get(op.getContext(), ShapedType::kDynamic, strides);
    auto strided = MemRefType::get(type.getShape(), type.getElementType(), layout, type.getMemorySpace());
    if (type != strided)
      operand->set(memref::CastOp::create(builder, op.getLoc(), strided, operand->get()));
  }
}

/// Positions of the memrefs among `operands` that `op` reads and writes.
static void getAccesses(Operation *op, ArrayRef<Value> operands, SmallVectorImpl<int32_t> &reads,
                        SmallVectorImpl<int32_t> &writes) {
  SmallVector<MemoryEffects::EffectInstance> effects;
  cast<MemoryEffectOpInterface>(op).getEffects(effects);
  for (auto [position, operand] : llvm::enumerate(operands)) {
    if (!isa<MemRefType>(operand.getType()))
      continue;
    auto has = [&, value = operand](auto effect) {
      return llvm::any_of(effects, [&](const MemoryEffects::EffectInstance &instance) {
        return instance.getValue() == value && isa<decltype(effect)>(instance.getEffect());
      });
    };
    bool written = has(MemoryEffects::Write());
    if (written)
      writes.push_back(position);
    if (!written || has(MemoryEffects::Read()))
      reads.push_back(position);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Kernels
//===--------------------------------------------------------------------------------------------------------------===//

/// A function that does `op` on its arguments, not yet in a module.
static func::FuncOp createKernel(Operation *op, const KernelOperands &operands) {
  OpBuilder builder(op->getContext());
  SmallVector<Type> types(2, builder.getIndexType()); // part, parts
  llvm::append_range(types, TypeRange(ValueRange(operands.values)));
  auto kernel = func::FuncOp::create(builder, op->getLoc(), "kernel", builder.getFunctionType(types, {}));
  kernel->setAttr(exec::kKernelAttr, builder.getStringAttr(getDisplayName(op)));
  kernel.setPrivate();
  builder.setInsertionPointToStart(kernel.addEntryBlock());

  auto arguments = kernel.getArguments().drop_front(2);
  IRMapping mapping;
  for (auto [value, position] : operands.capturedPositions)
    mapping.map(value, arguments[position]);
  for (Value constant : operands.constants)
    builder.clone(*constant.getDefiningOp(), mapping);
  Operation *clone = builder.clone(*op, mapping);
  for (auto [number, position] : llvm::enumerate(operands.positions))
    clone->setOperand(number, arguments[position]);
  func::ReturnOp::create(builder, op->getLoc());
  return kernel;
}

static bool isSameKernel(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() && a->getAttr(exec::kKernelAttr) == b->getAttr(exec::kKernelAttr) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

namespace {

/// The kernels of a module, each there once.
class KernelLibrary {
public:
  explicit KernelLibrary(ModuleOp module) : symbols(module) {}

  /// The kernel that does `op`; it is named after `host` if it is new.
  func::FuncOp get(Operation *op, const KernelOperands &operands, func::FuncOp host) {
    func::FuncOp kernel = createKernel(op, operands);
    for (func::FuncOp known : kernels)
      if (isSameKernel(known, kernel)) {
        kernel.erase();
        return known;
      }
    std::string stem = (host.getName() + "__" + getDisplayName(op) + "_").str();
    kernel.setName(stem + std::to_string(counts[stem]++));
    symbols.insert(kernel);
    return kernels.emplace_back(kernel);
  }

private:
  SymbolTable symbols;
  SmallVector<func::FuncOp> kernels;
  llvm::StringMap<unsigned> counts; // by the stem of names
};

struct OutlineKernelsPass : rondo::impl::RondoOutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    KernelLibrary library(getOperation());
    for (auto host : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (host.isExternal() || host->hasAttr(RondoDialect::kReferenceAttr) || host->hasAttr(exec::kKernelAttr))
        continue;
      if (failed(outline(host, library)))
        return signalPassFailure();
    }
  }

  static LogicalResult outline(func::FuncOp host, KernelLibrary &library) {
    SmallVector<Operation *> computations;
    WalkResult walk = host.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (failed(verifyHostOp(op)))
        return WalkResult::interrupt();
      if (!isComputation(op))
        return WalkResult::advance();
      computations.push_back(op);
      return WalkResult::skip();
    });
    if (walk.wasInterrupted())
      return failure();
    for (Operation *op : computations) {
      if (auto attend = dyn_cast<AttendOp>(op))
        forgetLayouts(attend);
      KernelOperands operands(op);
      SmallVector<int32_t> reads, writes;
      getAccesses(op, operands.values, reads, writes);
      func::FuncOp kernel = library.get(op, operands, host);
      OpBuilder builder(op);
      exec::DispatchOp::create(builder, op->getLoc(), exec::Stream::Compute, kernel.getName(), operands.values, reads,
                               writes);
      op->erase();
    }
    return success();
  }
};

} // namespace
