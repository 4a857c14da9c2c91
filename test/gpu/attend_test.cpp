//===- attend_test.cpp - The attention and merge kernels on a GPU ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   attend_test FOLDER check [CASES]    random cases for each kernel of the folder, against float64
//   attend_test FOLDER bench [ROUNDS] [SHAPE]   the shapes that matter: checked, then timed, all kernels interleaved
//
// Needs an sm_90 GPU and its driver, nothing else. Ends with 0 if everything is right, 1 if not, 2 if it cannot run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/gpu/Data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <unistd.h>

using namespace gpu;

//===--------------------------------------------------------------------------------------------------------------===//
// Runs
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

/// A case that is computed by one attend kernel, and by a merge kernel if the former writes partial results.
class Run {
public:
  Run(Case &data, const Kernel &attend, const Kernel *merge, rondo_split_plan plan)
      : data(data), attend(attend), merge(merge), plan(plan),
        output(merge ? merge->output : attend.output, data.getRows() * data.problem.value_features),
        lse(Format::F32, data.getRows()) {
    if (merge) {
      partialOutput = std::make_unique<Tensor>(attend.output, output.elements * plan.splits);
      partialLse = std::make_unique<Tensor>(Format::F32, lse.elements * plan.splits);
    }
    Tensor &o = merge ? *partialOutput : output, &l = merge ? *partialLse : lse;
    attendLaunch = std::make_unique<AttendLaunch>(attend, data.problem, data.scale, data.queries.device->address,
                                                  data.keys.device->address, data.values.device->address,
                                                  o.device->address, l.device->address, plan, merge != nullptr);
    if (merge)
      mergeLaunch = std::make_unique<MergeLaunch>(
          *merge, data.problem, plan.splits, o.device->address, l.device->address,
          data.arrivingOutput ? data.arrivingOutput->device->address : 0,
          data.arrivingLse ? data.arrivingLse->device->address : 0, output.device->address, lse.device->address);
  }

  void launch(Stream stream) {
    attendLaunch->run(stream, /*programmatic=*/true);
    if (mergeLaunch)
      mergeLaunch->run(stream, /*programmatic=*/true);
  }

  /// Runs it and compares with float64. Prints a line if `verbose` or if it is wrong.
  bool check(Stream stream, int64_t maximalRows, bool verbose) {
    driver.check(driver.contextSynchronize(), "inputs"); // the stream does not wait for copies by itself
    launch(stream);
    driver.check(driver.contextSynchronize(), describe());
    output.download();
    lse.download();
    Errors errors = compare(data, output, lse, maximalRows);
    bool guards = output.device->guardIsIntact() && lse.device->guardIsIntact() &&
                  (!partialOutput || (partialOutput->device->guardIsIntact() && partialLse->device->guardIsIntact()));
    // The weights are rounded to the inputs' type before they meet V: bf16 on either side decides.
    bool half = data.queries.format == Format::F16 && output.format == Format::F16;
    double bound = half ? 5e-4 : 3e-3;
    bool right = errors.wrong == 0 && errors.relativeRms <= bound && errors.lse <= 1e-4 && guards;
    if (verbose || !right)
      std::printf("%s %s: O %.2e, LSE %.1e, wrong %lld%s\n", right ? "right" : "WRONG", describe().c_str(),
                  errors.relativeRms, errors.lse, static_cast<long long>(errors.wrong),
                  guards ? "" : ", GUARDS BROKEN");
    return right;
  }

  std::string describe() const {
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

  const std::string label() const { return attend.label + (merge ? "+" + merge->label : ""); }
  std::vector<float> times; // milliseconds

private:
  Case &data;
  const Kernel &attend;
  const Kernel *merge;
  rondo_split_plan plan;
  Tensor output, lse;
  std::unique_ptr<Tensor> partialOutput, partialLse;
  std::unique_ptr<AttendLaunch> attendLaunch;
  std::unique_ptr<MergeLaunch> mergeLaunch;
};

} // namespace

/// A merge kernel for the partial results of `attend`. If several fit, `number` chooses.
static const Kernel *findMerge(const std::vector<Kernel> &kernels, const Kernel &attend, bool arriving, size_t number) {
  std::vector<const Kernel *> fitting;
  for (const Kernel &kernel : kernels)
    if (!kernel.isAttend && kernel.input == attend.output && kernel.features == attend.valueFeatures &&
        kernel.traits.arriving == arriving)
      fitting.push_back(&kernel);
  return fitting.empty() ? nullptr : fitting[number % fitting.size()];
}

/// Kernels that overlap with others write partial results; the others write results.
static bool writesPartials(const Kernel &kernel) { return kernel.traits.dependent_launch; }

static double getScale(const Kernel &kernel) {
  return (kernel.negateScores ? -1.0 : 1.0) / std::sqrt(static_cast<double>(kernel.features));
}

//===--------------------------------------------------------------------------------------------------------------===//
// check
//===--------------------------------------------------------------------------------------------------------------===//

