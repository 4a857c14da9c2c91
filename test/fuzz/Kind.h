//===- Kind.h - A kind of cases, and what one came to ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_KIND_H
#define RONDO_TEST_FUZZ_KIND_H

#include <cstdint>
#include <string>

namespace rondo::fuzz {

enum class Outcome { Accepted, Refused, Wrong };

/// A kind of cases, each of which its seed determines.
class Kind {
public:
  virtual ~Kind() = default;
  virtual const char *name() const = 0;
  /// How long one case may take before it is called a hang.
  virtual double secondsPerCase() const = 0;
  /// How many cases a process runs before another takes over, so that memory stays bounded.
  virtual int casesPerProcess() const = 0;

  /// Does what all cases share, before processes are forked: no threads.
  virtual void prepare() = 0;
  /// Runs a case. `report` receives what is wrong, or why it was refused. Accepted and refused inputs are both fine.
  virtual Outcome run(uint64_t seed, std::string &report) = 0;
  /// Whether cases may meet bugs of MLIR and LLVM: crashes without a frame of Rondo are counted apart then.
  virtual bool mayCrashUpstream() const = 0;
  /// What repeats a case by hand: its text and the commands.
  virtual std::string reproducer(uint64_t seed) = 0;
};

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_KIND_H
