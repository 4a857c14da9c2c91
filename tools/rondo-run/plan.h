// What a run will do: the command line matched against the program. Every name, length, file and folder is judged
// here, before anything runs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_PLAN_H
#define RONDO_RUN_PLAN_H

#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/npy.h"
#include "tools/rondo-run/options.h"

#include <map>

namespace rondo::run {

struct PlannedTensor {
  const TensorSpec *spec;
  std::vector<int64_t> shape;
};

struct PlannedInput : PlannedTensor {
  std::optional<NpyFile> file; // nothing: generated
  double amplitude;            // of a generated one
};

struct PlannedOutput : PlannedTensor {
  std::string path; // empty: not written
};

/// The processes that share a run.
struct Place {
  int32_t processes = 1;
  int32_t rank = 0; // of this one, if there are several

  /// Whether this process reports and writes files.
  bool leads() const { return rank == 0; }
};

struct Plan {
  const FunctionSpec *function;
  int32_t ranks;
  std::map<std::string, int64_t> lengths;
  std::vector<PlannedInput> inputs;
  std::vector<PlannedOutput> outputs;
};

/// What must be the same in all processes that share a run.
std::string statementText(const Options &options, const Plan &plan);

/// The plan borrows from `manifest`.
Result<Plan> planRun(const Options &options, const Manifest &manifest, const Place &place = {});

} // namespace rondo::run
#endif // RONDO_RUN_PLAN_H
