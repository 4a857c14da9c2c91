//===- Merge.cpp - The kernel that merges partial results -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights are computed for as many rows at once as a vector has lanes, then each row's features are combined.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cpu/Elements.h"
#include "codegen/cpu/Kernels.h"
#include "codegen/cpu/VectorMath.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cpu;

static constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

namespace {
/// What each row of the two partial results counts, and the LSE of both together.
struct Weights {
  Value partial;
  Value output;
  Value lse;
};

/// A batch, a head, and `count` rows from `row`.
struct Rows {
  Value batch;
  Value head;
  Value row;
  Value count;
};
} // namespace

static Value isMinusInfinity(Emitter &emit, Value x) {
  return arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, x, emit.splat(kMinusInfinity));
}

/// The stable form: the larger LSE is taken out first. Two empty rows give the weights 0 and the LSE -inf. A NaN beside
/// an empty row leaves the maximum at -inf: only the sum tells it from emptiness.
static Weights computeWeights(Emitter &emit, Value partialLse, Value outputLse) {
  Value zero = emit.splat(0.0f);
  Value maximum = emit.maxIgnoringNaN(partialLse, outputLse);
  Value shift = emit.select(isMinusInfinity(emit, maximum), zero, maximum); // with 0, exp(-inf - shift) is 0 as well
  Value partial = emitExp(emit, arith::SubFOp::create(emit, partialLse, shift));
  Value output = emitExp(emit, arith::SubFOp::create(emit, outputLse, shift));
  Value sum = arith::AddFOp::create(emit, partial, output);
  Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, sum, zero);
  Value lse = arith::AddFOp::create(emit, shift, emitLog(emit, sum));
  auto normalise = [&](Value weight) -> Value {
    return emit.select(empty, zero, arith::DivFOp::create(emit, weight, sum));
  };
  return {normalise(partial), normalise(output), emit.select(empty, emit.splat(kMinusInfinity), lse)};
}

namespace {
class MergeEmitter {
public:
  MergeEmitter(Emitter &emit, MergeOp op) : emit(emit), op(op) {
    for (Value *staging : {&partial.lse, &partial.weight, &output.lse, &output.weight})
      *staging = emit.scratch({emit.lanes}, emit.getF32Type());
    partial.shard = op.getPartialOutput();
    output.shard = op.getOutput();
  }
  void emitFor(WorkPart work);

private:
  void emitRows(const Rows &rows);
  void mergeRow(const Rows &rows, Value lane);

  /// One of the two partial results, with what a vector of its rows has: LSE and weight, [W] each.
  struct Side {
    Value shard;
    Value lse;
    Value weight;
  };
  Value weigh(const Side &side, ValueRange place, int64_t count, Value lane);

  Emitter &emit;
  MergeOp op;
  Side partial, output;
};
} // namespace

void MergeEmitter::emitFor(WorkPart work) {
  Value heads = emit.dim(op.getLse(), 1), length = emit.dim(op.getLse(), 2);
  Value chunks = emit.ceilDiv(length, emit.lanes);
  Value items = emit.mul(emit.mul(emit.dim(op.getLse(), 0), heads), chunks);
  emit.loopOverPart(work.part, work.parts, items, [&](Value number) {
    Value head = emit.div(number, chunks), row = emit.mul(emit.rem(number, chunks), emit.lanes);
    Value count = emit.min(emit.sub(length, row), emit.index(emit.lanes));
    emitRows({emit.div(head, heads), emit.rem(head, heads), row, count});
  });
}

void MergeEmitter::emitRows(const Rows &rows) {
  Value zero = emit.index(0);
  ValueList place = {rows.batch, rows.head, rows.row};
  Value partialLse = loadElements(emit, op.getPartialLse(), place, rows.count);
  Value outputLse = loadElements(emit, op.getLse(), place, rows.count);
  Weights weights = computeWeights(emit, partialLse, outputLse);
  emit.store(partialLse, partial.lse, zero);
  emit.store(weights.partial, partial.weight, zero);
  emit.store(outputLse, output.lse, zero);
  emit.store(weights.output, output.weight, zero);
  emit.loop(zero, rows.count, 1, [&](Value lane) { mergeRow(rows, lane); });
  storeElements(emit, weights.lse, op.getLse(), place, rows.count);
}

void MergeEmitter::mergeRow(const Rows &rows, Value lane) {
  auto mergeVector = [&](Value feature, int64_t count) {
    ValueList place = {rows.batch, rows.head, emit.add(rows.row, lane), feature};
    Value sum = arith::AddFOp::create(emit, weigh(partial, place, count, lane), weigh(output, place, count, lane));
    storeElements(emit, sum, output.shard, place, count);
  };
  int64_t features = cast<MemRefType>(output.shard.getType()).getDimSize(3);
  forEachVector(emit, features, mergeVector);
}

/// A row's features times its weight; 0 where the row is empty: it may hold anything then, also NaNs.
Value MergeEmitter::weigh(const Side &side, ValueRange place, int64_t count, Value lane) {
  auto ofRow = [&](Value staging) { return emit.splat(memref::LoadOp::create(emit, staging, ValueRange{lane})); };
  Value features = loadElements(emit, side.shard, place, count);
  Value product = arith::MulFOp::create(emit, features, ofRow(side.weight));
  return emit.select(isMinusInfinity(emit, ofRow(side.lse)), emit.splat(0.0f), product);
}

LogicalResult mlir::rondo::cpu::emitMerge(OpBuilder &builder, MergeOp op, WorkPart work, const CpuTarget &target) {
  if (cast<MemRefType>(op.getOutput().getType()).isDynamicDim(3))
    return op.emitOpError("has feature size ? in O; expected a static size");
  Emitter emit(op.getLoc(), builder, target.lanes());
  MergeEmitter(emit, op).emitFor(work);
  return success();
}
