// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/session.h"

#include "tools/rondo-run/inputs.h"
#include "tools/rondo-run/output_file.h"
#include "tools/rondo-run/shards.h"
#include "tools/rondo-run/text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rondo::run {

/// Tensors of `planned`'s shapes; in their own types, or in f64.
static Result<std::vector<HostTensor>> makeOutputs(const std::vector<PlannedOutput> &planned, bool reference) {
  std::vector<HostTensor> tensors;
  for (const PlannedOutput &output : planned) {
    ElementType type = reference ? ElementType::F64 : output.spec->type;
    Result<HostTensor> tensor = HostTensor::create(output.spec->name, type, output.shape);
    if (!tensor)
      return tensor.error();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static Result<std::vector<HostTensor>> widened(const Plan &plan, const std::vector<HostTensor> &inputs) {
  std::vector<HostTensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Result<HostTensor> tensor = HostTensor::create(plan.inputs[i].spec->name, ElementType::F64, inputs[i].shape());
    if (!tensor)
      return tensor.error();
    for (int64_t j = 0; j < tensor->count(); ++j)
      tensor->store(j, float(inputs[i].load(j))); // exact: no type of a program is wider than float
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

/// A bound on the logits of standard normal queries and keys that are scaled by the amplitudes of the generated inputs:
/// a normal variable exceeds 8 standard deviations once in 10^15.
static double logitBound(const Plan &plan) {
  std::vector<double> amplitudes = {1, 1};
  for (const PlannedInput &input : plan.inputs)
    if (!input.file)
      amplitudes.push_back(std::fabs(input.amplitude));
  std::sort(amplitudes.rbegin(), amplitudes.rend());
  return 8 * amplitudes[0] * amplitudes[1];
}

Status Session::prepare() {
  Result<std::vector<HostTensor>> made = makeInputs(plan, options.seed, progress);
  if (!made)
    return made.error();
  inputs = std::move(*made);
  Result<std::vector<HostTensor>> room = makeOutputs(plan.outputs, false);
  if (!room)
    return room.error();
  outputs = std::move(*room);
  if (together())
    return takeShards();
  // Before the runs, so that a program without a reference is refused early.
  return options.check ? evaluateReference(inputs) : Success{};
}

/// Keeps the shards of this process; rank 0 keeps whole outputs too.
Status Session::takeShards() {
  const std::vector<Axis> axes = manifest.grid ? boundAxes(*manifest.grid, plan.ranks) : std::vector<Axis>();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Result<HostTensor> shard = makeShard(inputs[i], *plan.inputs[i].spec, axes, place.rank);
    if (!shard)
      return shard.error();
    copyFromWhole(inputs[i], *plan.inputs[i].spec, axes, place.rank, *shard);
    if (place.leads() && options.check)
      wholeInputs.push_back(std::move(inputs[i]));
    inputs[i] = std::move(*shard);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    Result<HostTensor> shard = makeShard(outputs[i], *plan.outputs[i].spec, axes, place.rank);
    if (!shard)
      return shard.error();
    outputShards.push_back(std::move(*shard));
  }
  return Success{};
}

/// Brings the outputs' shards to rank 0, if it needs them.
Status Session::gatherOutputs() {
  if (!together() || (!options.check && options.outputs.empty()))
    return Success{};
  const std::vector<Axis> axes = manifest.grid ? boundAxes(*manifest.grid, plan.ranks) : std::vector<Axis>();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorSpec &spec = *plan.outputs[i].spec;
    std::vector<HostTensor> shards;
    outputs[i].fillWithNaN();
    for (int32_t rank = 0; place.leads() && rank < plan.ranks; ++rank) {
      Result<HostTensor> shard = makeShard(outputs[i], spec, axes, rank);
      if (!shard)
        return shard.error();
      shards.push_back(std::move(*shard));
    }
    if (Status gathered = executor.gather(outputShards[i], shards); !gathered)
      return gathered;
    for (int32_t rank = 0; rank < int32_t(shards.size()); ++rank)
      copyToWhole(shards[size_t(rank)], spec, axes, rank, outputs[i]);
  }
  return Success{};
}

Status Session::evaluateReference(const std::vector<HostTensor> &whole) {
  progress.show("checking in float64: evaluating the program densely");
  Result<std::vector<HostTensor>> wide = widened(plan, whole);
  if (!wide)
    return wide.error();
  Result<std::vector<HostTensor>> room = makeOutputs(plan.outputs, true);
  if (!room)
    return room.error();
  references = std::move(*room);
  for (HostTensor &reference : references)
    reference.fillWithNaN();
  Status evaluated = executor.evaluate(plan.function->name, *wide, references);
  progress.clear();
  return evaluated;
}

Status Session::runAll() {
  // With graphs the first run goes without, and the second one is captured.
  int64_t warmUps = options.graph ? 2 : options.repeat > 1;
  for (int64_t i = -warmUps; i < options.repeat; ++i) {
    progress.show(i < 0 ? "warm-up" : concat("run ", i + 1, "/", options.repeat));
    std::vector<HostTensor> &written = together() ? outputShards : outputs;
    for (HostTensor &output : written)
      output.fillWithNaN();
    if ((options.trace || options.timeline) && i + 1 == options.repeat)
      if (Status enabled = executor.enableTrace(); !enabled)
        return enabled;
    Result<RunStatistics> statistics = executor.run(plan.function->name, inputs, written);
    if (!statistics)
      return statistics.error();
    if (i >= 0)
      report.repetitions.push_back(std::move(*statistics));
  }
  Result<GraphCounts> graphs = executor.graphCounts();
  if (!graphs)
    return graphs.error();
  report.graphs = *graphs;
  progress.clear();
  return Success{};
}

Status Session::gatherTrace() {
  if (!options.trace && !options.timeline)
    return Success{};
  Result<double> uncertainty = executor.gatherTrace();
  if (!uncertainty)
    return uncertainty.error();
  report.clockUncertainty = *uncertainty;
  return Success{};
}

void Session::compareOutputs() {
  for (size_t i = 0; i < references.size(); ++i) {
    progress.show(concat("checking in float64: comparing ", plan.outputs[i].spec->name));
    Tolerance tolerance = defaultTolerance(outputs[i].type(), outputs[i].shape().size(), logitBound(plan));
    tolerance.bound = options.tolerance.value_or(tolerance.bound);
    Comparison comparison = compare(outputs[i], references[i], tolerance);
    std::string failure = comparison.passed() ? "" : failureText(comparison, outputs[i], references[i]);
    report.checks.push_back({plan.outputs[i].spec->name, comparison, failure});
  }
  progress.clear();
}

Status Session::writeTimeline(const std::string &path) {
  Result<std::vector<TimelineEvent>> events = executor.traceEvents();
  if (!events)
    return events.error();
  int32_t reporting = int32_t(report.repetitions.back().size());
  return writeTextFile(path, timelineSvg({headlineText(report), lastRunText(report), reporting, std::move(*events)}));
}

Status Session::writeFiles() {
  for (size_t i = 0; i < outputs.size(); ++i)
    if (!plan.outputs[i].path.empty())
      if (Status written = writeNpy(plan.outputs[i].path, outputs[i]); !written)
        return written;
  if (options.trace)
    if (Status written = executor.writeTrace(*options.trace); !written)
      return written;
  if (options.timeline)
    if (Status written = writeTimeline(*options.timeline); !written)
      return written;
  if (options.json)
    return writeJson(*options.json, report);
  return Success{};
}

bool Session::printReport() const {
  std::fputs(summaryText(report).c_str(), stdout);
  if (options.check)
    std::fputs(checkText(report).c_str(), stdout);
  std::fflush(stdout);
  bool passed = true;
  for (const CheckedOutput &output : report.checks) {
    if (output.failure.empty())
      continue;
    std::fprintf(stderr, "rondo-run: error: check of %s: %s\n", output.name.c_str(), output.failure.c_str());
    passed = false;
  }
  return passed;
}

Result<bool> Session::execute() {
  if (Status ran = runAll(); !ran) {
    progress.clear();
    return ran.error();
  }
  report.devices = executor.devices();
  if (Status gathered = gatherOutputs(); !gathered)
    return gathered.error();
  if (Status gathered = gatherTrace(); !gathered)
    return gathered.error();
  if (!place.leads())
    return true;
  // While nobody waits for this process.
  if (together() && options.check)
    if (Status evaluated = evaluateReference(wholeInputs); !evaluated)
      return evaluated.error();
  compareOutputs();
  bool passed = printReport();
  if (Status written = writeFiles(); !written)
    return written.error();
  return passed;
}

} // namespace rondo::run
