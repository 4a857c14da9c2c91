//===- Manifest.h - What a program says of itself -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_HOST_MANIFEST_H
#define RONDO_CODEGEN_HOST_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::rondo {

/// The manifest (docs/manifest.md) of a module of per-rank functions, compiled for `target`, as JSON text. Fails, with
/// an error, if a function lacks what the manifest tells of it.
FailureOr<std::string> createManifest(ModuleOp module, StringRef target);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_MANIFEST_H
