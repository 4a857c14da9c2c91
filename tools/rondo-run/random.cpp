// Compiled with -ffp-contract=off: a fused multiply-add would round differently on machines that have one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/random.h"

#include <cmath>

namespace rondo::run {

constexpr uint64_t goldenGamma = 0x9e3779b97f4a7c15;

/// The finaliser of SplitMix64: a bijection of 64 bits.
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// log(x) for x > 0: x = m * 2^e with m near 1, and log m = 2 artanh((m - 1) / (m + 1)).
static double portableLog(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);
  if (m < 0.7071067811865476) {
    m *= 2;
    --exponent;
  }
  double s = (m - 1) / (m + 1);
  double square = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2)
    sum = sum * square + 1.0 / k;
  return exponent * 0.6931471805599453 + 2 * s * sum;
}

/// cos and sin of `turn` * 2 pi, `turn` in [0, 1): a Taylor series in the first quadrant, then rotated.
static std::pair<double, double> portableCosSin(double turn) {
  int quadrant = int(turn * 4);
  double angle = (turn * 4 - quadrant) * 1.5707963267948966;
  double square = angle * angle;
  double cosine = 1;
  double sine = 1;
  for (int k = 11; k >= 1; --k) {
    cosine = 1 - cosine * square * (1.0 / ((2 * k - 1) * (2 * k)));
    sine = 1 - sine * square * (1.0 / ((2 * k) * (2 * k + 1)));
  }
  sine *= angle;
  switch (quadrant) {
  case 0:
    return {cosine, sine};
  case 1:
    return {-sine, cosine};
  case 2:
    return {-cosine, -sine};
  default:
    return {sine, -cosine};
  }
}

NormalGenerator::NormalGenerator(uint64_t seed, uint64_t stream) : key(mix(mix(seed + goldenGamma) + stream)) {}

uint64_t NormalGenerator::bits(uint64_t counter) const { return mix(key + (counter + 1) * goldenGamma); }

std::pair<double, double> NormalGenerator::pair(uint64_t index) const {
  constexpr double unit = 1.0 / 9007199254740992.0;                 // 2^-53
  double radiusSource = double((bits(2 * index) >> 11) + 1) * unit; // (0, 1]: its logarithm is finite
  double turn = double(bits(2 * index + 1) >> 11) * unit;           // [0, 1)
  double radius = std::sqrt(-2 * portableLog(radiusSource));
  auto [cosine, sine] = portableCosSin(turn);
  return {radius * cosine, radius * sine};
}

} // namespace rondo::run
