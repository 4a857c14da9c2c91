// The C++ header: what it throws, who owns what, and that it passes on every argument.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/rondo.hpp"

#include "support.h"

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using rondo_test::fixture;

namespace {

constexpr std::int64_t kColumns = 8;
using Floats = std::vector<float>;

/// The program adds to each row the sum of all rows.
Floats expected(const Floats &x) {
  Floats y = x;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t row = i % kColumns; row < x.size(); row += kColumns)
      y[i] += x[row];
  return y;
}

Floats numbers(std::int64_t rows) {
  Floats x(static_cast<std::size_t>(rows * kColumns));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i * 7 % 23) - 11.0f;
  return x;
}

/// The error that `call` throws.
template <typename Call>
rondo::Error thrown(Call call) {
  try {
    call();
  } catch (const rondo::Error &error) {
    return error;
  }
  return rondo::Error(RONDO_OK, "nothing was thrown");
}

TEST(CppApi, Runs) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  rondo::Communicator ranks(context, 3);
  Floats x = numbers(10), y(x.size());
  rondo::run(program, ranks, {{x.data(), {10, kColumns}}}, {{y.data(), {10, kColumns}}});
  EXPECT_EQ(y, expected(x));
  EXPECT_GT(ranks.statistics(0).bytes_sent, 0);
  EXPECT_NE(program.manifest().find("ring_sum"), std::string::npos);
}

TEST(CppApi, NamesTheFunction) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  rondo::Communicator ranks(context, 2);
  Floats x = numbers(4), y(x.size());
  rondo::run(program, ranks, {{x.data(), {4, kColumns}}}, {{y.data(), {4, kColumns}}}, "ring_sum");
  EXPECT_EQ(y, expected(x));
  rondo::Error error =
      thrown([&] { rondo::run(program, ranks, {{x.data(), {4, kColumns}}}, {{y.data(), {4, kColumns}}}, "no_such"); });
  EXPECT_EQ(error.status(), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.what()).find("no_such"), std::string::npos) << error.what();
}

TEST(CppApi, KeepsTheContextAliveInAnyOrder) {
  std::optional<rondo::Context> context(std::in_place);
  std::optional<rondo::Program> program(std::in_place, *context, fixture("ring_sum"));
  rondo::Communicator ranks(*context, 2);
  context.reset();
  rondo::Program moved = std::move(*program);
  program.reset();
  Floats x = numbers(3), y(x.size());
  rondo::run(moved, ranks, {{x.data(), {3, kColumns}}}, {{y.data(), {3, kColumns}}});
  EXPECT_EQ(y, expected(x));
}

TEST(CppApi, Strides) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  rondo::Communicator ranks(context, 2);
  Floats x = numbers(5), wide(x.size() * 2), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    wide[i / kColumns * 2 * kColumns + i % kColumns] = x[i];
  rondo::run(program, ranks, {{wide.data(), {5, kColumns}, {2 * kColumns, 1}}}, {{y.data(), {5, kColumns}}});
  EXPECT_EQ(y, expected(x));
  EXPECT_STREQ(thrown([&] { rondo::Input(wide.data(), {5, kColumns}, {1}); }).what(),
               "a tensor of 2 dimensions has 1 strides; expected one for each");
}

TEST(CppApi, PlacedShards) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  rondo::Communicator ranks(context, 2);
  Floats x = numbers(5), y(x.size()); // 3 rows and 2
  float *tail = y.data() + 3 * kColumns;
  std::vector<rondo::Input> from = {{x.data(), {3, kColumns}}, {x.data() + 3 * kColumns, {2, kColumns}}};
  rondo::runShards(program, ranks, from, {{y.data(), {3, kColumns}}, {tail, {2, kColumns}}});
  EXPECT_EQ(y, expected(x));
  EXPECT_STREQ(thrown([&] { rondo::runShards(program, ranks, from, {{y.data(), {3, kColumns}}}); }).what(),
               "2 input and 1 output shards were given; expected as many for each of 2 ranks");
}

TEST(CppApi, LoopbackPlacesRankZeroAlone) {
  rondo::Context context;
  rondo_communicator_options options = rondo::communicatorOptions(4);
  options.kind = RONDO_COMMUNICATOR_LOOPBACK;
  EXPECT_EQ(rondo::Communicator(context, options).placedRanks(), 1u);
  EXPECT_EQ(rondo::Communicator(context, 4).placedRanks(), 4u);
}

TEST(CppApi, Reference) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  Floats x = numbers(4);
  std::vector<double> wide(x.begin(), x.end()), y(x.size());
  rondo::runReference(program, {{wide.data(), {4, kColumns}}}, {{y.data(), {4, kColumns}}});
  EXPECT_EQ(Floats(y.begin(), y.end()), expected(x));
}

TEST(CppApi, ThrowsWhatTheRuntimeSays) {
  rondo::Context context;
  rondo::Error missing = thrown([&] { rondo::Program(context, fixture("no_such_program")); });
  EXPECT_EQ(missing.status(), RONDO_SYSTEM_ERROR);
  EXPECT_NE(std::string(missing.what()).find("no_such_program"), std::string::npos) << missing.what();
  EXPECT_EQ(thrown([&] { rondo::Program(context, fixture("wrong_abi")); }).status(), RONDO_INVALID_PROGRAM);
  EXPECT_EQ(thrown([&] { rondo::Communicator(context, 0); }).status(), RONDO_INVALID_ARGUMENT);
  rondo::Communicator ranks(context, 2);
  EXPECT_EQ(thrown([&] { ranks.statistics(2); }).status(), RONDO_INVALID_ARGUMENT);
}

TEST(CppApi, Trace) {
  rondo::Context context;
  rondo::Program program(context, fixture("ring_sum"));
  rondo::Communicator ranks(context, 2);
  EXPECT_EQ(thrown([&] { ranks.writeTrace("unwritten.json"); }).status(), RONDO_INVALID_ARGUMENT); // nothing recorded
  ranks.trace(true);
  Floats x = numbers(4), y(x.size());
  rondo::run(program, ranks, {{x.data(), {4, kColumns}}}, {{y.data(), {4, kColumns}}});
  ranks.trace(false);
  std::string path = testing::TempDir() + "rondo_hpp_test_trace.json";
  ranks.writeTrace(path);
  std::ifstream file(path);
  std::string line;
  EXPECT_TRUE(std::getline(file, line)) << path;
  EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST(CppApi, ElementTypes) {
  float *floats = nullptr;
  double *doubles = nullptr;
  EXPECT_EQ(rondo::Input(floats, {0}).view().dtype.bits, 32);
  EXPECT_EQ(rondo::Output(doubles, {0}).view().dtype.bits, 64);
  DLDataType type = rondo::Input(nullptr, rondo::bfloat16, {0}).view().dtype;
  EXPECT_EQ(type.code, kDLBfloat);
  EXPECT_EQ(type.bits, 16);
}

} // namespace
