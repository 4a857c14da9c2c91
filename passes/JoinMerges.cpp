//===- JoinMerges.cpp - rondo-join-merges: merges combine what attentions leave in parts ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/BufferFlow.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::rondo {
#define GEN_PASS_DEF_RONDOJOINMERGESPASS
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

using namespace mlir;
using namespace mlir::rondo;

namespace {
/// The attention that a merge can be joined with; null if there is none, and `obstacle` says why.
struct Pair {
  AttendOp attend;
  std::string obstacle;
};
using Pairs = llvm::MapVector<Operation *, Pair>; // by the merge
} // namespace

static bool isResultOf(AttendOp attend, MergeOp merge) {
  return attend.getOutput() == merge.getPartialOutput() && attend.getLse() == merge.getPartialLse();
}

/// Whether an op issues nothing to the compute stream.
static bool issuesNoCompute(Operation *op) {
  return isMemoryEffectFree(op) || isa<spmd::SpmdDialect>(op->getDialect()) || isa<memref::AllocOp>(op);
}

/// The attention just before a merge.
static Pair findAttention(MergeOp merge) {
  for (Operation *op = merge->getPrevNode(); op; op = op->getPrevNode()) {
    auto attend = dyn_cast<AttendOp>(op);
    if (attend && isResultOf(attend, merge))
      return {attend, ""};
    if (attend || !issuesNoCompute(op))
      return {AttendOp(), (op->getName().getStringRef() + " runs between the attention and the merge").str()};
  }
  return {AttendOp(), "the attention is in another block"};
}

/// Whether any attention writes the memory that a merge adds.
static bool mergesAttention(MergeOp merge) {
  return llvm::any_of(merge.getPartialOutput().getUsers(), [&](Operation *user) {
    auto attend = dyn_cast<AttendOp>(user);
    return attend && attend.getOutput() == merge.getPartialOutput();
  });
}

/// Why memory has readers or writers besides `pairs`, which write it by the attention and read it by the merge.
static FailureOr<std::string> findOtherAccess(Value memory, const Pairs &pairs) {
  if (!memory.getDefiningOp<memref::AllocOp>())
    return std::string("the attention's result is not in memory of its own");
  SmallVector<Value> names;
  FailureOr<SmallVector<BufferUse>> uses = findBufferUses(memory, scf::ForOp(), &names);
  if (failed(uses))
    return failure();
  auto isNoneOf = [&](ValueRange values) {
    return llvm::none_of(values, [&](Value value) { return llvm::is_contained(names, value); });
  };
  auto isAccessOfPair = [&](Operation *op) {
    return llvm::any_of(pairs, [&](const auto &entry) {
      AttendOp attend = entry.second.attend;
      auto merge = cast<MergeOp>(entry.first);
      return attend && ((op == merge && isNoneOf({merge.getOutput(), merge.getLse()})) ||
                        (op == attend && isNoneOf({attend.getQuery(), attend.getKey(), attend.getValue()})));
    });
  };
  for (const BufferUse &use : *uses)
    if (!isAccessOfPair(use.op))
      return (use.op->getName().getStringRef() + " uses the attention's result, too").str();
  return std::string();
}

/// Dissolves pairs whose result others access, until none is left: a pair's access is none once it is dissolved.
static LogicalResult dissolveShared(Pairs &pairs) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[merge, pair] : pairs) {
      if (!pair.attend)
        continue;
      for (Value memory : {pair.attend.getOutput(), pair.attend.getLse()}) {
        FailureOr<std::string> obstacle = findOtherAccess(memory, pairs);
        if (failed(obstacle))
          return failure();
        if (obstacle->empty())
          continue;
        pair = {AttendOp(), *obstacle};
        changed = true;
        break;
      }
    }
  }
  return success();
}

static void remarkPair(MergeOp merge, const Pair &pair, StringRef function) {
  auto options = remark::RemarkOpts::name("JoinMerges").category("rondo-join-merges").function(function);
  if (pair.attend)
    remark::passed(merge.getLoc(), options)
        << remark::metric("merges", "the attention's parts and what arrives, at once");
  else
    remark::missed(merge.getLoc(), options)
        << remark::reason("{0}", pair.obstacle)
        << remark::suggest("let the merge follow the attention, and read its result alone");
}

namespace {
struct JoinMergesPass : rondo::impl::RondoJoinMergesPassBase<JoinMergesPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || function->hasAttr(RondoDialect::kReferenceAttr))
      return;
    Pairs pairs;
    function.walk([&](MergeOp merge) {
      if (isa<MemRefType>(merge.getOutput().getType()) && mergesAttention(merge))
        pairs[merge] = findAttention(merge);
    });
    if (failed(dissolveShared(pairs)))
      return signalPassFailure();
    for (auto &[op, pair] : pairs) {
      auto merge = cast<MergeOp>(op);
      remarkPair(merge, pair, function.getName());
      if (!pair.attend)
        continue;
      merge.setJoined(true);
      pair.attend.setJoined(true);
    }
  }
};
} // namespace
