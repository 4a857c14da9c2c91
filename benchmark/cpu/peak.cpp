//===- peak.cpp - The fastest multiply-adds there are ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include <immintrin.h>
#include <thread>

using namespace rondo::bench;

// Enough independent chains to hide the latency of two units, and few enough for the registers.
static constexpr int kChains = 12;
static constexpr int64_t kSteps = 1 << 22;
static bool isWide() { return __builtin_cpu_supports("avx512f"); }

__attribute__((target("avx512f"))) static float multiplyAddWide() {
  __m512 chains[kChains];
  for (auto &chain : chains)
    chain = _mm512_set1_ps(1.0f);
  __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  for (int64_t step = 0; step < kSteps; ++step)
    for (auto &chain : chains) {
      chain = _mm512_fmadd_ps(chain, factor, term);
      asm("" : "+v"(chain)); // stays in a register
    }
  __m512 sum = _mm512_setzero_ps();
  for (auto &chain : chains)
    sum = _mm512_add_ps(sum, chain);
  return _mm512_reduce_add_ps(sum);
}

__attribute__((target("avx2,fma"))) static float multiplyAddNarrow() {
  __m256 chains[kChains];
  for (auto &chain : chains)
    chain = _mm256_set1_ps(1.0f);
  __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  for (int64_t step = 0; step < kSteps; ++step)
    for (auto &chain : chains) {
      chain = _mm256_fmadd_ps(chain, factor, term);
      asm("" : "+x"(chain)); // stays in a register
    }
  __m256 sum = _mm256_setzero_ps();
  for (auto &chain : chains)
    sum = _mm256_add_ps(sum, chain);
  return _mm256_cvtss_f32(sum);
}

double rondo::bench::peakOperations() { return 2.0 * kChains * kSteps * (isWide() ? 16 : 8); }

/// Processor time of this thread.
static double multiplyAdd() {
  double cpu = threadSeconds();
  volatile float result = isWide() ? multiplyAddWide() : multiplyAddNarrow();
  (void)result;
  return threadSeconds() - cpu;
}

Measurement rondo::bench::measurePeak(int threads) {
  return [=] {
    std::vector<std::thread> others;
    double wall = wallSeconds();
    for (int i = 1; i < threads; ++i)
      others.emplace_back(multiplyAdd);
    double cpu = multiplyAdd();
    for (std::thread &other : others)
      other.join();
    return Times{cpu, wallSeconds() - wall};
  };
}
