//===- measure.h - What rondo-cpu-bench measures --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_BENCHMARK_CPU_MEASURE_H
#define RONDO_BENCHMARK_CPU_MEASURE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rondo::bench {

/// Seconds of one execution.
struct Times {
  double cpu;  ///< of the thread that did the work
  double wall; ///< of the clock on the wall
};

/// Executes something once.
using Measurement = std::function<Times()>;

enum class Element { F32, F16, BF16 };

/// One attention: [batch, heads, rows, features], V as K.
struct Shape {
  Element element;
  int64_t batch, queryHeads, keyHeads, queries, keys, features;
};

/// Reads "f32,1,32,8,16,1601,128". Throws std::invalid_argument.
Shape parseShape(const std::string &text);

/// Memory for a tensor, filled with random numbers of standard deviation 1, aligned to pages.
std::shared_ptr<void> makeTensor(Element element, int64_t count, unsigned seed);
int64_t bytesOf(Element element);

double wallSeconds();
/// Processor time of the calling thread; of any thread of this process.
double threadSeconds();
double threadSeconds(int64_t thread);
/// The threads of this process.
std::vector<int64_t> threads();

/// The floating-point operations that each thread executes in `measurePeak`.
double peakOperations();
/// Multiply-adds of the widest vectors, on registers alone, in so many threads at once: nothing can be faster.
Measurement measurePeak(int threads);

/// The two products of an attention in a BLAS, head by head, on one thread.
class Blas {
public:
  /// Loads a library that has cblas_sgemm, by any of the names of OpenBLAS' builds. Throws std::runtime_error.
  explicit Blas(const std::string &path);
  Measurement measure(const Shape &shape) const;
  /// The library's own description: version and kernels.
  std::string description() const;

private:
  void *find(const std::string &name) const;
  void *library;
  std::string prefix, suffix;
};

/// The kernels `kernel` of a program's first function as rank 0 runs them, alone, in this thread. Lengths are static;
/// `shape` is that of rank 0's shard, `ranks` the extent of each axis.
Measurement measureKernels(const std::string &program, const Shape &shape, int64_t ranks, const std::string &kernel);

/// The whole run of a program by the runtime over global tensors of `shape`.
Measurement measureRun(const std::string &program, const Shape &shape, int32_t ranks, bool loopback, int32_t threads);

} // namespace rondo::bench

#endif // RONDO_BENCHMARK_CPU_MEASURE_H
