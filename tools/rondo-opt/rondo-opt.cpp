//===- rondo-opt.cpp - Runs single passes and pipelines on MLIR text ------------------------------------*- C++ -*-===//
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::rondo::registerRondoPartitionPass();
  mlir::rondo::registerRondoBufferizePass();
  mlir::rondo::registerExecVerifyOrderPass();
  mlir::rondo::registerRondoOutlineKernelsPass();
  mlir::rondo::registerRondoAssignStreamsPass();
  mlir::rondo::registerRondoPlanArenaPass();
  registry.insert<mlir::rondo::RondoDialect, mlir::spmd::SpmdDialect, mlir::exec::ExecDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Rondo optimizer driver\n", registry));
}
