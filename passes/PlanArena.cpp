//===- PlanArena.cpp - rondo-plan-arena: every allocation gets a place in one arena ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slots lie one behind the other, in program order; only the branches of an scf.if that runs once share memory. Sizes
// are upper bounds over ranks and steps, computed where the function starts; each view is as large as its value is now.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/BufferFlow.h"
#include "passes/Passes.h"
#include "passes/SizeBounds.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOPLANARENAPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

static constexpr int64_t kAlignment = 64; // of slots, in bytes; the runtime aligns the arena so

namespace {

/// A number of bytes as text: a sum of products, in which equal terms are added up.
class ByteFormula {
public:
  void add(StringRef term, int64_t factor) {
    auto *known = llvm::find_if(terms, [&](const auto &other) { return other.first == term; });
    if (known != terms.end())
      known->second += factor;
    else
      terms.emplace_back(term.str(), factor);
  }

  /// Adds the larger of two.
  void addMax(const ByteFormula &a, const ByteFormula &b) {
    std::optional<int64_t> constantA = a.getConstant(), constantB = b.getConstant();
    if (constantA && constantB)
      add("", std::max(*constantA, *constantB));
    else if (a.str() == b.str() || constantB == 0)
      append(a);
    else if (constantA == 0)
      append(b);
    else
      add("max(" + a.str() + ", " + b.str() + ")", 1);
  }

  std::string str() const {
    std::string text;
    for (const auto &[term, factor] : terms) {
      if (factor == 0)
        continue;
      text += text.empty() ? "" : " + ";
      text += term.empty() ? std::to_string(factor) : factor == 1 ? term : term + "*" + std::to_string(factor);
    }
    return text.empty() ? "0" : text;
  }

private:
  std::optional<int64_t> getConstant() const {
    if (terms.empty())
      return 0;
    return terms.size() == 1 && terms[0].first.empty() ? std::optional(terms[0].second) : std::nullopt;
  }

  void append(const ByteFormula &other) {
    for (const auto &[term, factor] : other.terms)
      add(term, factor);
  }

  SmallVector<std::pair<std::string, int64_t>> terms; // the empty term is the constant
};

/// One loop whose iterations overlap, so that an allocation in it needs several slots.
struct Rotation {
  scf::ForOp loop;
  unsigned slots;
};

/// The place of an allocation.
struct Place {
  memref::AllocOp alloc;
  Value offset;    // of its first slot
  Value slotBytes; // distance of slots
  SmallVector<Rotation> rotations;
};

class ArenaPlanner {
public:
  explicit ArenaPlanner(func::FuncOp function)
      : function(function), builder(OpBuilder::atBlockBegin(&function.front())),
        bounds(builder, [this](Value value) { return ArrayRef<Value>(roots[value]); }) {}

  LogicalResult run();

private:
  LogicalResult findRoots();
  FailureOr<Value> planRegion(Region &region, Value offset, bool repeats, ByteFormula &formula);
  FailureOr<Value> planBranches(scf::IfOp branches, Value offset, bool repeats, ByteFormula &formula);
  FailureOr<Value> planAlloc(memref::AllocOp alloc, Value offset, ByteFormula &formula);
  FailureOr<SmallVector<Rotation>> getRotations(memref::AllocOp alloc);
  FailureOr<Value> getSlotBytes(memref::AllocOp alloc, int64_t slots, ByteFormula &formula);
  void replaceByView(const Place &place, Value arena);
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, function.getLoc(), value); }

  func::FuncOp function;
  OpBuilder builder; // where the function starts
  SizeBounds bounds;
  DenseMap<Value, SmallVector<Value>> roots; // what memory each memref may name
  SmallVector<Place> places;
  int64_t slotCount = 0;
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Sizes
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult ArenaPlanner::findRoots() {
  SmallVector<Value> allRoots;
  for (BlockArgument argument : function.getArguments())
    if (isa<MemRefType>(argument.getType()))
      allRoots.push_back(argument);
  function.walk([&](memref::AllocOp alloc) { allRoots.push_back(alloc); });
  for (Value root : allRoots) {
    SmallVector<Value> names;
    if (failed(findBufferUses(root, /*loop=*/nullptr, &names)))
      return failure();
    for (Value name : names)
      roots[name].push_back(root);
  }
  return success();
}

