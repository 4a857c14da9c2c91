//===- ProgramRun.h - Runs of a compiled program at random ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_PROGRAM_RUN_H
#define RONDO_TEST_FUZZ_PROGRAM_RUN_H

#include "test/fuzz/Program.h"
#include "test/fuzz/Random.h"

#include "rondo/rondo.h"

namespace rondo::fuzz {

/// Runs one function once: lengths, ranks, inputs, layouts and options at random. Returns what is wrong, or nothing.
/// `history` receives a line that says what was run, before it is.
std::string runOnce(const Program &program, const Function &function, const rondo_program *binary, Random &random,
                    std::string &history);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_PROGRAM_RUN_H
