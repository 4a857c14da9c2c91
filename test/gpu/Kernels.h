//===- Kernels.h - Kernels from a folder, and how to launch them ----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_GPU_KERNELS_H
#define RONDO_TEST_GPU_KERNELS_H

#include "runtime/src/cuda_attend.h"
#include "runtime/src/cuda_launch.h"
#include "test/gpu/Driver.h"

#include <string>
#include <vector>

namespace gpu {

enum class Format { F16, BF16, F32 };
size_t getBytes(Format format);

/// One kernel: NAME.cubin and NAME.traits of the folder.
struct Kernel {
  std::string label; // NAME
  bool isAttend;
  Format input, output, arriving;
  int64_t features, valueFeatures;
  bool negateScores;
  rondo_kernel_traits traits;
  Function function;
};

/// All kernels that the folder's file "kernels" lists, one NAME a line.
std::vector<Kernel> loadKernels(const std::string &folder);

/// Where the elements of a [B, H, S, D] tensor lie; D is contiguous.
struct Layout {
  static Layout get(bool headsInside, int64_t heads, int64_t length, int64_t features);
  int64_t batch, head, row; // strides in elements
};

/// A launch of an attend kernel, prepared: all it points to stays valid while it lives.
class AttendLaunch {
public:
  /// Queries, keys and values have the layout [B, S, H, D] if the problem packs by position, else [B, H, S, D].
  /// Partial results (several splits, or `toPartials`) are contiguous in [B, H, S, D], with [B, H, S] LSEs.
  AttendLaunch(const Kernel &kernel, const rondo_attend_problem &problem, double scale, Address queries, Address keys,
               Address values, Address output, Address lse, rondo_split_plan plan, bool toPartials, Address scales = 0);
  ~AttendLaunch();
  AttendLaunch(const AttendLaunch &) = delete;
  AttendLaunch &operator=(const AttendLaunch &) = delete;
  void run(Stream stream, bool programmatic);

  rondo_tile_table table = {};

private:
  const Kernel &kernel;
  rondo_attend_arguments arguments = {};
  unsigned grid[3];
  Address tableAddress = 0;
};

/// A launch of a merge kernel.
class MergeLaunch {
public:
  MergeLaunch(const Kernel &kernel, const rondo_attend_problem &problem, int32_t parts, Address partialOutput,
              Address partialLse, Address arrivingOutput, Address arrivingLse, Address output, Address lse,
              Address partialScales = 0);
  void run(Stream stream, bool programmatic);

private:
  const Kernel &kernel;
  rondo_merge_arguments arguments = {};
};

} // namespace gpu

#endif // RONDO_TEST_GPU_KERNELS_H
