//===- Passes.h - The passes from a global program to streams -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_PASSES_H
#define RONDO_PASSES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::rondo {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
} // namespace mlir::rondo

#endif // RONDO_PASSES_PASSES_H
