// What the runtime tells a tool that understands NVTX, here a library that records it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"
#include "ring_sum.h"

extern "C" {
#include "runtime/src/nvtx.h"
}

#include <dlfcn.h>
#include <map>
#include <sstream>

using namespace rondo_test;

namespace {

std::string library(const char *name) { return std::string(RONDO_FIXTURES) + "/" + name + ".so"; }

/// Before the first communicator of the process looks at it.
const bool environmentIsSet = setenv("NVTX_INJECTION64_PATH", library("nvtx_recorder").c_str(), 1) == 0;

/// What the tool was told, by thread.
struct Recording {
  std::map<std::string, std::string> names;              ///< of threads
  std::map<std::string, std::vector<std::string>> lines; ///< of the thread of that name, without the thread

  static Recording take() {
    void *tool = dlopen(library("nvtx_recorder").c_str(), RTLD_NOW | RTLD_NOLOAD);
    EXPECT_TRUE(tool);
    auto read = reinterpret_cast<const char *(*)()>(dlsym(tool, "recorder_take"));
    Recording recording;
    std::istringstream stream(read());
    for (std::string line; std::getline(stream, line);)
      recording.add(line);
    return recording;
  }

  void add(const std::string &line) {
    std::string thread = line.substr(0, line.find(' ')), rest = line.substr(line.find(' ') + 1);
    EXPECT_NE(rest, "wrong");
    std::string naming = "thread " + thread + " ";
    if (rest.rfind(naming, 0) == 0)
      names[thread] = rest.substr(naming.size());
    else
      lines[names.count(thread) ? names[thread] : "other"].push_back(rest);
  }

  /// The ranges of a thread, each behind those that it is in; fails unless each ends.
  std::vector<std::string> nested(const std::string &thread) {
    std::vector<std::string> open, result;
    for (const std::string &line : lines[thread]) {
      if (line == "pop") {
        EXPECT_FALSE(open.empty()) << "a range that has not begun ends";
        if (!open.empty())
          open.pop_back();
        continue;
      }
      EXPECT_EQ(line.rfind("push rondo ", 0), 0u) << line;
      open.push_back(line.substr(line.find("push rondo ") + 11));
      std::string path;
      for (const std::string &range : open)
        path += (path.empty() ? "" : " > ") + range;
      result.push_back(path);
    }
    EXPECT_TRUE(open.empty()) << "the ranges of '" << thread << "' do not all end";
    return result;
  }
};

class Nvtx : public RingSum {};

// The number before a text is its category: 1 run, 2 step, 3 kernel, 4 exchange, 5 wait; the next one its payload.
TEST_F(Nvtx, RangesOfARun) {
  ASSERT_TRUE(environmentIsSet);
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  ASSERT_EQ(runRows(communicator.get(), 5), RONDO_OK) << error();
  communicator.reset(); // its threads have said all
  Recording recording = Recording::take();
  for (int rank = 0; rank < 2; ++rank) {
    std::string number = std::to_string(rank), run = "1 " + number + " ring_sum";
    std::vector<std::string> ranges;
    for (const std::string &range : recording.nested("rank " + number + " compute"))
      if (range.find("wait") == std::string::npos) // it waits if the other is slow
        ranges.push_back(range);
    ASSERT_GE(ranges.size(), 4U);
    EXPECT_EQ(ranges[0], run);
    EXPECT_EQ(ranges[1], run + " > 3 0 pack"); // before the first step
    EXPECT_EQ(ranges[2], run + " > 2 " + number + " rank " + number + " step 0");
    EXPECT_EQ(ranges[3].rfind(ranges[2] + " > 3 0 ", 0), 0U) << ranges[3];
    EXPECT_EQ(recording.nested("rank " + number + " communication"), std::vector<std::string>{"4 0 block"});
  }
  std::vector<std::string> categories;
  for (const std::string &line : recording.lines["other"])
    categories.push_back(line);
  EXPECT_EQ(categories,
            (std::vector<std::string>{"category rondo 1 run", "category rondo 2 step", "category rondo 3 kernel",
                                      "category rondo 4 exchange", "category rondo 5 wait"}));
}

// Every range ends, whatever happens in it.
TEST_F(Nvtx, RangesOfRunsThatFail) {
  for (const char *inject : {"fail@1,block,1", "fail@0,accumulate,1", "stall@1,block,1"}) {
    Options options(3);
    options.inject = inject;
    options.timeout_s = 0.3;
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
    EXPECT_NE(runRows(communicator.get(), 5), RONDO_OK) << inject;
    communicator.reset();
    Recording recording = Recording::take();
    for (int rank = 0; rank < 3; ++rank) {
      EXPECT_FALSE(recording.nested("rank " + std::to_string(rank) + " compute").empty());
      recording.nested("rank " + std::to_string(rank) + " communication");
    }
  }
}

TEST_F(Cuda, RangesOfARun) {
  ASSERT_TRUE(environmentIsSet);
  Handle<rondo_program> program = load("cuda_d64");
  Handle<rondo_communicator> communicator = makeCommunicator(context.get(), Options(2));
  {
    CudaAttention whole(context.get(), communicator.get(), {1, 1, 1, 9, 21, 64});
    ASSERT_EQ(run(program.get(), communicator.get(), whole, "kv_ring"), RONDO_OK) << error();
  }
  communicator.reset();
  Recording recording = Recording::take();
  std::vector<std::string> ranges = recording.nested("rank 1 compute");
  std::string run = "1 1 kv_ring", step = run + " > 2 1 rank 1 step ";
  EXPECT_EQ(ranges[0], run);
  for (const char *expected : {"0 > 3 0 attend", "0 > 4 0 key+value", "1 > 3 1 attend", "1 > 3 1 merge"})
    EXPECT_NE(std::find(ranges.begin(), ranges.end(), step + expected), ranges.end()) << expected;
}

TEST(NvtxTool, LibrariesThatAreNoTools) {
  if (nvtx_attached)
    GTEST_SKIP() << "in a process that has one already";
  EXPECT_FALSE(nvtx_attach("/nowhere/tool.so"));
  EXPECT_FALSE(nvtx_attach("libm.so.6"));
  EXPECT_FALSE(nvtx_attach(library("nvtx_refuser").c_str()));
  EXPECT_FALSE(nvtx_attached);
}

} // namespace