FailureOr<SmallVector<Rotation>> ArenaPlanner::getRotations(memref::AllocOp alloc) {
  SmallVector<Rotation> rotations;
  for (Operation *parent = alloc->getParentOp(); parent != function; parent = parent->getParentOp()) {
    auto loop = dyn_cast<scf::ForOp>(parent);
    if (!loop) {
      if (isa<scf::IfOp>(parent))
        continue;
      return parent->emitOpError("contains an allocation, but memory planning knows only scf.for and scf.if");
    }
    FailureOr<unsigned> slots = countSlots(alloc, loop);
    if (failed(slots))
      return failure();
    if (*slots == 1)
      continue;
    if (getConstantIntValue(loop.getStep()) != 1) {
      InFlightDiagnostic diagnostic =
          loop.emitOpError("needs the step 1: memory that its iterations hand on is found by the iteration's number");
      diagnostic.attachNote(alloc.getLoc()) << "allocated here, used " << *slots - 1 << " iterations later";
      return diagnostic;
    }
    rotations.push_back({loop, *slots});
  }
  return rotations;
}

/// The bytes of one slot, and `slots` times as many added to `formula`.
FailureOr<Value> ArenaPlanner::getSlotBytes(memref::AllocOp alloc, int64_t slots, ByteFormula &formula) {
  Location loc = alloc.getLoc();
  MemRefType type = alloc.getType();
  if (!type.getLayout().isIdentity() || !type.getElementType().isIntOrFloat() || type.getElementTypeBitWidth() % 8 != 0)
    return alloc.emitOpError() << "cannot be placed in the arena: " << type
                               << " is not a contiguous memref of elements of whole bytes";
  int64_t factor = type.getElementTypeBitWidth() / 8;
  for (int64_t extent : type.getShape())
    factor *= ShapedType::isDynamic(extent) ? 1 : extent;
  Value elements;
  for (auto [number, size] : llvm::enumerate(alloc.getDynamicSizes())) {
    Value bound = bounds.getBound(size);
    if (!bound) {
      InFlightDiagnostic diagnostic =
          alloc.emitOpError()
          << "has no known upper bound of dynamic size " << number
          << "; expected arithmetic of constants, lengths, extents of arguments and spmd.shard_size";
      diagnostic.attachNote(size.getLoc()) << "the size is computed here";
      return diagnostic;
    }
    elements = elements ? builder.createOrFold<arith::MulIOp>(loc, elements, bound) : bound;
  }
  if (!elements || getConstantIntValue(elements)) {
    int64_t bytes = llvm::alignTo(factor * (elements ? *getConstantIntValue(elements) : 1), kAlignment);
    formula.add("", bytes * slots);
    return constant(bytes);
  }
  std::string text = formatSize(elements);
  if (factor % kAlignment == 0) {
    formula.add(text, factor * slots);
    return builder.createOrFold<arith::MulIOp>(loc, elements, constant(factor));
  }
  formula.add("ceil(" + text + "*" + std::to_string(factor) + "/" + std::to_string(kAlignment) + ")",
              kAlignment * slots);
  Value bytes = builder.createOrFold<arith::MulIOp>(loc, elements, constant(factor));
  Value units = builder.createOrFold<arith::CeilDivUIOp>(loc, bytes, constant(kAlignment));
  return builder.createOrFold<arith::MulIOp>(loc, units, constant(kAlignment));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Places
//===--------------------------------------------------------------------------------------------------------------===//

/// Places an allocation at `offset` and returns the offset behind it.
FailureOr<Value> ArenaPlanner::planAlloc(memref::AllocOp alloc, Value offset, ByteFormula &formula) {
  FailureOr<SmallVector<Rotation>> rotations = getRotations(alloc);
  if (failed(rotations))
    return failure();
  int64_t slots = 1;
  for (const Rotation &rotation : *rotations)
    slots *= rotation.slots;
  FailureOr<Value> slotBytes = getSlotBytes(alloc, slots, formula);
  if (failed(slotBytes))
    return failure();
  slotCount += slots;
  places.push_back({alloc, offset, *slotBytes, *rotations});
  Value bytes = builder.createOrFold<arith::MulIOp>(alloc.getLoc(), *slotBytes, constant(slots));
  return builder.createOrFold<arith::AddIOp>(alloc.getLoc(), offset, bytes);
}

/// The branches share memory, unless an iteration may hand that of one on to an iteration that takes the other.
FailureOr<Value> ArenaPlanner::planBranches(scf::IfOp branches, Value offset, bool repeats, ByteFormula &formula) {
  if (repeats) {
    FailureOr<Value> end = planRegion(branches.getThenRegion(), offset, repeats, formula);
    return failed(end) ? end : planRegion(branches.getElseRegion(), *end, repeats, formula);
  }
  ByteFormula thenFormula, elseFormula;
  FailureOr<Value> thenEnd = planRegion(branches.getThenRegion(), offset, repeats, thenFormula);
  FailureOr<Value> elseEnd = planRegion(branches.getElseRegion(), offset, repeats, elseFormula);
  if (failed(thenEnd) || failed(elseEnd))
    return failure();
  formula.addMax(thenFormula, elseFormula);
  if (*thenEnd == offset || *elseEnd == offset || *thenEnd == *elseEnd)
    return *thenEnd == offset ? *elseEnd : *thenEnd;
  return builder.createOrFold<arith::MaxUIOp>(branches.getLoc(), *thenEnd, *elseEnd);
}

/// Places all allocations of a region from `offset` on and returns the offset behind them.
FailureOr<Value> ArenaPlanner::planRegion(Region &region, Value offset, bool repeats, ByteFormula &formula) {
  FailureOr<Value> end = offset;
  for (Block &block : region)
    for (Operation &op : block) {
      if (auto alloc = dyn_cast<memref::AllocOp>(op))
        end = planAlloc(alloc, *end, formula);
      else if (auto branches = dyn_cast<scf::IfOp>(op))
        end = planBranches(branches, *end, repeats, formula);
      else
        for (Region &nested : op.getRegions())
          if (succeeded(end))
            end = planRegion(nested, *end, /*repeats=*/true, formula);
      if (failed(end))
        return failure();
    }
  return end;
}

void ArenaPlanner::replaceByView(const Place &place, Value arena) {
  memref::AllocOp alloc = place.alloc;
  Location loc = alloc.getLoc();
  OpBuilder here(alloc);
  Value slot;
  for (Rotation rotation : place.rotations) {
    Value slots = arith::ConstantIndexOp::create(here, loc, rotation.slots);
    Value index = arith::RemUIOp::create(here, loc, rotation.loop.getInductionVar(), slots);
    slot =
        slot ? here.createOrFold<arith::AddIOp>(loc, here.createOrFold<arith::MulIOp>(loc, slot, slots), index) : index;
  }
  Value offset = place.offset;
  if (slot)
    offset =
        here.createOrFold<arith::AddIOp>(loc, offset, here.createOrFold<arith::MulIOp>(loc, slot, place.slotBytes));
  auto view = memref::ViewOp::create(here, loc, alloc.getType(), arena, offset, alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view.getResult());
  alloc.erase();
}

LogicalResult ArenaPlanner::run() {
  if (failed(findRoots()))
    return failure();
  ByteFormula formula;
  Operation *start = &function.front().front(); // what is emitted comes before it
  builder.setInsertionPoint(start);
  FailureOr<Value> bytes = planRegion(function.getBody(), constant(0), /*repeats=*/false, formula);
  if (failed(bytes))
    return failure();
  function->setAttr("spmd.workspace_bytes", builder.getStringAttr(formula.str()));
  if (!places.empty()) {
    auto type = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    Value arena = exec::ArenaOp::create(builder, function.getLoc(), type, *bytes);
    for (const Place &place : places)
      replaceByView(place, arena);
  }
  remark::passed(function.getLoc(),
                 remark::RemarkOpts::name("arena").category("rondo-plan-arena").function(function.getName()))
      << remark::metric("bytes", formula.str()) << remark::metric("slots", slotCount);
  return success();
}

namespace {
struct PlanArenaPass : rondo::impl::RondoPlanArenaPassBase<PlanArenaPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || function->hasAttr(RondoDialect::kReferenceAttr) ||
        function->hasAttr(exec::kKernelAttr))
      return;
    if (failed(ArenaPlanner(function).run()))
      signalPassFailure();
  }
};
} // namespace
