//===- Bind.h - From syntax to a program ----------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_BIND_H
#define RONDO_TEST_EMULATOR_BIND_H

#include "test/emulator/Program.h"

#include <memory>

namespace rondo::emulator {

/// Finds each instruction in the table, and gives each register, constant and symbol its slot. Fails with the line and
/// text of an instruction that the emulator does not know, or whose operands do not fit.
std::unique_ptr<const Program> bindKernel(KernelSyntax syntax);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_BIND_H
