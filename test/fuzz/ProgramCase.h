//===- ProgramCase.h - Programs at random, compiled, run on their ranks and compared with float64 -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_PROGRAM_CASE_H
#define RONDO_TEST_FUZZ_PROGRAM_CASE_H

#include "test/fuzz/Kind.h"

#include <memory>

namespace rondo::fuzz {

std::unique_ptr<Kind> createProgramKind(std::string linker);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_PROGRAM_CASE_H
