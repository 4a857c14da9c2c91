//===- bench_library.cpp - Kernels for a benchmark that is not C++ --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C functions over the launchers of this folder, for benchmark/gpu/library.py: they work in the device's primary
// context, which PyTorch uses too, and on a stream of the caller. They end the process, with a message, if the driver
// fails: after that nothing works in this context.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/gpu/Run.h"

#include <cmath>
#include <cstdio>

using namespace gpu;

#define BENCH_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Library {
  std::vector<Kernel> kernels;
  Event begin, end;
};

/// A case, some of its rows in float64, and the kernels that can compute it.
struct Bench {
  Bench(const rondo_attend_problem &problem, bool causal, uint64_t seed, const std::vector<Kernel> &kernels)
      : data(problem, Format::BF16, causal, 1 / std::sqrt(static_cast<double>(problem.features)), seed,
             Numbers::Normal),
        reference(data, checkedRows), runs(getCandidates(kernels, data)) {
    for (auto &run : runs)
      labels.push_back(run->label());
  }
  static constexpr int64_t checkedRows = 48;
  Case data;
  Reference reference;
  std::vector<std::unique_ptr<Run>> runs;
  std::vector<std::string> labels;
  std::string description;
};

struct Copy {
  explicit Copy(size_t bytes) : source(bytes), target(bytes) {}
  Buffer source, target;
};

} // namespace

static Library library;

/// Opens the driver and loads all kernels of a folder; returns how many.
BENCH_EXPORT int bench_open(const char *folder) {
  setvbuf(stdout, nullptr, _IOLBF, 0); // what is said here comes in turn with what the caller says
  driver.open();
  library.kernels = loadKernels(folder);
  driver.check(driver.eventCreate(&library.begin, 0), "cuEventCreate");
  driver.check(driver.eventCreate(&library.end, 0), "cuEventCreate");
  return library.kernels.size();
}

BENCH_EXPORT const char *bench_device_name() { return driver.name.c_str(); }
BENCH_EXPORT int bench_multiprocessors() { return driver.multiprocessors; }

BENCH_EXPORT Stream bench_create_stream() {
  constexpr unsigned nonBlocking = 1;
  Stream stream;
  driver.check(driver.streamCreate(&stream, nonBlocking), "cuStreamCreate");
  return stream;
}

/// What is between the two, on a stream, took the returned milliseconds.
BENCH_EXPORT void bench_begin(Stream stream) {
  driver.check(driver.eventRecord(library.begin, stream), "cuEventRecord");
}
BENCH_EXPORT float bench_end(Stream stream) {
  float milliseconds = 0;
  driver.check(driver.eventRecord(library.end, stream), "cuEventRecord");
  driver.check(driver.eventSynchronize(library.end), "what was timed");
  driver.check(driver.eventElapsed(&milliseconds, library.begin, library.end), "cuEventElapsedTime");
  return milliseconds;
}

/// A bf16 attention of one batch on random normal inputs, in [B, S, H, D] if by position, else in [B, H, S, D]. The
/// diagonal of a causal one ends in the corner of the last query and the last key.
BENCH_EXPORT Bench *bench_create(int64_t heads, int64_t keyHeads, int64_t queries, int64_t keys, int64_t features,
                                 int causal, int byPosition, uint64_t seed) {
  rondo_attend_problem problem = {1,        keyHeads, heads / keyHeads, queries,        keys,
                                  features, features, keys - queries,   byPosition != 0};
  return new Bench(problem, causal, seed, library.kernels);
}
BENCH_EXPORT void bench_destroy(Bench *bench) { delete bench; }

/// Where queries (0), keys (1), and values (2) are.
BENCH_EXPORT Address bench_input(const Bench *bench, int which) {
  const Tensor *inputs[] = {&bench->data.queries, &bench->data.keys, &bench->data.values};
  return inputs[which]->device->address;
}

BENCH_EXPORT int bench_candidates(const Bench *bench) { return bench->runs.size(); }
BENCH_EXPORT const char *bench_label(const Bench *bench, int candidate) { return bench->labels[candidate].c_str(); }
BENCH_EXPORT int bench_is_persistent(const Bench *bench, int candidate) {
  return bench->runs[candidate]->getAttend().traits.persistent;
}
/// Valid until the next call.
BENCH_EXPORT const char *bench_describe(Bench *bench, int candidate) {
  bench->description = bench->runs[candidate]->describe();
  return bench->description.c_str();
}
BENCH_EXPORT Address bench_output(const Bench *bench, int candidate) { return bench->runs[candidate]->getOutput(); }

/// Runs a candidate once and compares some rows with float64; returns whether it is right, and the errors.
BENCH_EXPORT int bench_check(Bench *bench, int candidate, Stream stream, double *output, double *lse) {
  Run &run = *bench->runs[candidate];
  bool right = run.check(stream, bench->reference, /*verbose=*/false);
  *output = run.errors.relativeRms;
  *lse = run.errors.lse;
  return right;
}

BENCH_EXPORT void bench_launch(Bench *bench, int candidate, int count, Stream stream) {
  for (int i = 0; i < count; ++i)
    bench->runs[candidate]->launch(stream);
}

/// Two buffers on the device, and copies from one to the other.
BENCH_EXPORT Copy *bench_create_copy(size_t bytes) { return new Copy(bytes); }
BENCH_EXPORT void bench_copy(Copy *copy, int count, Stream stream) {
  for (int i = 0; i < count; ++i)
    driver.check(driver.copyOnDevice(copy->target.address, copy->source.address, copy->source.bytes, stream),
                 "cuMemcpyDtoDAsync");
}
BENCH_EXPORT void bench_destroy_copy(Copy *copy) { delete copy; }
