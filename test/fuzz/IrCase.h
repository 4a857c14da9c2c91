//===- IrCase.h - Changed MLIR text, parsed, verified and compiled --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_IR_CASE_H
#define RONDO_TEST_FUZZ_IR_CASE_H

#include "test/fuzz/Kind.h"

#include <memory>
#include <vector>

namespace rondo::fuzz {

/// `folders`: where the .mlir files are that cases are made of.
std::unique_ptr<Kind> createIrKind(std::vector<std::string> folders);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_IR_CASE_H
