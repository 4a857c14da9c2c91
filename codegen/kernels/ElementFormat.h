//===- ElementFormat.h - Element types of CUDA kernels --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_ELEMENTFORMAT_H
#define RONDO_CODEGEN_KERNELS_ELEMENTFORMAT_H

#include "mlir/IR/Builders.h"

namespace mlir::rondo::cuda {

enum class ElementFormat { F16, BF16, F32 };

inline StringRef getName(ElementFormat format) {
  return format == ElementFormat::F16 ? "f16" : format == ElementFormat::BF16 ? "bf16" : "f32";
}

inline Type getType(Builder &builder, ElementFormat format) {
  return format == ElementFormat::F16    ? Type(builder.getF16Type())
         : format == ElementFormat::BF16 ? Type(builder.getBF16Type())
                                         : Type(builder.getF32Type());
}

inline int64_t getBytes(ElementFormat format) { return format == ElementFormat::F32 ? 4 : 2; }

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ELEMENTFORMAT_H
