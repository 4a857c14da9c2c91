// One run of rondo-run behind the command line: reference, repetitions, comparison, files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_SESSION_H
#define RONDO_RUN_SESSION_H

#include "tools/rondo-run/executor.h"
#include "tools/rondo-run/progress.h"
#include "tools/rondo-run/report.h"

namespace rondo::run {

class Session {
public:
  Session(Executor &executor, const Options &options, const Manifest &manifest, const Plan &plan, const Place &place)
      : executor(executor), options(options), manifest(manifest), plan(plan), place(place),
        report{&options, &manifest, &plan, {}, {}, {}, 0} {}

  /// Makes the inputs, outputs and, with --check on ranks of this process, references. Errors are the user's.
  Status prepare();
  /// Starts the ranks, runs, compares, and writes what was asked for. False: all of that was done, and the check
  /// failed.
  Result<bool> execute();

private:
  bool together() const { return joinsProcesses(options.communicator); }
  Status takeShards();
  Status gatherOutputs();
  Status evaluateReference(const std::vector<HostTensor> &whole);
  Status runAll();
  Status gatherTrace();
  void compareOutputs();
  Status writeFiles();
  Status writeTimeline(const std::string &path);
  bool printReport() const;

  Executor &executor;
  const Options &options;
  const Manifest &manifest;
  const Plan &plan;
  const Place place;
  Report report;
  Progress progress;
  std::vector<HostTensor> inputs; // whole, or the shards of this process
  std::vector<HostTensor> outputs;
  std::vector<HostTensor> wholeInputs;  // of rank 0, for its check; empty if all ranks run in this process
  std::vector<HostTensor> outputShards; // of this process; empty if all ranks run in it
  std::vector<HostTensor> references;   // of the outputs, f64; empty without --check
};

} // namespace rondo::run
#endif // RONDO_RUN_SESSION_H
