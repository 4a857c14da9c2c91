//===- Register.h - What every tool registers -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TOOLS_COMMON_REGISTER_H
#define RONDO_TOOLS_COMMON_REGISTER_H

namespace mlir {
class DialectRegistry;
}

namespace mlir::rondo {

/// Our dialects, those upstream that programs use on the way down, and the passes of both.
void registerAllForCompilation(DialectRegistry &registry);

/// Asks users to report a crash to this project, not to LLVM.
void setUpBugReports();

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMMON_REGISTER_H