static bool checkKernel(const std::vector<Kernel> &kernels, const Kernel &kernel, int cases, Stream stream) {
  std::mt19937_64 random(kernel.label.size() * 1000003u + kernel.label[0]);
  auto pick = [&](std::vector<int64_t> values) { return values[random() % values.size()]; };
  auto within = [&](int64_t low, int64_t high) { return low + static_cast<int64_t>(random() % (high - low + 1)); };
  int wrong = 0, done = 0;
  for (int i = 0; i < cases; ++i) {
    rondo_attend_problem problem = {};
    problem.batches = pick({1, 1, 2});
    problem.heads = pick({1, 2, 3});
    problem.group = pick({1, 1, 2, 4, 7});
    problem.query_count = pick({1, 16, 63, 64, 65, 127, 128, 129, 256, within(1, 300), within(300, 1100)});
    problem.key_count = pick({0, 1, 63, 64, 65, 191, 192, 193, 400, within(1, 700), within(700, 2000)});
    problem.features = kernel.features;
    problem.value_features = kernel.valueFeatures;
    problem.by_position = pick({0, 1});
    problem.diagonal = pick({0, problem.key_count - problem.query_count, within(-400, 400), within(-2000, 2000)});
    if (kernel.traits.persistent && problem.key_count == 0)
      continue; // nothing to launch
    Case data(problem, kernel.input, kernel.traits.causal, getScale(kernel), i + 1);
    rondo_split_plan plan = {1, INT32_MAX, 0};
    const Kernel *merge = nullptr;
    if (writesPartials(kernel)) {
      bool arriving = pick({0, 1});
      merge = findMerge(kernels, kernel, arriving, random());
      if (!merge) {
        arriving = !arriving;
        merge = findMerge(kernels, kernel, arriving, random());
      }
      if (!merge) {
        std::printf("WRONG %s: the folder has no merge kernel for it\n", kernel.label.c_str());
        return false;
      }
      if (arriving)
        data.addArriving(merge->arriving, i + 1);
      plan = rondo_plan_splits(&problem, &kernel.traits, driver.multiprocessors);
      if (int64_t forced = pick({0, 1, 2, 3, 9}))
        plan = {static_cast<int32_t>(forced),
                static_cast<int32_t>(std::max<int64_t>(1, (problem.key_count + forced * kernel.traits.block_keys - 1) /
                                                              (forced * kernel.traits.block_keys))),
                0};
    }
    wrong += !Run(data, kernel, merge, plan).check(stream, 64, /*verbose=*/false);
    ++done;
  }
  std::printf("%-24s %4d cases, %d wrong\n", kernel.label.c_str(), done, wrong);
  return wrong == 0;
}

//===--------------------------------------------------------------------------------------------------------------===//
// bench
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
struct Shape {
  const char *name;
  int64_t heads, keyHeads, queryCount, keyCount, features;
  bool causal;
};
} // namespace

static constexpr Shape kShapes[] = {{"square8k", 16, 16, 8192, 8192, 128, false},
                                    {"square8k-causal", 16, 16, 8192, 8192, 128, true},
                                    {"square16k", 16, 16, 16384, 16384, 128, false},
                                    {"square16k-causal", 16, 16, 16384, 16384, 128, true},
                                    {"causal4k-32/8", 32, 8, 4096, 4096, 128, true},
                                    {"llama3v", 32, 8, 63, 76848, 128, false},
                                    {"llama3v-16", 32, 8, 16, 76848, 128, false},
                                    {"llama3v-gathered", 32, 8, 1008, 76848, 128, false},
                                    {"owl3", 28, 4, 256, 93312, 128, false},
                                    {"flamingo-128", 8, 8, 128, 131072, 128, false},
                                    {"flamingo-64", 8, 8, 128, 131072, 64, false},
                                    {"square8k-64", 16, 16, 8192, 8192, 64, false},
                                    {"square8k-64-causal", 16, 16, 8192, 8192, 64, true},
                                    {"square8k-256", 8, 8, 8192, 8192, 256, false}};

/// What the kernels are measured against: see the fields of the table.
struct Ceilings {
  double flopsPerMillisecond, bytesPerMillisecond;
};

/// Copies one gigabyte on the device.
static Ceilings measureCeilings(Stream stream, Event begin, Event end) {
  constexpr size_t bytes = size_t(1) << 30;
  constexpr double matrixFlops = 798e9; // a millisecond: a matrix product of 8192^3 in bf16, on an H100
  Buffer source(bytes), target(bytes);
  float best = INFINITY;
  for (int i = 0; i < 5; ++i) {
    driver.check(driver.eventRecord(begin, stream), "cuEventRecord");
    driver.check(driver.copyOnDevice(target.address, source.address, bytes, stream), "cuMemcpyDtoDAsync");
    driver.check(driver.eventRecord(end, stream), "cuEventRecord");
    driver.check(driver.eventSynchronize(end), "copy");
    float time = 0;
    driver.check(driver.eventElapsed(&time, begin, end), "cuEventElapsedTime");
    best = std::min(best, time);
  }
  return {matrixFlops, 2.0 * bytes / best};
}

