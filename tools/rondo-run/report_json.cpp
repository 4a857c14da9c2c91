// The JSON form of a report.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/report.h"

#include "tools/rondo-run/output_file.h"

#include <cmath>
#include <cstdlib>
#include <jansson.h>
#include <memory>
#include <string_view>

namespace rondo::run {

/// JSON has neither NaN nor infinities: they become null.
static json_t *number(double value) { return std::isfinite(value) ? json_real(value) : json_null(); }

/// {"median": ..., "runs": [...]} of one figure of one rank.
template <typename Figure>
static json_t *timesJson(const Report &report, size_t rank, Figure figure) {
  std::vector<double> values;
  json_t *runs = json_array();
  for (const RunStatistics &ranks : report.repetitions) {
    values.push_back(figure(ranks[rank]));
    json_array_append_new(runs, number(values.back()));
  }
  json_t *times = json_object();
  json_object_set_new(times, "median", number(median(values)));
  json_object_set_new(times, "runs", runs);
  return times;
}

static json_t *rankJson(const Report &report, size_t rank) {
  using Rank = const rondo_rank_statistics &;
  const RankFigures &last = report.repetitions.back()[rank];
  json_t *node = json_object();
  // A graph is measured as a whole.
  auto times = [&](const char *key, auto figure) {
    bool measured = !report.options->graph || std::string_view(key) == "total_s";
    json_object_set_new(node, key, measured ? timesJson(report, rank, figure) : json_null());
  };
  json_object_set_new(node, "rank", json_integer(json_int_t(rank)));
  json_object_set_new(node, "device", rank < report.devices.size() ? json_integer(report.devices[rank]) : json_null());
  times("total_s", [](Rank figures) { return figures.total; });
  times("compute_s", [](Rank figures) { return figures.compute; });
  times("exposed_s", [](Rank figures) { return figures.exposed; });
  times("exposed_steady_s", [](Rank figures) { return figures.exposed - figures.exposed_tail; });
  times("exposed_tail_s", [](Rank figures) { return figures.exposed_tail; });
  times("communication_s", [](Rank figures) { return figures.communication; });
  json_object_set_new(node, "bytes_sent", json_integer(last.bytes_sent));
  json_object_set_new(node, "messages_sent", json_integer(last.messages_sent));
  json_object_set_new(node, "arena_bytes", json_integer(last.arena_bytes));
  json_object_set_new(node, "sm_margin", json_integer(last.smMargin));
  json_object_set_new(node, "transfer_ctas", json_integer(last.transferCtas));
  return node;
}

static json_t *graphsJson(const Report &report) {
  if (!report.options->graph)
    return json_null();
  json_t *node = json_object();
  json_object_set_new(node, "captured", json_integer(report.graphs.captured));
  json_object_set_new(node, "replayed", json_integer(report.graphs.replayed));
  return node;
}

static json_t *linkJson(const std::optional<Link> &link) {
  if (!link)
    return json_null();
  json_t *node = json_object();
  json_object_set_new(node, "latency_us", number(link->latencyUs));
  json_object_set_new(node, "gb_per_s", number(link->gigabytesPerSecond));
  return node;
}

static json_t *checksJson(const std::vector<CheckedOutput> &checks) {
  json_t *list = json_array();
  for (const CheckedOutput &output : checks) {
    const Comparison &comparison = output.comparison;
    json_t *node = json_object();
    bool logSumExp = comparison.tolerance.measure == Measure::LogSumExp;
    json_object_set_new(node, "output", json_string(output.name.c_str()));
    json_object_set_new(node, "measure", json_string(logSumExp ? "log-sum-exp" : "relative-norm"));
    json_object_set_new(node, "error", number(comparison.error));
    json_object_set_new(node, "element_error", number(comparison.elementError));
    json_object_set_new(node, "tolerance", number(comparison.tolerance.bound));
    json_object_set_new(node, "mismatches", json_integer(comparison.mismatches));
    json_object_set_new(node, "passed", json_boolean(output.failure.empty()));
    json_array_append_new(list, node);
  }
  return list;
}

static json_t *schedulesJson(const FunctionSpec &function) {
  json_t *list = json_array();
  for (const Schedule &schedule : function.schedules)
    json_array_append_new(list, json_string(schedule.schedule.c_str()));
  return list;
}

static json_t *reportJson(const Report &report) {
  const Options &options = *report.options;
  json_t *root = json_object();
  json_object_set_new(root, "program", json_string(options.program.c_str()));
  json_object_set_new(root, "function", json_string(report.plan->function->name.c_str()));
  json_object_set_new(root, "target", json_string(report.manifest->target.c_str()));
  json_object_set_new(root, "schedules", schedulesJson(*report.plan->function));
  json_object_set_new(root, "communicator", json_string(communicatorName(options.communicator)));
  json_object_set_new(root, "ranks", json_integer(report.plan->ranks));
  json_object_set_new(root, "threads_per_rank", json_integer(options.threadsPerRank));
  json_object_set_new(root, "link", linkJson(options.link));
  // As text: JSON readers that hold numbers as doubles would round it.
  json_object_set_new(root, "seed", json_string(std::to_string(options.seed).c_str()));
  json_t *lengths = json_object();
  for (const auto &[name, length] : report.plan->lengths)
    json_object_set_new(lengths, name.c_str(), json_integer(length));
  json_object_set_new(root, "lengths", lengths);
  json_object_set_new(root, "repeat", json_integer(options.repeat));
  bool isTraced = options.trace || options.timeline;
  json_object_set_new(root, "clock_uncertainty_s", isTraced ? number(report.clockUncertainty) : json_null());
  json_object_set_new(root, "graphs", graphsJson(report));
  json_t *ranks = json_array();
  for (size_t rank = 0; rank < report.repetitions.back().size(); ++rank)
    json_array_append_new(ranks, rankJson(report, rank));
  json_object_set_new(root, "per_rank", ranks);
  json_object_set_new(root, "check", options.check ? checksJson(report.checks) : json_null());
  return root;
}

Status writeJson(const std::string &path, const Report &report) {
  json_t *root = reportJson(report);
  std::unique_ptr<char, decltype(&std::free)> text(json_dumps(root, JSON_INDENT(2)), std::free);
  json_decref(root);
  if (!text)
    return Error{"cannot write '" + path + "': the report has text that is not UTF-8"};
  return writeTextFile(path, std::string(text.get()) + "\n");
}

} // namespace rondo::run
