// What a run was like: for people on standard output, and for programs as JSON.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_REPORT_H
#define RONDO_RUN_REPORT_H

#include "tools/rondo-run/check.h"
#include "tools/rondo-run/executor.h"
#include "tools/rondo-run/plan.h"

namespace rondo::run {

struct CheckedOutput {
  std::string name;
  Comparison comparison;
  std::string failure; // empty if it passed
};

struct Report {
  const Options *options;
  const Manifest *manifest;
  const Plan *plan;
  std::vector<RunStatistics> repetitions;
  std::vector<CheckedOutput> checks; // empty without --check
  std::vector<int32_t> devices = {}; // the GPU of each rank; empty on processors
  double clockUncertainty = 0;       // seconds by which the times of ranks in the trace may be off
  GraphCounts graphs = {};           // with --graph
};

/// The median; the mean of the middle two of an even number. `values` is not empty.
double median(std::vector<double> values);

/// What ran: function, ranks, schedule and link, in one line without its end.
std::string headlineText(const Report &report);
/// The times of the last run, in one line without its end.
std::string lastRunText(const Report &report);
/// What ran, and its times and bytes.
std::string summaryText(const Report &report);
/// One line for each checked output and a verdict.
std::string checkText(const Report &report);

Status writeJson(const std::string &path, const Report &report);

} // namespace rondo::run
#endif // RONDO_RUN_REPORT_H
