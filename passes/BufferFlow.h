//===- BufferFlow.h - Which values name an allocation, and for how many iterations ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_BUFFERFLOW_H
#define RONDO_PASSES_BUFFERFLOW_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir {
namespace memref {
class AllocOp;
} // namespace memref
namespace scf {
class ForOp;
} // namespace scf

namespace rondo {

/// A use of a buffer that may access it.
struct BufferUse {
  Operation *op;
  unsigned age; // how many times the buffer was handed from one iteration of the loop to the next before
};

/// Where the buffer of `root` is used: through casts, views, branches, loops and flights (a shift's destination lives
/// on as its pending value and then as what the wait gives). Ages count the iterations of `loop`, which may be null.
/// Also appends every value that may name the buffer to `names`. Fails, with an error, at an op that is not understood,
/// or if `loop` hands the buffer on for ever.
FailureOr<SmallVector<BufferUse>> findBufferUses(Value root, scf::ForOp loop, SmallVectorImpl<Value> *names = nullptr);

/// How many buffers of `alloc` are alive at once because iterations of `loop`, which contains it, overlap in time.
FailureOr<unsigned> countSlots(memref::AllocOp alloc, scf::ForOp loop);

} // namespace rondo
} // namespace mlir

#endif // RONDO_PASSES_BUFFERFLOW_H
