//===- session.h - The runtime's handles that all tests share -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_SESSION_H
#define RONDO_TEST_EXECUTION_PROGRAMS_SESSION_H

#include "rondo/rondo.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace rondo::test {

/// One context, its programs, and a communicator for each kind, number of ranks and link; they live as long as the
/// process.
class Session {
public:
  static Session &get();
  Session(const Session &) = delete;
  ~Session();

  rondo_context *context() { return handle; }
  const char *lastError() const { return rondo_last_error(handle); }
  /// Null, after failing the test, if the file is not a program.
  const rondo_program *load(const std::string &path);
  /// A latency of 0 emulates no link.
  rondo_communicator *communicator(int64_t ranks, rondo_communicator_kind kind = RONDO_COMMUNICATOR_THREADS,
                                   double latencyMicroseconds = 0);

private:
  Session();

  rondo_context *handle = nullptr;
  std::vector<rondo_program *> programs;
  std::map<std::tuple<int64_t, rondo_communicator_kind, double>, rondo_communicator *> communicators;
};

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_SESSION_H
