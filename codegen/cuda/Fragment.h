//===- Fragment.h - Matrices in the registers of a warpgroup --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A 64 x N matrix of f32 as wgmma accumulates it. Warp w of the warpgroup holds rows 16w .. 16w+15. Of these, lane t
// holds elements of rows t/4 and t/4 + 8: in each group of 8 columns, the two at 2 * (t % 4), for one row and then the
// other. So a row lies in the four lanes of a quad.
//
//   register i:   row t/4 + 8 * rowOf(i),   column 2 * (t % 4) + columnOf(i)
//
// Packed in pairs to 16 bits, registers 8j .. 8j+7 are what wgmma wants for columns 16j .. 16j+15 of an A operand: the
// weights of attention go from one product to the next without a shuffle.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_FRAGMENT_H
#define RONDO_CODEGEN_CUDA_FRAGMENT_H

#include "codegen/cuda/Emitter.h"

namespace mlir::rondo::cuda {

/// The rows of a fragment.
constexpr int64_t kFragmentRows = 64;

/// An A operand: 4 registers of 2 elements for each step of 16 columns.
struct PackedFragment {
  ValueList registers;
};

class Fragment {
public:
  explicit Fragment(ValueList elements) : elements(std::move(elements)) {}
  static Fragment splat(Value element, int64_t columns) { return Fragment(ValueList(registersFor(columns), element)); }

  static int64_t registersFor(int64_t columns) { return columns / 2; }
  static int64_t packedRegistersFor(int64_t columns) { return columns / 4; }
  static unsigned rowOf(unsigned i) { return i >> 1 & 1; }
  static int64_t columnOf(unsigned i) { return 8 * (i >> 2) + (i & 1); }

  /// The registers, to pass them on or to replace them.
  MutableArrayRef<Value> registers() { return elements; }
  ArrayRef<Value> registers() const { return elements; }

  /// function(element, its row: 0 or 1)
  Fragment map(function_ref<Value(Value, unsigned)> function) const;
  Fragment scaleRows(Emitter &emit, const RowPair &factors) const;
  /// Replaces elements of columns >= limit by `fill`. A limit counts from the first column of the thread, so it is the
  /// row's less 2 * (lane % 4).
  Fragment maskColumns(Emitter &emit, const RowPair &limits, Value fill) const;
  /// Combines the elements of each row that this thread holds.
  RowPair reduceRows(function_ref<Value(Value, Value)> combine) const;
  PackedFragment pack(Emitter &emit, Type element) const;

private:
  ValueList elements;
};

/// Combines each row's values of the four lanes of a quad: the result is the same in all four.
RowPair reduceQuad(Emitter &emit, RowPair values, function_ref<Value(Value, Value)> combine);
Value reduceQuad(Emitter &emit, Value value, function_ref<Value(Value, Value)> combine);

/// function(row) for both rows.
inline RowPair forBothRows(function_ref<Value(unsigned)> function) { return {function(0), function(1)}; }

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_FRAGMENT_H
