//===- PlainTensor.h - Tensors that a kernel reads element by element -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_PLAINTENSOR_H
#define RONDO_CODEGEN_KERNELS_PLAINTENSOR_H

#include "codegen/cuda/Emitter.h"
#include "runtime/include/rondo/cuda_abi.h"

namespace mlir::rondo::cuda {

/// A parameter that is a rondo_plain_tensor of 16-bit elements.
class PlainTensor {
public:
  PlainTensor(Emitter &emit, Value parameter) : emit(emit), parameter(parameter) {}

  /// How far to go for `position` along a dimension but the first, in elements.
  Value along(int64_t dimension, Value position) {
    constexpr int64_t strideBytes = sizeof(int64_t);
    int64_t offset = offsetof(rondo_plain_tensor, strides) + (dimension - 1) * strideBytes;
    return emit.mul(emit.toI64(position), getField(offset, emit.getI64Type()));
  }
  /// Where the element `offset` elements from the first one lies; `pointerType` is that of global memory.
  Value getPointer(Type pointerType, Value offset) {
    Value address = getField(offsetof(rondo_plain_tensor, address), emit.getI64Type());
    return emit.offset(emit.intToPointer(pointerType, address), emit.getI16Type(), offset);
  }

private:
  Value getField(int64_t offset, Type type) {
    Value place = emit.offset(parameter, emit.getI8Type(), emit.i64(offset));
    return emit.load(type, place, type.getIntOrFloatBitWidth() / 8);
  }

  Emitter &emit;
  Value parameter;
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_PLAINTENSOR_H
