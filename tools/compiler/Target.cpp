//===- Target.cpp - What programs are compiled for ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/Target.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::rondo;

/// A CPU whose code runs beside every GPU of the target: programs for GPUs are made on machines without one.
static std::string getPortableCpu() {
  return llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch() == llvm::Triple::x86_64 ? "x86-64-v3" : "generic";
}

FailureOr<Target> rondo::parseTarget(Location loc, StringRef name, StringRef cpu) {
  Target target;
  auto [kind, processor] = name.split(':');
  if (name == "cuda:sm_90a") {
    target.kind = Target::Kind::Cuda;
    target.cpu = cpu.empty() ? getPortableCpu() : cpu.str();
    return target;
  }
  if (kind != "cpu" || (processor.empty() && name.contains(':')))
    return emitError(loc) << "unknown target '" << name << "'; expected cpu, cpu:NAME or cuda:sm_90a";
  if (!processor.empty() && !cpu.empty() && processor != cpu)
    return emitError(loc) << "the target is " << name << ", but the CPU " << cpu << "; name one of them";
  if (!processor.empty() || !cpu.empty())
    target.cpu = (processor.empty() ? cpu : processor).str();
  return target;
}
