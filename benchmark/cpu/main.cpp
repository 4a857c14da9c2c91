//===- main.cpp - rondo-cpu-bench -----------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures cases in turn, round after round (A B C A B C ...), so that neighbours met the same machine, and prints what
// each took in each round as JSON. cpu_kernels.py drives it.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "benchmark/cpu/measure.h"

#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>

using namespace rondo::bench;

static const char *const kUsage =
    "usage: rondo-cpu-bench ROUNDS SECONDS BLAS CASE...\n"
    "Executes each case in each of ROUNDS rounds, for at least SECONDS. BLAS is a library, or - for none. Cases:\n"
    "  NAME=peak:THREADS\n"
    "  NAME=blas:SHAPE\n"
    "  NAME=kernels:SHAPE:PROGRAM:RANKS:KERNEL                (SHAPE: rank 0's shard)\n"
    "  NAME=run:SHAPE:PROGRAM:RANKS:threads|loopback:THREADS  (SHAPE: global)\n"
    "SHAPE: f32|f16|bf16,batch,query heads,key heads,queries,keys,features\n";

namespace {
struct Case {
  std::string name;
  Measurement measure;
  std::vector<Times> rounds;
};
} // namespace

static std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(text);
  for (std::string field; std::getline(stream, field, separator);)
    fields.push_back(field);
  return fields;
}

static Case makeCase(const std::string &text, const Blas *blas) {
  size_t equals = text.find('=');
  std::vector<std::string> fields = split(text.substr(equals == std::string::npos ? 0 : equals + 1), ':');
  auto is = [&](const char *kind, size_t count) { return fields.size() == count && fields[0] == kind; };
  std::string name = text.substr(0, equals);
  if (is("peak", 2))
    return {name, measurePeak(std::stoi(fields[1])), {}};
  if (is("blas", 2) && blas)
    return {name, blas->measure(parseShape(fields[1])), {}};
  if (is("kernels", 5))
    return {name, measureKernels(fields[2], parseShape(fields[1]), std::stoll(fields[3]), fields[4]), {}};
  if (is("run", 6))
    return {name,
            measureRun(fields[2], parseShape(fields[1]), std::stoi(fields[3]), fields[4] == "loopback",
                       std::stoi(fields[5])),
            {}};
  throw std::invalid_argument("'" + text + "' is no case\n" + kUsage);
}

/// The mean of as many executions as take `seconds`.
static Times measureFor(const Measurement &measure, double seconds) {
  Times sum = {};
  int count = 0;
  do {
    Times times = measure();
    sum.cpu += times.cpu;
    sum.wall += times.wall;
    ++count;
  } while (sum.wall < seconds);
  return {sum.cpu / count, sum.wall / count};
}

static void print(const std::vector<Case> &cases, const Blas *blas) {
  std::printf("{\"peak_operations\": %.0f,\n \"blas\": \"%s\",\n \"cases\": {", peakOperations(),
              blas ? blas->description().c_str() : "");
  const char *before = "\n";
  for (const Case &each : cases) {
    std::printf("%s  \"%s\": [", before, each.name.c_str());
    for (size_t i = 0; i < each.rounds.size(); ++i)
      std::printf("%s{\"cpu\": %.9f, \"wall\": %.9f}", i ? ", " : "", each.rounds[i].cpu, each.rounds[i].wall);
    std::printf("]");
    before = ",\n";
  }
  std::printf("\n }}\n");
}

static void measure(int argc, char **argv) {
  if (argc < 5)
    throw std::invalid_argument(kUsage);
  int rounds = std::stoi(argv[1]);
  double seconds = std::stod(argv[2]);
  std::unique_ptr<Blas> blas;
  if (std::string(argv[3]) != "-")
    blas = std::make_unique<Blas>(argv[3]);
  std::vector<Case> cases;
  for (int i = 4; i < argc; ++i) {
    cases.push_back(makeCase(argv[i], blas.get()));
    cases.back().measure(); // warms caches up
  }
  for (int round = 0; round < rounds; ++round)
    for (Case &each : cases)
      each.rounds.push_back(measureFor(each.measure, seconds));
  print(cases, blas.get());
}

int main(int argc, char **argv) {
  try {
    measure(argc, argv);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "rondo-cpu-bench: %s\n", error.what());
    return 1;
  }
}
