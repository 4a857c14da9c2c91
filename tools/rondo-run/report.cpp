// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/report.h"

#include "tools/rondo-run/text.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace rondo::run {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// For each repetition the largest of `figure` among the ranks.
template <typename Figure>
static std::vector<double> largestOfRanks(const Report &report, Figure figure) {
  std::vector<double> values;
  for (const RunStatistics &ranks : report.repetitions) {
    double largest = 0;
    for (const rondo_rank_statistics &rank : ranks)
      largest = std::max(largest, double(figure(rank)));
    values.push_back(largest);
  }
  return values;
}

/// How many GPUs the ranks of one process have, if several: " on 2 GPUs".
static std::string devicesText(const Report &report) {
  size_t count = std::set<int32_t>(report.devices.begin(), report.devices.end()).size();
  return count > 1 && report.options->communicator == Communicator::Threads ? concat(" on ", count, " GPUs") : "";
}

std::string headlineText(const Report &report) {
  const Plan &plan = *report.plan;
  std::vector<std::string> parts = {concat(plan.ranks, plan.ranks == 1 ? " rank" : " ranks", " (",
                                           communicatorName(report.options->communicator), ")", devicesText(report)),
                                    report.manifest->target};
  if (report.options->threadsPerRank > 1)
    parts.insert(parts.begin() + 1, concat(report.options->threadsPerRank, " threads per rank"));
  for (const Schedule &schedule : plan.function->schedules)
    if (std::find(parts.begin(), parts.end(), schedule.schedule) == parts.end())
      parts.push_back(schedule.schedule);
  if (report.options->link)
    parts.push_back(
        concat("link ", report.options->link->latencyUs, " us, ", report.options->link->gigabytesPerSecond, " GB/s"));
  return concat(plan.function->name, ": ", join(parts, ", "));
}

std::string lastRunText(const Report &report) {
  rondo_rank_statistics slowest = {};
  for (const rondo_rank_statistics &rank : report.repetitions.back())
    if (rank.total > slowest.total)
      slowest = rank;
  return concat(
      "total ", timeText(slowest.total), ", of which compute waits for communication ", timeText(slowest.exposed), " (",
      timeText(slowest.exposed_tail), " in the tail)",
      report.options->communicator == Communicator::Loopback ? concat("; rank 0 stands for all ", report.plan->ranks)
      : report.clockUncertainty > 0 ? concat("; the ranks' clocks agree within ", timeText(report.clockUncertainty))
                                    : "");
}

static std::string inputsText(const Report &report) {
  std::string text;
  for (const PlannedInput &input : report.plan->inputs) {
    std::string origin = input.file ? input.file->path() : concat("random, seed ", report.options->seed);
    if (!input.file && input.amplitude != 1)
      origin += concat(", amplitude ", input.amplitude);
    text += concat("  ", input.spec->name, " ", elementTypeName(input.spec->type), " ", shapeText(input.shape), "  ",
                   origin, "\n");
  }
  return text;
}

/// "median 1.2 ms, min 1.1 ms"; just the time if there is one.
static std::string timesText(const std::vector<double> &seconds) {
  if (seconds.size() == 1)
    return timeText(seconds.front());
  return concat("median ", timeText(median(seconds)), ", min ",
                timeText(*std::min_element(seconds.begin(), seconds.end())));
}

/// What transfers take of a GPU; nothing where copy engines carry them.
static std::string multiprocessorsText(const Report &report) {
  int32_t margin = 0, taken = 0;
  for (const RankFigures &rank : report.repetitions.back()) {
    margin = std::max(margin, rank.smMargin);
    taken = std::max(taken, rank.transferCtas);
  }
  if (margin == 0 && taken == 0)
    return "";
  return concat("  multiprocessors ", taken, " for a transfer, attention leaves ", margin, "\n");
}

static std::string figuresText(const Report &report) {
  using Rank = const rondo_rank_statistics &;
  auto times = [&](auto figure) { return timesText(largestOfRanks(report, figure)); };
  auto bytes = [&](auto figure) { return bytesText(median(largestOfRanks(report, figure))); };
  size_t runs = report.repetitions.size();
  double messages = median(largestOfRanks(report, [](Rank rank) { return rank.messages_sent; }));
  // A graph is measured as a whole.
  std::string parts =
      report.options->graph
          ? concat("  graph           ", report.graphs.captured, " captured, ", report.graphs.replayed, " replayed\n")
          : concat("  compute         ", times([](Rank rank) { return rank.compute; }), "\n", "  exposed steady  ",
                   times([](Rank rank) { return rank.exposed - rank.exposed_tail; }), "\n", "  exposed tail    ",
                   times([](Rank rank) { return rank.exposed_tail; }), "\n");
  return concat("  total           ", times([](Rank rank) { return rank.total; }),
                runs > 1 ? concat("  (", runs, " runs)") : "", "\n", parts, "  sent            ",
                bytes([](Rank rank) { return rank.bytes_sent; }), " in ", messages, " messages from each rank\n",
                "  arena           ", bytes([](Rank rank) { return rank.arena_bytes; }), " on each rank\n",
                multiprocessorsText(report));
}

std::string summaryText(const Report &report) {
  return headlineText(report) + "\n" + inputsText(report) + figuresText(report);
}

std::string checkText(const Report &report) {
  std::string text;
  int64_t failed = 0;
  for (const CheckedOutput &output : report.checks) {
    const Comparison &comparison = output.comparison;
    bool logSumExp = comparison.tolerance.measure == Measure::LogSumExp;
    text += concat("  check ", output.name, "  ", logSumExp ? "log-sum-exp error " : "relative error ",
                   errorText(comparison.error), ", tolerance ", errorText(comparison.tolerance.bound), ": ",
                   output.failure.empty() ? "ok" : "FAILED", "\n");
    failed += !output.failure.empty();
  }
  text += failed ? concat("check failed: ", failed, " of ", report.checks.size(), " outputs\n") : "check passed\n";
  return text;
}

} // namespace rondo::run
