//===- Random.h - Choices that a seed determines --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_RANDOM_H
#define RONDO_TEST_FUZZ_RANDOM_H

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

namespace rondo::fuzz {

/// The same seed gives the same choices on every machine: the distributions of the standard library do not.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}

  /// A number in [0, bound); `bound` is positive.
  uint64_t below(uint64_t bound) { return engine() % bound; }
  int64_t between(int64_t first, int64_t last) { return first + static_cast<int64_t>(below(last - first + 1)); }
  bool chance(double probability) { return static_cast<double>(engine() >> 11) < probability * 0x1p53; }

  template <typename T>
  const T &pick(const std::vector<T> &choices) {
    return choices[below(choices.size())];
  }
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }

private:
  std::mt19937_64 engine;
};

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_RANDOM_H
