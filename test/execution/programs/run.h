//===- run.h - Compiles programs and runs them on shards between inaccessible pages ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_RUN_H
#define RONDO_TEST_EXECUTION_PROGRAMS_RUN_H

#include "global.h"
#include "session.h"

#include <tuple>

namespace rondo::test {

/// A global program and the options of rondo-compile.
struct Source {
  std::string text;
  std::vector<std::string> options;

  bool operator<(const Source &other) const { return std::tie(text, options) < std::tie(other.text, other.options); }
};

/// Compiles a program with rondo-compile and loads it; the same source is compiled once in a process. A failure fails
/// the test and gives null.
const rondo_program *compile(const Source &source);
/// Compiles what will be asked for, on all processors.
void compileAhead(std::vector<Source> sources);

/// Names the case that runs next, for the message of a process that dies on an inaccessible page.
void announce(const std::string &description);

/// A tensor at the boundary of a program.
struct Placed {
  Global *global; ///< the values of an input; receives those of an output
  Element element;
  Sharding sharding;
  Layout layout = Layout::HeadMajor;
};

/// Runs a function on the ranks of a grid. Each shard has memory of its own, with an inaccessible page directly after
/// it or directly before it, by turns. Outputs are NaN before. Expects that inputs stay as they are and that ranks that
/// hold the same part of an output agree on its bits. One communicator serves all runs on the same number of ranks
/// with the same options.
void run(const rondo_program *program, const std::string &function, const Grid &grid, const std::vector<Placed> &inputs,
         const std::vector<Placed> &outputs, const RunOptions &options = {});

/// The same on whole tensors, of which the ranks work on views.
void runGlobal(const rondo_program *program, const std::string &function, const Grid &grid,
               const std::vector<Placed> &inputs, const std::vector<Placed> &outputs, const RunOptions &options = {});

/// The same on the loopback communicator: rank 0 does the work of one rank, whose results are not the program's. All
/// lengths must divide evenly. Returns the statistics of that rank.
rondo_rank_statistics runLoopback(const rondo_program *program, const std::string &function, const Grid &grid,
                                  const std::vector<Placed> &inputs, const std::vector<Placed> &outputs);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_RUN_H
