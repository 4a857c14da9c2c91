//===- attend_test.cpp - The attention and merge kernels on a GPU ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   attend_test FOLDER check [CASES] [--only=TEXT] [--random-only] [--json=FILE] [--commit=TEXT]
//
// Random and hard cases for each kernel of the folder whose label contains TEXT, against float64.
// Needs an sm_90 GPU and its driver, nothing else. Ends with 0 if everything is right, 1 if not, 2 if it cannot run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/gpu/HardCases.h"
#include "test/gpu/Report.h"
#include "test/gpu/Run.h"

#include <cctype>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>

using namespace gpu;

//===--------------------------------------------------------------------------------------------------------------===//
// random cases
//===--------------------------------------------------------------------------------------------------------------===//

static void checkKernel(const std::vector<Kernel> &kernels, const Kernel &kernel, int cases, Stream stream,
                        Report &report) {
  std::mt19937_64 random(kernel.label.size() * 1000003u + kernel.label[0]);
  auto pick = [&](std::vector<int64_t> values) { return values[random() % values.size()]; };
  auto within = [&](int64_t low, int64_t high) { return low + static_cast<int64_t>(random() % (high - low + 1)); };
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
      if (!merge)
        return report.fail("the folder has no merge kernel for it");
      if (arriving)
        data.addArriving(merge->arriving, i + 1);
      plan = rondo_plan_splits(&problem, &kernel.traits, driver.multiprocessors);
      if (int64_t forced = pick({0, 1, 2, 3, 9}))
        plan = forceSplits(problem, kernel, forced);
    }
    Run run(data, kernel, merge, plan);
    report.add(run, run.check(stream, 64, /*verbose=*/false), /*hard=*/false);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// hard cases
//===--------------------------------------------------------------------------------------------------------------===//

static void checkHardCase(const std::vector<Kernel> &kernels, const Kernel &kernel, const HardCase &hard,
                          bool byPosition, Stream stream, Report &report) {
  rondo_attend_problem problem = getProblem(hard, kernel, byPosition);
  if ((hard.causal && !kernel.traits.causal) || (kernel.traits.persistent && problem.key_count == 0))
    return;
  Case data(problem, kernel.input, kernel.traits.causal, getScale(kernel), /*seed=*/1);
  setScores(data, hard.scores);
  rondo_split_plan plan = {1, INT32_MAX, 0};
  const Kernel *merge = nullptr;
  if (writesPartials(kernel)) {
    constexpr int64_t splits = 3;
    merge = findMerge(kernels, kernel, /*arriving=*/false, 0);
    if (!merge)
      merge = findMerge(kernels, kernel, /*arriving=*/true, 0);
    if (!merge)
      return; // the random cases have reported it
    if (merge->traits.arriving)
      data.addArriving(merge->arriving, /*seed=*/1);
    plan = forceSplits(problem, kernel, splits);
  }
  Run run(data, kernel, merge, plan);
  bool right = run.check(stream, Reference(data, 64), /*verbose=*/false, getLseBound(hard.scores));
  if (!right)
    std::printf("      hard case: %s\n", hard.name);
  report.add(run, right, /*hard=*/true);
}

static void check(const std::vector<Kernel> &kernels, const Kernel &kernel, int cases, bool hard, Stream stream,
                  Report &report) {
  report.begin(kernel.label);
  checkKernel(kernels, kernel, cases, stream, report);
  for (int i = 0; hard && i < kHardCaseCount; ++i)
    for (bool byPosition : {false, true})
      checkHardCase(kernels, kernel, kHardCases[i], byPosition, stream, report);
  report.end();
}

//===--------------------------------------------------------------------------------------------------------------===//
// main
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
struct Options {
  std::string folder, only, json, commit = "unknown";
  int cases = 40;
  bool hard = true;
};
} // namespace

/// Returns false if the arguments make no sense.
static bool parse(int argc, char **argv, Options &options) {
  if (argc < 3 || std::strcmp(argv[2], "check") != 0)
    return false;
  options.folder = argv[1];
  for (int i = 3; i < argc; ++i) {
    std::string argument = argv[i], value = argument.substr(argument.find('=') + 1);
    if (argument.rfind("--only=", 0) == 0)
      options.only = value;
    else if (argument.rfind("--json=", 0) == 0)
      options.json = value;
    else if (argument.rfind("--commit=", 0) == 0)
      options.commit = value;
    else if (argument == "--random-only")
      options.hard = false;
    else if (i == 3 && std::strspn(argv[i], "0123456789") == argument.size() && argument.size() < 7)
      options.cases = std::stoi(argument);
    else
      return false;
  }
  return true;
}

/// The GPU and its driver.
static std::string describeMachine() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string word, version;
  for (; file >> word && version.empty();)
    if (std::isdigit(static_cast<unsigned char>(word[0])) && word.find('.') != std::string::npos)
      version = word;
  return driver.name + (version.empty() ? "" : ", driver " + version);
}

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s FOLDER check [CASES] [--only=TEXT] [--random-only] [--json=FILE] [--commit=TEXT]\n",
                 argv[0]);
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  driver.open();
  std::string machine = describeMachine();
  std::printf("# %s, %d multiprocessors\n", machine.c_str(), driver.multiprocessors);
  std::vector<Kernel> kernels = loadKernels(options.folder);
  Stream stream;
  constexpr unsigned nonBlocking = 1;
  driver.check(driver.streamCreate(&stream, nonBlocking), "cuStreamCreate");
  Report report;
  for (const Kernel &kernel : kernels)
    if (kernel.isAttend && kernel.label.find(options.only) != std::string::npos)
      check(kernels, kernel, options.cases, options.hard, stream, report);
  std::string command = "run.sh check " + std::to_string(options.cases);
  command += options.only.empty() ? "" : " --only=" + options.only;
  if (!options.json.empty() && !report.write(options.json, machine, command, options.commit)) {
    std::fprintf(stderr, "error: cannot write %s\n", options.json.c_str());
    return 2;
  }
  std::printf(report.isRight() ? "all right\n" : "WRONG\n");
  return report.isRight() ? 0 : 1;
}
