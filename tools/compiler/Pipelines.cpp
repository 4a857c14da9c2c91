//===- Pipelines.cpp - The passes of a compilation, in order --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/Pipelines.h"

#include "codegen/Passes.h"
#include "codegen/cpu/Pipeline.h"
#include "dialect/exec/Exec.h"
#include "dialect/spmd/Spmd.h"
#include "passes/Passes.h"
#include "runtime/include/rondo/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::rondo;

/// Adds passes that are named by text: it spares this file upstream's headers, some of which take 20 s to compile.
static void addTextual(OpPassManager &passes, StringRef pipeline) {
  LogicalResult parsed = parsePassPipeline(pipeline, passes);
  assert(succeeded(parsed) && "a pass of the pipeline is not registered");
  (void)parsed;
}

StringRef rondo::getName(Level level) {
  static constexpr StringLiteral names[] = {"rondo", "spmd", "exec", "llvm", "obj", "so", "ptx", "cubin"};
  return names[static_cast<size_t>(level)];
}

Level rondo::detectLevel(ModuleOp module) {
  if (Operation *header = module.lookupSymbol(RONDO_PROGRAM_SYMBOL))
    if (header->getName().getDialectNamespace() == "llvm")
      return Level::Llvm;
  Level level = Level::Rondo;
  module.walk([&](Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (isa<exec::ExecDialect>(op->getDialect()) || (function && function->hasAttr(exec::kKernelAttr)))
      level = Level::Exec;
    else if (function && function->hasAttr("spmd.schedules"))
      level = std::max(level, Level::Spmd);
  });
  return level;
}

void rondo::addGlobalPasses(OpPassManager &passes, const PipelineOptions &options) {
  if (options.reference)
    passes.addPass(createRondoEmitReferencePass());
  passes.addPass(createRondoPropagateShardingPass());
}

void rondo::addSpmdPasses(OpPassManager &passes, const PipelineOptions &options) {
  RondoPartitionPassOptions partition;
  partition.schedule = options.schedule;
  partition.homeParts = options.homeParts;
  partition.device = options.cuda ? "h100" : "none";
  passes.addPass(createRondoPartitionPass(partition));
  passes.addPass(createCanonicalizerPass());
  if (options.overlap)
    passes.addNestedPass<func::FuncOp>(createRondoOverlapPass());
  passes.addNestedPass<func::FuncOp>(createSpmdVerifyPendingPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

/// Those that have kernels keep them.
static void addKernelChoice(OpPassManager &passes, const PipelineOptions &options) {
  RondoChooseKernelsCudaPassOptions choice;
  choice.kernel = options.kernel;
  passes.addPass(createRondoChooseKernelsCudaPass(choice));
}

void rondo::addExecPasses(OpPassManager &passes, const PipelineOptions &options) {
  passes.addPass(createRondoBufferizePass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  if (options.cuda)
    passes.addNestedPass<func::FuncOp>(createRondoJoinMergesPass());
  passes.addNestedPass<func::FuncOp>(createRondoPlanArenaPass());
  passes.addPass(createRondoOutlineKernelsPass());
  passes.addNestedPass<func::FuncOp>(createRondoAssignStreamsPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createExecVerifyOrderPass());
  if (options.cuda)
    addKernelChoice(passes, options);
}

void rondo::addCudaKernelPasses(OpPassManager &passes, const PipelineOptions &options) {
  addKernelChoice(passes, options);
  passes.addPass(createRondoLowerKernelsCudaPass());
}

void rondo::addLlvmPasses(OpPassManager &passes, const PipelineOptions &options) {
  if (!options.cuda) {
    RondoLowerKernelsCpuPassOptions kernels;
    kernels.vectorBits = options.vectorBits;
    passes.addPass(createRondoLowerKernelsCpuPass(kernels));
  }
  addTextual(passes, cpu::getBranchesPipeline());
  passes.addPass(createRondoLowerHostPass());
  addTextual(passes, cpu::getLlvmPipeline());
}

void rondo::registerPipelines() {
  struct TextualOptions : PassPipelineOptions<TextualOptions> {
    Option<std::string> schedule{*this, "schedule", llvm::cl::desc("Schedule of every attention"),
                                 llvm::cl::init("auto")};
    Option<std::string> homeParts{*this, "home-parts", llvm::cl::desc("Parts of a query ring's home block"),
                                  llvm::cl::init("auto")};
    Option<bool> overlap{*this, "overlap", llvm::cl::desc("Hide transfers behind compute"), llvm::cl::init(true)};
    Option<bool> reference{*this, "reference", llvm::cl::desc("Keep a float64 evaluation"), llvm::cl::init(true)};

    PipelineOptions get() const {
      PipelineOptions options;
      options.schedule = schedule;
      options.homeParts = homeParts;
      options.overlap = overlap;
      options.reference = reference;
      return options;
    }
  };
  PassPipelineRegistration<TextualOptions>("rondo-global-to-spmd", "From a global program to one rank's",
                                           [](OpPassManager &passes, const TextualOptions &options) {
                                             addGlobalPasses(passes, options.get());
                                             addSpmdPasses(passes, options.get());
                                           });
  PassPipelineRegistration<>("rondo-spmd-to-exec", "From one rank's program to work on streams",
                             [](OpPassManager &passes) { addExecPasses(passes, {}); });
}
