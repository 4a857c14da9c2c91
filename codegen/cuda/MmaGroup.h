//===- MmaGroup.h - Asynchronous products of a warpgroup ------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma runs beside the warps that issue it: until they wait, its accumulators hold nothing that may be read, and must
// not be written. Here a product gives an MmaGroup, which owns its accumulators and shows them to nobody; only `wait`
// turns it into a Fragment. So code that touches a result too early does not compile. Groups can only be moved, and how
// many later ones may stay in flight at a wait is counted, not written by hand.
//
//   MmaGroup scores = mma.multiply(query, key);               // S = Q K^T            in flight
//   MmaGroup sum = mma.accumulate(output, weights, value);    // O += P V             in flight
//   Fragment s = mma.wait(std::move(scores));                 // wgmma.wait_group 1:  S is there, O is not
//   ...
//   output = mma.wait(std::move(sum));                        // wgmma.wait_group 0
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_MMAGROUP_H
#define RONDO_CODEGEN_CUDA_MMAGROUP_H

#include "codegen/cuda/Fragment.h"
#include "codegen/cuda/SmemTile.h"

#include <optional>

namespace mlir::rondo::cuda {

/// One product in flight.
class [[nodiscard]] MmaGroup {
public:
  MmaGroup(MmaGroup &&) = default;
  MmaGroup &operator=(MmaGroup &&) = default;

private:
  friend class WarpgroupMma;
  MmaGroup(Fragment accumulator, int64_t number) : accumulator(std::move(accumulator)), number(number) {}
  Fragment accumulator;
  int64_t number;
};

/// An arrival at a named barrier of `threads` threads while a product is being issued, `stepsBeforeEnd` steps before
/// its end.
struct MmaSignal {
  Value barrier;
  int64_t threads;
  int64_t stepsBeforeEnd;
};

/// Issues the products of one warpgroup, in the order of the calls. No group may be in flight where control flow begins
/// or ends an iteration.
class WarpgroupMma {
public:
  /// Operands are of `element`: f16 or bf16.
  WarpgroupMma(Emitter &emit, Type element) : emit(emit), element(element) {}

  /// A B^T for 64 rows of A, both K-major; -A B^T with `negate`.
  MmaGroup multiply(const SmemOperand &a, const SmemOperand &b, bool negate = false);
  /// accumulator + A B with A in registers and B MN-major.
  MmaGroup accumulate(Fragment accumulator, const PackedFragment &a, const SmemOperand &b,
                      std::optional<MmaSignal> signal = std::nullopt);

  /// Waits for a group, and so for those before it. What is computed from the values `then` after the wait stays after
  /// it: without that, the compiler may move it up, where it takes registers from the product.
  Fragment wait(MmaGroup group, MutableArrayRef<Value> then = {});

private:
  MmaGroup commit(ValueList accumulator) { return {Fragment(std::move(accumulator)), ++issued}; }

  Emitter &emit;
  Type element;
  int64_t issued = 0;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_MMAGROUP_H
