//===- KernelOptions.h - Configurations of kernels by hand ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The syntax of --kernel: "attend:block-keys=176,warpgroups=2;merge:unroll=2".
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_KERNELOPTIONS_H
#define RONDO_CODEGEN_KERNELS_KERNELOPTIONS_H

#include "codegen/kernels/Attend.h"
#include "codegen/kernels/Merge.h"

namespace mlir::rondo::cuda {

/// The part of `all` that is about `kernel`, "attend" or "merge"; `error` says what is wrong with the whole.
StringRef getKernelOptions(StringRef all, StringRef kernel, std::string &error);

/// Sets the fields that "key=value,..." names; `error` says what is wrong with it.
void readAttendOptions(StringRef options, AttendConfiguration &configuration, std::string &error);
void readMergeOptions(StringRef options, MergeConfiguration &configuration, std::string &error);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_KERNELOPTIONS_H
