// Traces: events through the visitor, the same as valid JSON, a lane for each stream of each rank, and no file where
// one cannot be written.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ring_sum.h"

#include "rondo/abi.h"

#include <jansson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

using namespace rondo_test;
namespace fs = std::filesystem;

namespace {

class Trace : public RingSum {
protected:
  Trace() {
    std::string pattern = (fs::temp_directory_path() / "rondo-trace-XXXXXX").string();
    directory = mkdtemp(pattern.data());
  }
  ~Trace() override {
    json_decref(trace);
    fs::remove_all(directory);
  }

  void record(rondo_communicator *communicator) {
    ASSERT_EQ(rondo_trace_enable(context.get(), communicator, 1), RONDO_OK) << error();
    ASSERT_EQ(runRows(communicator, 61), RONDO_OK) << error();
    ASSERT_EQ(rondo_trace_enable(context.get(), communicator, 0), RONDO_OK) << error();
  }
  void write(rondo_communicator *communicator) {
    const std::string path = (directory / "trace.json").string();
    ASSERT_EQ(rondo_trace_write(context.get(), communicator, path.c_str()), RONDO_OK) << error();
    json_error_t problem;
    json_decref(trace);
    trace = json_load_file(path.c_str(), 0, &problem);
    ASSERT_NE(trace, nullptr) << problem.text << ", line " << problem.line;
    EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1)
        << "temporary files remain";
    readEvents();
  }
  void readEvents() {
    lanes.clear();
    events.clear();
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(trace, "traceEvents"), index, event) {
      std::string name = json_string_value(json_object_get(event, "name"));
      auto lane = json_integer_value(json_object_get(event, "tid"));
      if (name == "thread_name")
        lanes[lane] = json_string_value(json_object_get(json_object_get(event, "args"), "name"));
      if (std::string(json_string_value(json_object_get(event, "ph"))) == "X")
        events[lanes[lane]].push_back(event);
    }
  }
  std::multiset<std::string> names(const std::string &lane) {
    std::multiset<std::string> result;
    for (json_t *event : events[lane])
      result.insert(json_string_value(json_object_get(event, "name")));
    return result;
  }
  static json_int_t argument(json_t *event, const char *key) {
    return json_integer_value(json_object_get(json_object_get(event, "args"), key));
  }

  fs::path directory;
  json_t *trace = nullptr;
  std::map<json_int_t, std::string> lanes;
  std::map<std::string, std::vector<json_t *>> events;
};

TEST_F(Trace, OneProcessHasNothingToGather) {
  auto communicator = makeCommunicator(context.get(), Options(3));
  double uncertainty = -1;
  EXPECT_EQ(rondo_trace_gather(context.get(), communicator.get(), &uncertainty), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "no trace was recorded: call rondo_trace_enable first");
  EXPECT_EQ(rondo_trace_gather(context.get(), nullptr, nullptr), RONDO_INVALID_ARGUMENT);
  record(communicator.get());
  ASSERT_EQ(rondo_trace_gather(context.get(), communicator.get(), &uncertainty), RONDO_OK) << error();
  EXPECT_EQ(uncertainty, 0);
  write(communicator.get());
  EXPECT_EQ(lanes.size(), 6U);
  EXPECT_FALSE(events["rank 2 compute"].empty());
}

TEST_F(Trace, HasTwoLanesForEachRank) {
  auto communicator = makeCommunicator(context.get(), Options(3));
  record(communicator.get());
  write(communicator.get());
  ASSERT_EQ(lanes.size(), 6u);
  for (int rank = 0; rank < 3; ++rank) {
    std::string compute = "rank " + std::to_string(rank) + " compute";
    std::string communication = "rank " + std::to_string(rank) + " communication";
    EXPECT_EQ(names(compute).count("pack"), 1u);
    EXPECT_EQ(names(compute).count("accumulate"), 3u);
    EXPECT_EQ(names(compute).count("finish"), 1u);
    ASSERT_EQ(names(communication), (std::multiset<std::string>{"block", "block"}));
    int64_t bytes = 0;
    for (json_int_t step = 0; step < 2; ++step) {
      json_t *event = events[communication][static_cast<size_t>(step)];
      EXPECT_EQ(argument(event, "step"), step);
      EXPECT_EQ(argument(event, "peer"), (rank + 1) % 3);
      EXPECT_EQ(argument(event, "from"), (rank + 2) % 3);
      bytes += argument(event, "bytes");
    }
    EXPECT_EQ(bytes, statistics(communicator.get(), rank).bytes_sent);
  }
}

