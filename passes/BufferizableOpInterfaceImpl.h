//===- BufferizableOpInterfaceImpl.h - How our ops become ops on memrefs --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_BUFFERIZABLEOPINTERFACEIMPL_H
#define RONDO_PASSES_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
namespace rondo {
/// Lets one-shot bufferisation handle the ops of the rondo and spmd dialects.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);
} // namespace rondo
} // namespace mlir

#endif // RONDO_PASSES_BUFFERIZABLEOPINTERFACEIMPL_H
