//===- Parser.h - Reads PTX text ------------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_PARSER_H
#define RONDO_TEST_EMULATOR_PARSER_H

#include "test/emulator/Syntax.h"

#include <string_view>
#include <vector>

namespace rondo::emulator {

/// The kernels of a PTX module for sm_90a. Fails with the line of what it does not understand.
std::vector<KernelSyntax> parsePtx(std::string_view text);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_PARSER_H
