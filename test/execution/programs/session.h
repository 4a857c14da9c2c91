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

/// How the ranks of a run are joined and staffed.
struct RunOptions {
  double latencyMicroseconds = 0; ///< of an emulated link; 0 emulates none
  int32_t threadsPerRank = 1;

  bool operator<(const RunOptions &other) const {
    return std::tie(latencyMicroseconds, threadsPerRank) < std::tie(other.latencyMicroseconds, other.threadsPerRank);
  }
};

/// One context, its programs, and a communicator for each kind, number of ranks and options; they live as long as the
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
  rondo_communicator *communicator(int64_t ranks, rondo_communicator_kind kind = RONDO_COMMUNICATOR_THREADS,
                                   const RunOptions &runOptions = {});

private:
  Session();

  rondo_context *handle = nullptr;
  std::vector<rondo_program *> programs;
  std::map<std::tuple<int64_t, rondo_communicator_kind, RunOptions>, rondo_communicator *> communicators;
};

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_SESSION_H
