//===- VectorMath.h - exp and log of vectors ------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions as straight-line vector code: no calls, no tables, the same bits on every host.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_VECTORMATH_H
#define RONDO_CODEGEN_CPU_VECTORMATH_H

#include "codegen/cpu/Emitter.h"

namespace mlir::rondo::cpu {

/// exp(x) of a float32 vector, to 2 ulp for every x, results that are denormal included; exp(-inf) = 0,
/// exp(inf) = inf, exp(NaN) = NaN.
Value emitExp(Emitter &emit, Value x);

/// log(x) of a float32 vector for normal, positive, finite x, to 2 ulp; log(NaN) = NaN. Other lanes are unspecified.
Value emitLog(Emitter &emit, Value x);

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_VECTORMATH_H
