//===- run.cpp - Whole runs of a program ----------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include "rondo/rondo.hpp"

#include <algorithm>
#include <map>

using namespace rondo::bench;

namespace {
struct Session {
  Session(const std::string &path, const rondo_communicator_options &options)
      : program(context, path), communicator(context, options) {}

  rondo::Context context;
  rondo::Program program;
  rondo::Communicator communicator;
};
} // namespace

static DLDataType typeOf(Element element) {
  switch (element) {
  case Element::F16:
    return rondo::float16;
  case Element::BF16:
    return rondo::bfloat16;
  default:
    return rondo::dataType<float>();
  }
}

/// The largest processor time that one thread has used since `before`: the rank's, which runs the kernels.
static double busiestThread(const std::map<int64_t, double> &before) {
  double largest = 0;
  for (auto [thread, seconds] : before)
    largest = std::max(largest, threadSeconds(thread) - seconds);
  return largest;
}

Measurement rondo::bench::measureRun(const std::string &path, const Shape &shape, int32_t ranks, bool loopback,
                                     int32_t threadsPerRank) {
  rondo_communicator_options options = rondo::communicatorOptions(ranks);
  options.kind = loopback ? RONDO_COMMUNICATOR_LOOPBACK : RONDO_COMMUNICATOR_THREADS;
  options.threads_per_rank = threadsPerRank;
  auto session = std::make_shared<Session>(path, options);
  std::vector<int64_t> rows = {shape.batch, shape.queryHeads, shape.queries, shape.features};
  std::vector<int64_t> columns = {shape.batch, shape.keyHeads, shape.keys, shape.features};
  auto tensor = [&](const std::vector<int64_t> &sizes, unsigned seed) {
    return makeTensor(shape.element, sizes[0] * sizes[1] * sizes[2] * sizes[3], seed);
  };
  auto query = tensor(rows, 1), key = tensor(columns, 2), value = tensor(columns, 3), output = tensor(rows, 4);
  DLDataType type = typeOf(shape.element);
  return [=] {
    std::map<int64_t, double> before;
    for (int64_t thread : threads())
      before[thread] = threadSeconds(thread);
    double wall = wallSeconds();
    rondo::run(session->program, session->communicator,
               {{query.get(), type, rows}, {key.get(), type, columns}, {value.get(), type, columns}},
               {{output.get(), type, rows}});
    double seconds = wallSeconds() - wall;
    return Times{busiestThread(before), seconds};
  };
}
