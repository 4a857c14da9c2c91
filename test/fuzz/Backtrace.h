//===- Backtrace.h - Where a process died, and whose code that was --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_BACKTRACE_H
#define RONDO_TEST_FUZZ_BACKTRACE_H

#include <string>
#include <vector>

namespace rondo::fuzz {

/// Makes fatal signals write the frames' addresses, as object and offset, to standard error. Under a sanitizer, its own
/// report says where.
void installCrashHandler();

struct CrashPlace {
  std::vector<std::string> frames; ///< function and file of each, innermost first
  bool isUpstream = false;         ///< no frame is in Rondo's own folders: a bug of MLIR or LLVM
  std::string signature;           ///< what tells crashes apart
};

/// Reads what a dying process wrote. Needs llvm-symbolizer; without it every crash counts as Rondo's.
CrashPlace findCrashPlace(const std::string &output);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_BACKTRACE_H
