//===- rondo-opt.cpp - Runs single passes and pipelines on MLIR text ------------------------------------*- C++ -*-===//
#include "codegen/Passes.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::rondo::registerRondoLowerKernelsCpuPass();
  registry.insert<mlir::rondo::RondoDialect, mlir::spmd::SpmdDialect, mlir::exec::ExecDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Rondo optimizer driver\n", registry));
}
