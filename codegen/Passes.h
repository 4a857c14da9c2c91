//===- Passes.h - From streams to machine code ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_PASSES_H
#define RONDO_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::rondo {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/Passes.h.inc"
} // namespace mlir::rondo

#endif // RONDO_CODEGEN_PASSES_H
