// What all-gathers tell about the clocks of two processes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
extern "C" {
#include "runtime/src/trace_clock.h"
}

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

TEST(TraceClock, OneRoundBoundsTheDifference) {
  // Both begin at the same moment, and the all-gather takes 10.
  clock_round mine = {1000, 1010}, other = {51000, 51010};
  clock_bounds bounds = clock_bound(&mine, &other, 1);
  EXPECT_EQ(bounds.least, 49990);
  EXPECT_EQ(bounds.most, 50010);
  EXPECT_EQ(clock_offset(bounds), 50000);
  EXPECT_EQ(clock_uncertainty(bounds), 10);
}

TEST(TraceClock, TheBestOfSeveralRounds) {
  // The other comes late in the first round, and this one in the second.
  const clock_round mine[] = {{0, 105}, {200, 205}}, other[] = {{-900, -895}, {-900, -795}};
  clock_bounds bounds = clock_bound(mine, other, 2);
  EXPECT_EQ(bounds.least, -1005);
  EXPECT_EQ(bounds.most, -995);
}

// Whatever clocks and delays are, the truth lies between the bounds.
TEST(TraceClock, BoundsHold) {
  std::mt19937_64 random(7);
  auto upTo = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)); };
  for (int i = 0; i < 1000; ++i) {
    int64_t ahead = upTo(2000000) - 1000000, now = 0;
    std::vector<clock_round> mine, other;
    for (int round = 0; round < 1 + i % 16; ++round) {
      int64_t first = now + upTo(500), second = now + upTo(500), all = std::max(first, second);
      int64_t firstEnd = all + upTo(90), secondEnd = all + upTo(90);
      mine.push_back({first, firstEnd});
      other.push_back({second + ahead, secondEnd + ahead});
      now = std::max(firstEnd, secondEnd);
    }
    clock_bounds bounds = clock_bound(mine.data(), other.data(), int(mine.size()));
    EXPECT_LE(bounds.least, ahead);
    EXPECT_GE(bounds.most, ahead);
    EXPECT_LE(std::abs(clock_offset(bounds) - ahead), clock_uncertainty(bounds));
  }
}

TEST(TraceClock, Identity) {
  unsetenv("NCCL_HOSTID");
  uint64_t here = clock_identity();
  EXPECT_EQ(clock_identity(), here);
  setenv("NCCL_HOSTID", "another", 1);
  EXPECT_NE(clock_identity(), here);
  unsetenv("NCCL_HOSTID");
}

} // namespace
