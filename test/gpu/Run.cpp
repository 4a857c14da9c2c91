//===- Run.cpp - An attention by some kernels, checked --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace gpu;

Run::Run(Case &data, const Kernel &attend, const Kernel *merge, rondo_split_plan plan)
    : data(data), attend(attend), merge(merge), plan(plan),
      output(merge ? merge->output : attend.output, data.getRows() * data.problem.value_features),
      lse(Format::F32, data.getRows()) {
  if (merge) {
    partialOutput = std::make_unique<Tensor>(attend.output, output.elements * plan.splits);
    partialLse = std::make_unique<Tensor>(Format::F32, lse.elements * plan.splits);
    if (attend.traits.scaled_rows)
      partialScales = std::make_unique<Tensor>(Format::F32, lse.elements * plan.splits);
  }
  Address scales = partialScales ? partialScales->device->address : 0;
  Tensor &o = merge ? *partialOutput : output, &l = merge ? *partialLse : lse;
  attendLaunch = std::make_unique<AttendLaunch>(attend, data.problem, data.scale, data.queries.device->address,
                                                data.keys.device->address, data.values.device->address,
                                                o.device->address, l.device->address, plan, merge != nullptr, scales);
  if (merge)
    mergeLaunch = std::make_unique<MergeLaunch>(*merge, data.problem, plan.splits, o.device->address, l.device->address,
                                                data.arrivingOutput ? data.arrivingOutput->device->address : 0,
                                                data.arrivingLse ? data.arrivingLse->device->address : 0,
                                                output.device->address, lse.device->address, scales);
}

void Run::launch(Stream stream) {
  attendLaunch->run(stream, /*programmatic=*/true);
  if (mergeLaunch)
    mergeLaunch->run(stream, /*programmatic=*/true);
}

bool Run::check(Stream stream, const Reference &reference, bool verbose, double lseBound) {
  output.device->poison();
  lse.device->poison();
  driver.check(driver.contextSynchronize(), "inputs"); // the stream does not wait for copies by itself
  launch(stream);
  driver.check(driver.contextSynchronize(), describe());
  output.download();
  lse.download();
  errors = compare(data, reference, output, lse);
  bool guards = output.device->guardIsIntact() && lse.device->guardIsIntact() &&
                (!partialOutput || (partialOutput->device->guardIsIntact() && partialLse->device->guardIsIntact())) &&
                (!partialScales || partialScales->device->guardIsIntact());
  // The weights are rounded to the inputs' type before they meet V: bf16 on either side decides.
  double bound = isHalf() ? kHalfOutputBound : kOutputBound;
  bool right = errors.wrong == 0 && errors.relativeRms <= bound && errors.lse <= lseBound && guards;
  if (verbose || !right)
    std::printf("%s %s: O %.2e, LSE %.1e, wrong %lld%s\n", right ? "right" : "WRONG", describe().c_str(),
                errors.relativeRms, errors.lse, static_cast<long long>(errors.wrong), guards ? "" : ", GUARDS BROKEN");
  return right;
}

std::string Run::describe() const {
  const rondo_attend_problem &p = data.problem;
  char text[256];
  std::snprintf(
      text, sizeof text, "%s%s%s B%lld H%lld/%lld S%lld,%lld D%lld,%lld %s", attend.label.c_str(), merge ? "+" : "",
      merge ? merge->label.c_str() : "", static_cast<long long>(p.batches), static_cast<long long>(p.heads * p.group),
      static_cast<long long>(p.heads), static_cast<long long>(p.query_count), static_cast<long long>(p.key_count),
      static_cast<long long>(p.features), static_cast<long long>(p.value_features), p.by_position ? "BSHD" : "BHSD");
  std::string result = text;
  if (data.causal)
    result += " diagonal " + std::to_string(p.diagonal);
  if (merge)
    result += " splits " + std::to_string(plan.splits);
  if (attendLaunch->table.words) {
    std::snprintf(text, sizeof text, " imbalance %.3f", attendLaunch->table.imbalance);
    result += text;
  }
  return result;
}

const Kernel *gpu::findMerge(const std::vector<Kernel> &kernels, const Kernel &attend, bool arriving, size_t number) {
  std::vector<const Kernel *> fitting;
  for (const Kernel &kernel : kernels)
    if (!kernel.isAttend && kernel.input == attend.output && kernel.features == attend.valueFeatures &&
        kernel.traits.arriving == arriving && kernel.traits.scaled_rows == attend.traits.scaled_rows)
      fitting.push_back(&kernel);
  return fitting.empty() ? nullptr : fitting[number % fitting.size()];
}

double gpu::getScale(const Kernel &kernel) {
  return (kernel.negateScores ? -1.0 : 1.0) / std::sqrt(static_cast<double>(kernel.features));
}

rondo_split_plan gpu::forceSplits(const rondo_attend_problem &problem, const Kernel &kernel, int64_t splits) {
  int64_t keys = splits * kernel.traits.block_keys;
  return {static_cast<int32_t>(splits),
          static_cast<int32_t>(std::max<int64_t>(1, (problem.key_count + keys - 1) / keys)), 0};
}

std::vector<std::unique_ptr<Run>> gpu::getCandidates(const std::vector<Kernel> &kernels, Case &data) {
  std::vector<std::unique_ptr<Run>> runs;
  for (const Kernel &kernel : kernels) {
    if (!kernel.isAttend || kernel.negateScores || kernel.input != data.queries.format ||
        kernel.features != data.problem.features || kernel.valueFeatures != data.problem.value_features ||
        static_cast<bool>(kernel.traits.causal) != data.causal)
      continue;
    rondo_attend_shape shape = rondo_get_attend_shape(&data.problem, &kernel.traits);
    bool fills = shape.row_tiles * data.problem.heads * data.problem.batches >= driver.multiprocessors;
    const Kernel *merge = writesPartials(kernel) ? findMerge(kernels, kernel, /*arriving=*/false, 0) : nullptr;
    if (writesPartials(kernel) ? !merge || (fills && data.causal) : !fills)
      continue;
    rondo_split_plan plan = {1, INT32_MAX, 0};
    if (merge)
      plan = rondo_plan_splits(&data.problem, &kernel.traits, driver.multiprocessors);
    runs.push_back(std::make_unique<Run>(data, kernel, merge, plan));
  }
  return runs;
}
