//===- Supervisor.h - Runs cases in processes that may die ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_SUPERVISOR_H
#define RONDO_TEST_FUZZ_SUPERVISOR_H

#include "test/fuzz/Kind.h"

#include <string>

namespace rondo::fuzz {

struct SupervisorOptions {
  double seconds = 60;
  uint64_t cases = UINT64_MAX; ///< the most of them
  int jobs = 1;
  uint64_t firstSeed = 1;
  std::string findings; ///< folder for reports; empty: they are printed alone
  int mostFindings = 20;
};

/// Runs cases with consecutive seeds until time or seeds run out. Each process runs many; one that dies or hangs is
/// replaced. Prints findings, then one line of counts. Returns whether there was no finding.
bool supervise(Kind &kind, const SupervisorOptions &options);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_SUPERVISOR_H