TEST_F(Trace, EventsOfALaneFollowEachOther) {
  Options options(3);
  options.link_latency_us = 2000;
  auto communicator = makeCommunicator(context.get(), options);
  record(communicator.get());
  write(communicator.get());
  for (const auto &[lane, list] : events) {
    double end = 0;
    for (json_t *event : list) {
      double begin = json_number_value(json_object_get(event, "ts"));
      EXPECT_GE(begin, end - 0.002) << lane; // times are rounded to nanoseconds, in microseconds
      end = begin + json_number_value(json_object_get(event, "dur"));
    }
  }
  EXPECT_GE(names("rank 0 compute").count("wait"), 1u); // no kernel here lasts 2 ms
  double exposed = 0;
  for (json_t *event : events["rank 0 compute"])
    if (std::string(json_string_value(json_object_get(event, "name"))) == "wait")
      exposed += json_number_value(json_object_get(event, "dur")) * 1e-6;
  EXPECT_NEAR(exposed, statistics(communicator.get(), 0).exposed, 1e-6);
}

TEST_F(Trace, VisitsTheEventsThatItWrites) {
  auto communicator = makeCommunicator(context.get(), Options(3));
  record(communicator.get());
  write(communicator.get());
  std::map<std::string, std::vector<rondo_trace_event>> visited;
  auto visit = [](const rondo_trace_event *event, void *user) {
    std::string stream = event->stream == RONDO_STREAM_COMPUTE ? " compute" : " communication";
    auto &lanes = *static_cast<std::map<std::string, std::vector<rondo_trace_event>> *>(user);
    lanes["rank " + std::to_string(event->rank) + stream].push_back(*event);
  };
  ASSERT_EQ(rondo_trace_events(context.get(), communicator.get(), visit, &visited), RONDO_OK) << error();
  ASSERT_EQ(visited.size(), 6u);
  for (const auto &[lane, list] : visited) {
    ASSERT_EQ(list.size(), events[lane].size()) << lane;
    for (size_t i = 0; i < list.size(); ++i) {
      EXPECT_EQ(list[i].size, sizeof(rondo_trace_event));
      EXPECT_STREQ(list[i].name, json_string_value(json_object_get(events[lane][i], "name")));
      EXPECT_EQ(list[i].step, argument(events[lane][i], "step"));
      EXPECT_NEAR(list[i].begin_ns * 1e-3, json_number_value(json_object_get(events[lane][i], "ts")), 1e-3);
      EXPECT_EQ(list[i].kind == RONDO_TRACE_EXCHANGE, list[i].bytes_sent > 0) << list[i].name;
      EXPECT_LE(list[i].begin_ns, list[i].end_ns);
    }
  }
}

TEST_F(Trace, RefusesToVisitNothing) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  auto ignore = [](const rondo_trace_event *, void *) {};
  EXPECT_EQ(rondo_trace_events(context.get(), communicator.get(), ignore, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "no trace was recorded: call rondo_trace_enable first");
  record(communicator.get());
  EXPECT_EQ(rondo_trace_events(context.get(), communicator.get(), nullptr, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "the trace's visitor is NULL");
  EXPECT_EQ(rondo_trace_events(context.get(), nullptr, ignore, nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rondo_trace_events(nullptr, communicator.get(), ignore, nullptr), RONDO_INVALID_ARGUMENT);
}

TEST_F(Trace, EndsAndBeginsAgain) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), "x"), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(error(), "no trace was recorded: call rondo_trace_enable first");
  record(communicator.get());
  EXPECT_EQ(runRows(communicator.get(), 61), RONDO_OK);
  write(communicator.get());
  EXPECT_EQ(names("rank 0 compute").count("pack"), 1u);
  record(communicator.get());
  write(communicator.get());
  EXPECT_EQ(names("rank 0 compute").count("pack"), 1u);
}

TEST_F(Trace, OutlivesItsProgram) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  record(communicator.get());
  program.reset();
  write(communicator.get());
  EXPECT_EQ(names("rank 1 compute").count("finish"), 1u);
}

TEST_F(Trace, ThatCannotBeWrittenLeavesNothing) {
  auto communicator = makeCommunicator(context.get(), Options(2));
  record(communicator.get());
  const std::string missing = (directory / "missing" / "trace.json").string();
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), missing.c_str()), RONDO_SYSTEM_ERROR);
  EXPECT_EQ(error(), "cannot write the trace '" + missing + "': No such file or directory");
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), directory.c_str()), RONDO_SYSTEM_ERROR);
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), "/dev/full"), RONDO_SYSTEM_ERROR);
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), ""), RONDO_SYSTEM_ERROR);
  EXPECT_EQ(rondo_trace_write(context.get(), communicator.get(), nullptr), RONDO_INVALID_ARGUMENT);
  EXPECT_TRUE(fs::is_empty(directory));
}

} // namespace
