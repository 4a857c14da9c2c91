// Runs that work, and checks and runs that fail as they should.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/tools/rondo-run/rondo_run.h"

#include <cmath>
#include <cstring>
#include <jansson.h>
#include <memory>

using namespace rondo::test;

namespace {

using Arguments = std::vector<std::string>;
using Json = std::unique_ptr<json_t, void (*)(json_t *)>;

class Run : public RondoRun {
protected:
  /// Runs a function of the sample on 3 ranks with 7 rows: shards of 3, 3 and 1.
  Arguments sample(const std::string &function, const Arguments &options = {}) {
    Arguments arguments = {sampleProgram, "--function=" + function, "--ranks=3", "--length=s0=7"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }

  Json load(const std::string &name) {
    return Json(json_loads(folder.read(name).c_str(), 0, nullptr), [](json_t *node) { json_decref(node); });
  }
};

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

TEST_F(Run, HelpAndVersion) {
  EXPECT_TRUE(contains(expectSuccess({"--help"}), "usage: rondo-run [options] program.so"));
  EXPECT_TRUE(contains(expectSuccess({"--version"}), "rondo-run 0.1, runtime 0.1"));
}

TEST_F(Run, HelpNamesEveryOption) {
  std::string help = expectSuccess({"--help"});
  for (const char *option : {"function",     "ranks",    "threads-per-rank",
                             "communicator", "link",     "timeout",
                             "inject",       "graph",    "input",
                             "output",       "length",   "seed",
                             "amplitude",    "check",    "tolerance",
                             "repeat",       "trace",    "timeline",
                             "json",         "describe", "help",
                             "version"})
    EXPECT_TRUE(contains(help, std::string("--") + option)) << option;
}

TEST_F(Run, DescribeIsReadable) {
  std::string text = expectSuccess({"--describe", sampleProgram});
  for (const char *part : {"target  cpu:test", "grid    @gpus [\"seq\" = ?]", "function copy_bf16",
                           "arg0  bf16 [1, 2, s0, 3]  dimension 2 over \"seq\"", "b, s0, s1 (bound at run time)"})
    EXPECT_TRUE(contains(text, part)) << part << "\nin\n" << text;
}

TEST_F(Run, DescribeAsJsonIsTheManifest) {
  folder.write("manifest.json", expectSuccess({"--describe=json", sampleProgram}));
  Json manifest = load("manifest.json");
  EXPECT_EQ(json_array_size(json_object_get(manifest.get(), "functions")), 8u);
}

TEST_F(Run, ChecksEveryElementType) {
  for (const char *function : {"copy_f32", "copy_f16", "copy_bf16"}) {
    std::string text = expectSuccess(sample(function, {"--check"}));
    EXPECT_TRUE(contains(text, "check result0  relative error 0.00e+00")) << text;
    EXPECT_TRUE(contains(text, "check passed")) << text;
  }
}

TEST_F(Run, AnyLengthOnAnyRanks) {
  for (int length : {0, 1, 2, 5, 16})
    for (int ranks : {1, 2, 5, 8})
      EXPECT_TRUE(contains(expectSuccess({sampleProgram, "--function=copy_f32", "--check",
                                          "--ranks=" + std::to_string(ranks), "--length=s0=" + std::to_string(length)}),
                           "check passed"));
}

TEST_F(Run, RanksDefaultToTheStaticGrid) {
  std::string text = expectSuccess({staticSampleProgram, "--function=copy_f32", "--length=s0=7"});
  EXPECT_TRUE(contains(text, "4 ranks (threads)")) << text;
  EXPECT_TRUE(contains(expectSuccess({sampleProgram, "--function=copy_f32", "--length=s0=7"}), "1 rank (threads)"));
}

TEST_F(Run, FilesPassThrough) {
  std::vector<float> values(24);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i) / 4; // exact in every type
  std::string file = npyOfFloats({1, 2, 4, 3}, values);
  folder.write("in.npy", file);
  for (const char *function : {"copy_f32", "copy_bf16"}) {
    expectSuccess({sampleProgram, std::string("--function=") + function, "--ranks=3", "--input", "arg0=in.npy",
                   "--output", "result0=out.npy"});
    std::string out = folder.read("out.npy");
    ASSERT_GT(out.size(), 96u);
    EXPECT_EQ(out.substr(out.size() - 96), file.substr(file.size() - 96)) << function;
    EXPECT_TRUE(contains(out, "'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 4, 3)"));
  }
  expectSuccess({sampleProgram, "--function=copy_f16", "--input", "arg0=in.npy", "--output", "result0=half.npy"});
  EXPECT_TRUE(contains(folder.read("half.npy"), "'<f2'"));
  // What was written as float16 can be read as such.
  EXPECT_TRUE(contains(expectSuccess({sampleProgram, "--function=copy_f16", "--input", "arg0=half.npy", "--check"}),
                       "check passed"));
}

TEST_F(Run, SeedsDecideTheData) {
  auto outputOf = [&](const std::string &seed, const std::string &ranks) {
    expectSuccess({sampleProgram, "--function=copy_f32", "--length=s0=7", seed, ranks, "--output=result0=out.npy"});
    return folder.read("out.npy");
  };
  std::string first = outputOf("--seed=1", "--ranks=1");
  EXPECT_EQ(first, outputOf("--seed=1", "--ranks=3"));
  EXPECT_NE(first, outputOf("--seed=2", "--ranks=1"));
}

TEST_F(Run, AmplitudesMultiply) {
  auto elementOf = [&](const Arguments &options) {
    expectSuccess(sample("copy_f32", options));
    std::string out = folder.read("out.npy");
    float value = 0;
    std::memcpy(&value, out.data() + out.size() - sizeof value, sizeof value);
    return value;
  };
  float one = elementOf({"--output=result0=out.npy"});
  EXPECT_EQ(elementOf({"--output=result0=out.npy", "--amplitude=4"}), 4 * one);
  EXPECT_EQ(elementOf({"--output=result0=out.npy", "--amplitude=4", "--amplitude=arg0=-2"}), -8 * one);
}

TEST_F(Run, AWrongResultFailsTheCheck) {
  Outcome outcome = run(sample("one_wrong", {"--check", "--output=result0=out.npy", "--json=run.json"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(contains(outcome.output, "check failed: 1 of 1 outputs")) << outcome.output;
  EXPECT_TRUE(contains(outcome.errors, "rondo-run: error: check of result0: error")) << outcome.errors;
  EXPECT_TRUE(contains(outcome.errors, "100 at [0, 0, ")) << outcome.errors;
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"out.npy", "run.json"})); // for looking into
  Json report = load("run.json");
  EXPECT_TRUE(json_is_false(json_object_get(json_array_get(json_object_get(report.get(), "check"), 0), "passed")));
  EXPECT_EQ(run(sample("one_wrong", {"--check", "--tolerance=100"})).status, 0); // the bound is what decides
}

TEST_F(Run, ANaNFailsTheCheck) {
  Outcome outcome = run(sample("one_nan", {"--check", "--tolerance=1e9"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(contains(outcome.errors, "3 of 42 elements differ from the reference in being NaN or infinite"))
      << outcome.errors;
}

TEST_F(Run, AnOutputThatIsNeverWrittenFailsTheCheck) {
  Outcome outcome = run(sample("no_output", {"--check", "--repeat=2", "--tolerance=1e9"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(contains(outcome.errors, "42 of 42 elements differ")) << outcome.errors;
}

TEST_F(Run, NaNsAndInfinitiesOfTheInputAreExpected) {
  std::vector<float> values(24, 1);
  values[3] = NAN;
  values[5] = -INFINITY;
  folder.write("in.npy", npyOfFloats({1, 2, 4, 3}, values));
  EXPECT_TRUE(contains(expectSuccess({sampleProgram, "--function=copy_f16", "--check", "--input=arg0=in.npy"}),
                       "check passed"));
}

TEST_F(Run, ReportsEveryRankAndRepetition) {
  std::string text = expectSuccess(sample("copy_f32", {"--repeat=4", "--link=2.5,10", "--json=run.json", "--check"}));
  EXPECT_TRUE(contains(text, "(4 runs)")) << text;
  EXPECT_TRUE(contains(text, "link 2.5 us, 10 GB/s")) << text;
  Json report = load("run.json");
  ASSERT_TRUE(report);
  json_t *ranks = json_object_get(report.get(), "per_rank");
  ASSERT_EQ(json_array_size(ranks), 3u);
  for (const char *figure :
       {"total_s", "compute_s", "exposed_s", "exposed_steady_s", "exposed_tail_s", "communication_s"}) {
    json_t *times = json_object_get(json_array_get(ranks, 2), figure);
    EXPECT_EQ(json_array_size(json_object_get(times, "runs")), 4u) << figure;
    EXPECT_TRUE(json_is_real(json_object_get(times, "median"))) << figure;
  }
  json_t *totals = json_object_get(json_array_get(ranks, 0), "total_s");
  std::vector<double> sorted;
  for (size_t i = 0; i < 4; ++i)
    sorted.push_back(json_real_value(json_array_get(json_object_get(totals, "runs"), i)));
  std::sort(sorted.begin(), sorted.end());
  EXPECT_GT(sorted[0], 0);
  EXPECT_DOUBLE_EQ(json_real_value(json_object_get(totals, "median")), (sorted[1] + sorted[2]) / 2);
  EXPECT_EQ(json_integer_value(json_object_get(json_object_get(report.get(), "lengths"), "s0")), 7);
  EXPECT_EQ(json_real_value(json_object_get(json_object_get(report.get(), "link"), "latency_us")), 2.5);
  EXPECT_TRUE(json_is_true(json_object_get(json_array_get(json_object_get(report.get(), "check"), 0), "passed")));
}

TEST_F(Run, LoopbackReportsItsOneRank) {
  EXPECT_TRUE(contains(expectSuccess(sample("copy_f32", {"--communicator=loopback", "--json=run.json"})),
                       "3 ranks (loopback)"));
  EXPECT_EQ(json_array_size(json_object_get(load("run.json").get(), "per_rank")), 1u);
}

TEST_F(Run, TraceIsOfTheLastRun) {
  expectSuccess(sample("copy_f32", {"--repeat=3", "--trace=trace.json"}));
  EXPECT_TRUE(load("trace.json"));
  std::string trace = folder.read("trace.json");
  size_t kernels = 0;
  for (size_t at = trace.find("\"copy\""); at != std::string::npos; at = trace.find("\"copy\"", at + 1))
    ++kernels;
  EXPECT_EQ(kernels, 3u) << trace; // one on each rank
  EXPECT_EQ(folder.files(), std::vector<std::string>{"trace.json"});
}

TEST_F(Run, ThreadsDoNotChangeABit) {
  Arguments arguments = {ringProgram, "--ranks=3", "--length=s0=61", "--check"};
  auto outputOf = [&](const std::string &threads) {
    Arguments shared = arguments;
    shared.insert(shared.end(), {"--threads-per-rank=" + threads, "--output=y=y.npy", "--json=summary.json"});
    std::string text = expectSuccess(shared);
    EXPECT_EQ(contains(text, ", " + threads + " threads per rank, "), threads != "1") << text;
    Json summary = load("summary.json");
    json_t *count = json_object_get(summary.get(), "threads_per_rank");
    EXPECT_EQ(std::to_string(json_integer_value(count)), threads);
    return folder.read("y.npy");
  };
  std::string alone = outputOf("1");
  EXPECT_EQ(outputOf("2"), alone);
  EXPECT_EQ(outputOf("5"), alone);
}

TEST_F(Run, TimelineDrawsTheLastRun) {
  expectSuccess(sample("copy_f32", {"--repeat=3", "--link=7,2", "--timeline=t.svg"}));
  std::string picture = folder.read("t.svg");
  EXPECT_TRUE(contains(picture, ">copy_f32: 3 ranks (threads), cpu:test, link 7 us, 2 GB/s</text>")) << picture;
  for (const char *rank : {">rank 0<", ">rank 1<", ">rank 2<"})
    EXPECT_TRUE(contains(picture, rank)) << picture;
  size_t kernels = 0;
  for (size_t at = picture.find("<title>copy,"); at != std::string::npos; at = picture.find("<title>copy,", at + 1))
    ++kernels;
  EXPECT_EQ(kernels, 3u) << picture; // one on each rank
  EXPECT_EQ(folder.files(), std::vector<std::string>{"t.svg"});
}

TEST_F(Run, TimelineOfLoopbackShowsTheRankThatStandsForAll) {
  expectSuccess({ringProgram, "--ranks=5", "--length=s0=40", "--communicator=loopback", "--timeline=t.svg"});
  std::string picture = folder.read("t.svg");
  EXPECT_TRUE(contains(picture, "rank 0 stands for all 5</text>")) << picture;
  EXPECT_TRUE(contains(picture, ">rank 0<")) << picture;
  EXPECT_FALSE(contains(picture, ">rank 1<")) << picture;
}

TEST_F(Run, AnInjectedFailureEndsTheRunWithItsPlace) {
  expectError(1, sample("copy_f32", {"--inject=fail@1,copy,0", "--output=result0=out.npy"}),
              {"rank 1", "copy", "step 0"});
}

TEST_F(Run, AnInjectedStallEndsWithinTheTimeOut) {
  expectError(1, sample("copy_f32", {"--inject=stall@2,copy,0", "--timeout=0.2", "--output=result0=out.npy"}),
              {"rank 2", "copy", "step 0"});
}

TEST_F(Run, AnInjectionThatHitsNothingIsAnError) {
  expectError(1, sample("copy_f32", {"--inject=fail@1,coppy,0"}), {"'fail@1,coppy,0' met nothing"});
}

} // namespace
