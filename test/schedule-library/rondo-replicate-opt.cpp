//===- rondo-replicate-opt.cpp - rondo-opt with one more schedule ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Replicate.h"

#include "tools/common/Register.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  registerReplicateSchedule();
  mlir::DialectRegistry registry;
  mlir::rondo::registerAllForCompilation(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Rondo optimizer driver, with the schedule replicate\n", registry));
}