static float timeOnce(Run &run, int launches, Stream stream, Event begin, Event end) {
  constexpr unsigned gapMicroseconds = 30000; // lets the clocks recover
  usleep(gapMicroseconds);
  run.launch(stream);
  driver.check(driver.eventRecord(begin, stream), "cuEventRecord");
  for (int i = 0; i < launches; ++i)
    run.launch(stream);
  driver.check(driver.eventRecord(end, stream), "cuEventRecord");
  driver.check(driver.eventSynchronize(end), run.describe());
  float time = 0;
  driver.check(driver.eventElapsed(&time, begin, end), "cuEventElapsedTime");
  return time / launches;
}

static float median(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Kernels that can compute a shape. Direct ones only where they fill most of the GPU.
static std::vector<std::unique_ptr<Run>> getRuns(const std::vector<Kernel> &kernels, Case &data) {
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

static bool benchShape(const std::vector<Kernel> &kernels, const Shape &shape, bool byPosition, int rounds,
                       const Ceilings &ceilings, Stream stream, Event begin, Event end) {
  rondo_attend_problem problem = {1,
                                  shape.keyHeads,
                                  shape.heads / shape.keyHeads,
                                  shape.queryCount,
                                  shape.keyCount,
                                  shape.features,
                                  shape.features,
                                  shape.keyCount - shape.queryCount,
                                  byPosition};
  Case data(problem, Format::BF16, shape.causal, 1 / std::sqrt(static_cast<double>(shape.features)), 7);
  std::vector<std::unique_ptr<Run>> runs = getRuns(kernels, data);
  bool right = true;
  for (auto &run : runs)
    right &= run->check(stream, 48, /*verbose=*/false);
  for (int round = 0; round < rounds; ++round) {
    for (auto &run : runs)
      run->times.push_back(timeOnce(*run, 4, stream, begin, end));
    std::reverse(runs.begin(), runs.end());
  }
  std::sort(runs.begin(), runs.end(), [](auto &a, auto &b) { return median(a->times) < median(b->times); });
  double flops = data.getFlops(), bytes = 2.0 * (data.keys.elements + data.values.elements + 2 * data.queries.elements);
  double floor = std::max(flops / ceilings.flopsPerMillisecond, bytes / ceilings.bytesPerMillisecond);
  std::printf("\n%s H%lld/%lld S%lld,%lld D%lld%s %s: floor %.4f ms\n", shape.name, static_cast<long long>(shape.heads),
              static_cast<long long>(shape.keyHeads), static_cast<long long>(shape.queryCount),
              static_cast<long long>(shape.keyCount), static_cast<long long>(shape.features),
              shape.causal ? " causal" : "", byPosition ? "BSHD" : "BHSD", floor);
  for (auto &run : runs) {
    auto [low, high] = std::minmax_element(run->times.begin(), run->times.end());
    double time = median(run->times);
    std::printf("  %-28s %8.4f ms (%.4f..%.4f)  %4.0f TFLOP/s  %5.2f TB/s  floor/time %.3f  | %s\n",
                run->label().c_str(), time, *low, *high, flops / time * 1e-9, bytes / time * 1e-9, floor / time,
                run->describe().c_str());
  }
  return right;
}

int main(int argc, char **argv) {
  std::string mode = argc > 2 ? argv[2] : "";
  if (mode != "check" && mode != "bench") {
    std::fprintf(stderr, "usage: %s FOLDER check [CASES] | bench [ROUNDS] [SHAPE]\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  driver.open();
  std::printf("# %s, %d multiprocessors\n", driver.name.c_str(), driver.multiprocessors);
  std::vector<Kernel> kernels = loadKernels(argv[1]);
  Stream stream;
  Event begin, end;
  constexpr unsigned nonBlocking = 1;
  driver.check(driver.streamCreate(&stream, nonBlocking), "cuStreamCreate");
  driver.check(driver.eventCreate(&begin, 0), "cuEventCreate");
  driver.check(driver.eventCreate(&end, 0), "cuEventCreate");
  int count = argc > 3 ? std::atoi(argv[3]) : mode == "check" ? 40 : 7;
  bool right = true;
  if (mode == "check") {
    for (const Kernel &kernel : kernels)
      if (kernel.isAttend)
        right &= checkKernel(kernels, kernel, count, stream);
  } else {
    Ceilings ceilings = measureCeilings(stream, begin, end);
    std::printf("# ceilings: %.0f TFLOP/s (assumed), copy %.2f TB/s (measured)\n", ceilings.flopsPerMillisecond * 1e-9,
                ceilings.bytesPerMillisecond * 1e-9);
    for (const Shape &shape : kShapes)
      if (argc <= 4 || std::strstr(shape.name, argv[4]))
        for (bool byPosition : {false, true})
          right &= benchShape(kernels, shape, byPosition, count, ceilings, stream, begin, end);
  }
  std::printf(right ? "all right\n" : "WRONG\n");
  return right ? 0 : 1;
}
