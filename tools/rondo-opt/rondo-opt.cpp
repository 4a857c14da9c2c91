//===- rondo-opt.cpp - Runs single passes and pipelines on MLIR text ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/common/Register.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::rondo::setUpBugReports();
  mlir::DialectRegistry registry;
  mlir::rondo::registerAllForCompilation(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Rondo optimizer driver\n", registry));
}
