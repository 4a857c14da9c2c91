// Seeded standard normal numbers, the same on every machine: a counter-based generator (SplitMix64) and the Box-Muller
// transform, in IEEE additions, multiplications, divisions and square roots alone. The logarithm and the sine of a C
// library differ in the last bit between versions, so none is called.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_RANDOM_H
#define RONDO_RUN_RANDOM_H

#include <cstdint>
#include <utility>

namespace rondo::run {

class NormalGenerator {
public:
  /// Streams of one seed are independent: each input of a program has its own.
  NormalGenerator(uint64_t seed, uint64_t stream);

  /// Numbers 2 * index and 2 * index + 1 of the stream.
  std::pair<double, double> pair(uint64_t index) const;

private:
  uint64_t bits(uint64_t counter) const;

  uint64_t key;
};

} // namespace rondo::run
#endif // RONDO_RUN_RANDOM_H
