//===- Exp2.h - Powers of two without the special-function unit -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_CUDA_EXP2_H
#define RONDO_CODEGEN_CUDA_EXP2_H

#include "codegen/cuda/Emitter.h"

namespace mlir::rondo::cuda {

/// 2^x for x < 128 to a relative error of 1.01e-4, by multiplications and additions; exact for whole x. Below -127 and
/// for NaN the result is 0; between -127 and -126 it is a subnormal number of that size.
Value emitExp2Polynomial(Emitter &emit, Value x);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_EXP2_H
