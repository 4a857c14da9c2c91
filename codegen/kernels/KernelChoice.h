//===- KernelChoice.h - Which kernels an op gets --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_KERNELCHOICE_H
#define RONDO_CODEGEN_KERNELS_KERNELCHOICE_H

#include "codegen/kernels/Attend.h"
#include "codegen/kernels/Merge.h"

namespace mlir::rondo::cuda {

/// What is known of an attention when it is compiled. Extents that are not known are ShapedType::kDynamic.
struct AttendFacts {
  ElementFormat input, output;
  int64_t features, valueFeatures;
  bool causal, negateScores;
  int64_t batches, queryHeads, keyHeads, queryCount, keyCount;
  bool joined; ///< parts are merged together with a result that arrives, of the type `output`
};

/// The kernels that may compute an attention, in the order in which the runtime prefers them where it sees no
/// difference, and the one that merges their partial results.
struct AttendChoice {
  SmallVector<AttendConfiguration, 2> kernels;
  std::optional<MergeConfiguration> merge;
  std::optional<double> microseconds; ///< predicted, where all extents are known
};

/// Says why no kernel computes such an attention; empty if one does.
std::string getAttentionError(const AttendFacts &facts);

/// Chooses the kernels of an attention without error. The same facts always give the same choice.
///
/// `options` (KernelOptions.h), if not empty, fix one kernel; what they leave out is chosen. `error` says what is wrong
/// with them.
AttendChoice chooseAttend(const AttendFacts &facts, StringRef options, std::string &error);

/// The kernel that merges one partial result into another. `options`: "unroll=2,...", see chooseAttend.
MergeConfiguration chooseMerge(ElementFormat partial, ElementFormat output, int64_t features, StringRef options,
                               std::string &error);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_KERNELCHOICE_H
