// A program whose ranks communicate: figures, links and faults.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/tools/rondo-run/rondo_run.h"

#include <fstream>
#include <iterator>
#include <jansson.h>
#include <memory>

using namespace rondo::test;

namespace {

using Arguments = std::vector<std::string>;

class Communication : public RondoRun {
protected:
  /// 1000 rows of 8 floats on 4 ranks: blocks of 8000 bytes.
  static Arguments ring(const Arguments &options) {
    Arguments arguments = {ringProgram, "--ranks=4", "--length=s0=1000"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }

  /// A figure of one rank in what --json wrote; of a time, its median.
  double figure(size_t rank, const char *name) {
    std::unique_ptr<json_t, void (*)(json_t *)> root(json_loads(folder.read("run.json").c_str(), 0, nullptr),
                                                     [](json_t *node) { json_decref(node); });
    json_t *value = json_object_get(json_array_get(json_object_get(root.get(), "per_rank"), rank), name);
    return json_number_value(json_is_object(value) ? json_object_get(value, "median") : value);
  }
};

TEST_F(Communication, AgreesWithFloat64OnAnyRanks) {
  for (int ranks : {1, 2, 3, 4, 7, 8})
    for (int length : {1, 5, 61}) {
      Outcome outcome =
          run({ringProgram, "--check", "--ranks=" + std::to_string(ranks), "--length=s0=" + std::to_string(length)});
      EXPECT_EQ(outcome.status, 0) << outcome.errors << outcome.output;
    }
}

TEST_F(Communication, CountsBytesAndMessages) {
  expectSuccess(ring({"--json=run.json"}));
  for (size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(figure(rank, "bytes_sent"), 3 * 8000);
    EXPECT_EQ(figure(rank, "messages_sent"), 3);
    EXPECT_EQ(figure(rank, "arena_bytes"), 2 * 8000 + 32);
  }
}

// The README lists the keys of what --json writes.
TEST_F(Communication, KeysOfTheReportAreDocumented) {
  expectSuccess(ring({"--json=run.json", "--check"}));
  std::unique_ptr<json_t, void (*)(json_t *)> root(json_loads(folder.read("run.json").c_str(), 0, nullptr),
                                                   [](json_t *node) { json_decref(node); });
  std::ifstream file(RONDO_RUN_README);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  size_t begin = text.find("## What `--json` writes");
  std::string section = text.substr(begin, text.find("\n## ", begin) - begin);
  for (json_t *node : {root.get(), json_array_get(json_object_get(root.get(), "per_rank"), 3),
                       json_array_get(json_object_get(root.get(), "check"), 0)}) {
    EXPECT_TRUE(json_is_object(node));
    for (void *at = json_object_iter(node); at; at = json_object_iter_next(node, at))
      EXPECT_NE(section.find(std::string("`") + json_object_iter_key(at) + "`"), std::string::npos)
          << json_object_iter_key(at) << " is not in the README";
  }
}

TEST_F(Communication, ALinkTakesItsTime) {
  // 3 hops, one after the other, of 2 ms + 8000 B / 4 MB/s = 4 ms.
  for (const char *communicator : {"--communicator=threads", "--communicator=loopback"}) {
    expectSuccess(ring({communicator, "--link=2000,0.004", "--json=run.json"}));
    EXPECT_GE(figure(0, "total_s"), 0.012);
    EXPECT_LT(figure(0, "total_s"), 2);
    EXPECT_GE(figure(0, "exposed_s"), 0.010) << "there is next to nothing to hide it behind";
  }
}

TEST_F(Communication, AFaultInATransferNamesItsPlace) {
  expectError(1, ring({"--inject=fail@1,block,2"}), {"rank 1", "'block'", "step 2"});
  expectError(1, ring({"--inject=stall@2,block,1", "--timeout=0.3"}), {"'block'", "rank 2", "step 1", "0.3 s"});
  expectError(1, ring({"--communicator=loopback", "--inject=stall@0,block,1", "--timeout=0.3"}),
              {"'block'", "step 1", "0.3 s"});
}

} // namespace
