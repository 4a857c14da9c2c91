//===- ProgramGenerator.h - Small programs at random ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_PROGRAM_GENERATOR_H
#define RONDO_TEST_FUZZ_PROGRAM_GENERATOR_H

#include "test/fuzz/Program.h"
#include "test/fuzz/Random.h"

namespace rondo::fuzz {

/// A program of one to three functions on a grid of one to three axes. A few are wrong in one way.
Program generateProgram(Random &random);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_PROGRAM_GENERATOR_H
