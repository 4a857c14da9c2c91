//===- Plan.h - What a compiled program will do, for people ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan of each public function: for each attention its schedule, its steps, the bytes that it sends and what hides
// its transfers; the arena and the kernels, for CUDA with their configurations. Schedules are what the passes remark;
// the rest is read off the program.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TOOLS_COMPILER_PLAN_H
#define RONDO_TOOLS_COMPILER_PLAN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <string>
#include <vector>

namespace mlir::rondo {

/// What the compiler decided of one attention.
struct PlannedAttention {
  std::string function;
  Location loc;
  std::string schedule, steps, bytes;
  std::string choice; // the inequality that decides at run time; empty: decided
  std::string versus; // what `auto` compared; empty: nothing
  std::string home;   // in how many parts the home block is attended, and why; empty: nothing was decided
};

class Plan {
public:
  /// Makes the passes report their decisions to this plan, which must outlive the context; with `print` they are
  /// printed as remarks too.
  LogicalResult record(MLIRContext &context, bool print);

  /// Prints the plan of a module at the level of streams.
  void print(ModuleOp module, llvm::raw_ostream &os) const;

private:
  std::vector<PlannedAttention> attentions; // of all functions, each function's in program order
  /// Of kernel functions: times, where they are known, and the room that they leave to transfers.
  std::map<std::string, std::vector<std::string>> predictions;
};

} // namespace mlir::rondo

#endif // RONDO_TOOLS_COMPILER_PLAN_H
