//===- Register.cpp - What every tool registers ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/common/Register.h"

#include "codegen/Passes.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "dialect/spmd/Spmd.h"
#include "passes/BufferizableOpInterfaceImpl.h"
#include "passes/Passes.h"
#include "tools/compiler/Pipelines.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/Support/PrettyStackTrace.h"

using namespace mlir;

/// Passes and pipelines are registered for the whole process, once.
static void registerPasses() {
  static const bool once = [] {
    registerAllPasses();
    rondo::registerRondoPasses();
    rondo::registerRondoCodegenPasses();
    rondo::registerPipelines();
    return true;
  }();
  (void)once;
}

void rondo::registerAllForCompilation(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registry.insert<RondoDialect, spmd::SpmdDialect, exec::ExecDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  registerPasses();
}

void rondo::setUpBugReports() {
  llvm::setBugReportMsg("This is a bug of Rondo. Please report it to the project with the input, the command line and "
                        "what stands below.\n");
}
