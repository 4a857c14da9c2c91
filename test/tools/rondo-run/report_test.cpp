// The figures of a report, from statistics that are made up.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/report.h"

#include <gtest/gtest.h>

using namespace rondo::run;

namespace {

RankFigures rank(double total, double compute, double exposed, double tail) {
  return {{total, compute, exposed, tail, 0, 1500, 3, 64}, 0, 0};
}

TEST(Report, Median) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({4, 1, 9, 2}), 3);
}

TEST(Report, TakesTheSlowestRankOfEachRunThenTheMedian) {
  Options options;
  Manifest manifest;
  manifest.target = "cpu";
  FunctionSpec function;
  function.name = "f";
  function.schedules = {{0, "query-ring"}, {1, "query-ring"}};
  Plan plan;
  plan.function = &function;
  plan.ranks = 2;
  Report report{&options, &manifest, &plan, {}, {}};
  report.repetitions = {{rank(1, 0.5, 0.25, 0.125), rank(2, 0.25, 0.0625, 0.03125)},
                        {rank(4, 0.5, 0.5, 0.25), rank(3, 0.5, 0.5, 0.5)},
                        {rank(8, 0.75, 0.5, 0), rank(8, 0.75, 0.5, 0.5)}};
  EXPECT_EQ(summaryText(report), R"(f: 2 ranks (threads), cpu, query-ring
  total           median 4.000 s, min 2.000 s  (3 runs)
  compute         median 500.000 ms, min 500.000 ms
  exposed steady  median 250.000 ms, min 125.000 ms
  exposed tail    median 500.000 ms, min 125.000 ms
  sent            1.50 kB in 3 messages from each rank
  arena           64 B on each rank
)");
  // Of GPUs, the largest figures of all ranks.
  report.repetitions = {{rank(1, 0.5, 0.25, 0.125), rank(2, 0.25, 0.0625, 0.03125)}};
  report.repetitions[0][0].transferCtas = 4;
  report.repetitions[0][1].smMargin = 8;
  EXPECT_NE(summaryText(report).find("\n  multiprocessors 4 for a transfer, attention leaves 8\n"), std::string::npos);
}

} // namespace
