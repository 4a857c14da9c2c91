//===- clock.cpp - Processor time of threads ------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include <ctime>
#include <filesystem>

using namespace rondo::bench;

static double seconds(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double rondo::bench::wallSeconds() { return seconds(CLOCK_MONOTONIC); }

double rondo::bench::threadSeconds() { return seconds(CLOCK_THREAD_CPUTIME_ID); }

// The kernel's encoding of the clock of a thread (clock_gettime(2)): it is exact while the thread runs.
double rondo::bench::threadSeconds(int64_t thread) {
  constexpr uint32_t scheduledThread = 6;
  return seconds(static_cast<clockid_t>(~static_cast<uint32_t>(thread) << 3 | scheduledThread));
}

std::vector<int64_t> rondo::bench::threads() {
  std::vector<int64_t> numbers;
  for (const auto &entry : std::filesystem::directory_iterator("/proc/self/task"))
    numbers.push_back(std::stoll(entry.path().filename()));
  return numbers;
}
