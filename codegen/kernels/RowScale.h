//===- RowScale.h - Rows of f32 in 16 bits an element ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Partial results are kept in f16, whose rounding does not show in the merged result, though inputs in bf16 reach far
// beyond the range of f16. So each row is multiplied by a power of two that brings its largest element to 2^14 .. 2^15.
// A row that also has elements of less than 2^-31 of that, which f16 would lose, is kept in bf16 instead.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_ROWSCALE_H
#define RONDO_CODEGEN_KERNELS_ROWSCALE_H

#include "codegen/cuda/Emitter.h"

namespace mlir::rondo::cuda {

struct RowScale {
  Value factor;   ///< what elements are multiplied by before they are rounded
  Value stored;   ///< what cuda_abi.h has at `scales`: what undoes it; negative for bf16
  Value isBFloat; ///< not f16
};

/// Combines a value of all threads that hold a part of the row.
using RowReduction = function_ref<Value(Value, function_ref<Value(Value, Value)>)>;

/// For a row of `elements` * `multiplier`, of which each thread has some.
RowScale emitRowScale(Emitter &emit, ArrayRef<Value> elements, Value multiplier, RowReduction reduce);

/// Two elements of the row in one i32, and one in an i16; they have been multiplied by the factor.
Value emitScaledPair(Emitter &emit, const RowScale &scale, Value low, Value high);
Value emitScaledElement(Emitter &emit, const RowScale &scale, Value element);

/// The reverse, with what is stored at `scales`: an element of the row is the factor times a stored element.
Value emitStoredFactor(Emitter &emit, Value stored);
RowPair emitStoredPair(Emitter &emit, Value stored, Value packed);
Value emitStoredElement(Emitter &emit, Value stored, Value bits);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ROWSCALE_H
