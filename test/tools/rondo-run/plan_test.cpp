// Grids that the fixtures of the other tests do not have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/plan.h"

#include <gtest/gtest.h>

using namespace rondo::run;

namespace {

Manifest manifestWith(std::optional<Grid> grid) {
  Manifest manifest;
  manifest.grid = std::move(grid);
  manifest.functions.push_back(FunctionSpec{"f", {}, {}, {}, {}, "", ""});
  return manifest;
}

/// The number of ranks that is planned for --ranks=`ranks`, or the error.
std::string plannedRanks(const Manifest &manifest, std::optional<int32_t> ranks) {
  Options options;
  options.ranks = ranks;
  Result<Plan> plan = planRun(options, manifest);
  return plan ? std::to_string(plan->ranks) : plan.error().text;
}

TEST(PlannedRanks, WithoutAGridAreOne) {
  Manifest manifest = manifestWith(std::nullopt);
  EXPECT_EQ(plannedRanks(manifest, std::nullopt), "1");
  EXPECT_EQ(plannedRanks(manifest, 2), "--ranks=2: the program names no grid, so it runs on 1 rank");
}

TEST(PlannedRanks, AreAMultipleOfTheStaticAxes) {
  Manifest manifest = manifestWith(Grid{"g", {{"host", 2}, {"seq", std::nullopt}}});
  EXPECT_EQ(plannedRanks(manifest, std::nullopt), "2");
  EXPECT_EQ(plannedRanks(manifest, 6), "6");
  EXPECT_EQ(plannedRanks(manifest, 3),
            "--ranks=3: the static axes of the program's grid @g have 2 ranks; expected a multiple of that");
}

TEST(PlannedRanks, AreTheProductOfStaticAxes) {
  Manifest manifest = manifestWith(Grid{"g", {{"host", 2}, {"seq", 3}}});
  EXPECT_EQ(plannedRanks(manifest, std::nullopt), "6");
  EXPECT_NE(plannedRanks(manifest, 12).find("static and has 6 ranks"), std::string::npos);
}

TEST(PlannedRanks, OfAHugeGridAreRefusedWithoutOverflow) {
  Manifest manifest = manifestWith(Grid{"g", {{"a", INT64_MAX}, {"b", INT64_MAX}}});
  EXPECT_EQ(plannedRanks(manifest, std::nullopt), "the program's grid @g has more than 4096 ranks, the most that run");
}

} // namespace
