// The command line. Everything that can be judged without the program is judged here.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_OPTIONS_H
#define RONDO_RUN_OPTIONS_H

#include "tools/rondo-run/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rondo::run {

enum class Action { Run, Describe, DescribeJson, Help, Version };
enum class Communicator { Threads, Loopback, Mpi, Nccl };

/// An emulated link: B bytes take latency + B / bandwidth.
struct Link {
  double latencyUs;
  double gigabytesPerSecond;
};

/// NAME=VALUE on the command line.
template <typename T>
struct Named {
  std::string name;
  T value;
};

struct Injection {
  std::string text; // as the runtime reads it
  bool stalls;
  int64_t rank;
};

struct Options {
  Action action = Action::Run;
  std::string program;
  std::optional<std::string> function;
  std::optional<int32_t> ranks;
  int32_t threadsPerRank = 1;
  std::optional<int32_t> device; // of every rank of this process; programs for CUDA
  int32_t smMargin = -1;         // -1: chosen by the runtime
  int32_t linkSms = 0;
  int32_t ncclCtas = -1;        // the same
  bool transfersByNccl = false; // all of them, also those that copy engines could do
  bool graph = false;           // runs are replayed from a CUDA graph
  Communicator communicator = Communicator::Threads;
  std::optional<Link> link;
  double timeout = 60;
  std::optional<Injection> inject;

  std::vector<Named<std::string>> inputs;
  std::vector<Named<std::string>> outputs;
  std::vector<Named<int64_t>> lengths;
  uint64_t seed = 0;
  double amplitude = 1;                  // of all generated inputs
  std::vector<Named<double>> amplitudes; // of single ones, on top

  bool check = false;
  std::optional<double> tolerance;
  int64_t repeat = 1;
  std::optional<std::string> trace;
  std::optional<std::string> timeline;
  std::optional<std::string> json;
};

Result<Options> parseOptions(int argc, char **argv);
const char *helpText();
const char *communicatorName(Communicator communicator);
/// Whether every rank is a process.
bool joinsProcesses(Communicator communicator);

} // namespace rondo::run
#endif // RONDO_RUN_OPTIONS_H
