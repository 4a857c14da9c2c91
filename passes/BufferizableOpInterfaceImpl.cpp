//===- BufferizableOpInterfaceImpl.cpp - How our ops become ops on memrefs ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What matters here is a value in flight. A shift reads its source from the start to the wait, and what arrives is
// memory of its own: so the start allocates, and the wait reads the source once more. The analysis then never lets a
// later op overwrite what is being sent, and lets the next op write what has arrived.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/BufferizableOpInterfaceImpl.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

/// rondo.attend and rondo.merge: results are the buffers of `outs`, which attend only writes.
template <typename OpT>
struct PartialOpModel : DstBufferizableOpInterfaceExternalModel<PartialOpModel<OpT>, OpT> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return std::is_same_v<OpT, rondo::MergeOp> || !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    OpT::create(rewriter, op->getLoc(), TypeRange(), operands, op->getAttrs());
    unsigned firstInit = cast<OpT>(op).getDpsInitsMutable()[0].getOperandNumber();
    replaceOpWithBufferizedValues(rewriter, op, ValueRange(operands).slice(firstInit, op->getNumResults()));
    return success();
  }
};

struct ShiftStartModel : BufferizableOpInterface::ExternalModel<ShiftStartModel, spmd::ShiftStartOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const { return true; }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const { return false; }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const { return {}; }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto start = cast<spmd::ShiftStartOp>(op);
    spmd::PendingType pending = start.getPending().getType();
    FailureOr<Value> source = getBuffer(rewriter, start.getSource(), options, state);
    FailureOr<Value> destination = options.createAlloc(
        rewriter, start.getLoc(), MemRefType::get(pending.getShape(), pending.getElementType()), start.getSizes());
    if (failed(source) || failed(destination))
      return failure();
    auto onMemrefs = spmd::ShiftStartOp::create(rewriter, start.getLoc(), pending, *source, *destination,
                                                start.getDistanceAttr(), start.getGridAttr(), start.getAxisAttr(),
                                                /*sizes=*/ValueRange(), start.getNameAttr());
    rewriter.replaceOp(op, onMemrefs.getPending());
    return success();
  }
};

struct WaitModel : BufferizableOpInterface::ExternalModel<WaitModel, spmd::WaitOp> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const { return true; }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const { return false; }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const { return {}; }

  FailureOr<BufferLikeType> getBufferType(Operation *, Value value, const BufferizationOptions &,
                                          const BufferizationState &, SmallVector<Value> &) const {
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(cast<TensorType>(value.getType())));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto wait = cast<spmd::WaitOp>(op);
    FailureOr<Value> source = getBuffer(rewriter, wait.getSource(), options, state);
    if (failed(source))
      return failure();
    BaseMemRefType type = getMemRefTypeWithStaticIdentityLayout(cast<TensorType>(wait.getArrived().getType()));
    replaceOpWithNewBufferizedOp<spmd::WaitOp>(rewriter, op, type, wait.getPending(), *source);
    return success();
  }
};

} // namespace

void rondo::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RondoDialect *) {
    AttendOp::attachInterface<PartialOpModel<AttendOp>>(*context);
    MergeOp::attachInterface<PartialOpModel<MergeOp>>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, spmd::SpmdDialect *) {
    spmd::ShiftStartOp::attachInterface<ShiftStartModel>(*context);
    spmd::WaitOp::attachInterface<WaitModel>(*context);
  });
}
