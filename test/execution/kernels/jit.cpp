//===- jit.cpp - Compiles kernels for this process ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "jit.h"

#include "codegen/Passes.h"
#include "codegen/cpu/Pipeline.h"
#include "dialect/rondo/Rondo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <gtest/gtest.h>

using namespace rondo::test;

Arguments &Arguments::add(int64_t value) {
  words.push_back(value);
  pointers.push_back(&words.back());
  return *this;
}

Arguments &Arguments::add(const Shard &shard) {
  add(reinterpret_cast<int64_t>(shard.data())).add(reinterpret_cast<int64_t>(shard.data())).add(0);
  for (int64_t size : shard.sizes())
    add(size);
  for (int64_t stride : shard.strides())
    add(stride);
  return *this;
}

Cpu rondo::test::hostCpu() { return {"", llvm::sys::getHostCPUFeatures().lookup("avx512f") ? 512u : 256u}; }

struct Module::Implementation {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<llvm::TargetMachine> machine; // outlives the engine, whose optimiser uses it
  std::unique_ptr<mlir::ExecutionEngine> engine;
};

static void initialise() {
  static bool once = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    mlir::registerAllPasses();
    mlir::rondo::registerRondoLowerKernelsCpuPass();
    mlir::rondo::registerRondoEmitReferencePass();
    return true;
  }();
  (void)once;
}

static mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<mlir::rondo::RondoDialect>();
  return registry;
}

static std::unique_ptr<llvm::TargetMachine> makeMachine(const Cpu &cpu) {
  llvm::orc::JITTargetMachineBuilder builder = llvm::cantFail(llvm::orc::JITTargetMachineBuilder::detectHost());
  if (!cpu.name.empty()) {
    builder.setCPU(cpu.name);
    builder.getFeatures() = llvm::SubtargetFeatures();
  }
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  return llvm::cantFail(builder.createTargetMachine());
}

static mlir::LogicalResult runPasses(mlir::ModuleOp module, const std::string &pipeline) {
  mlir::PassManager passes(module.getContext());
  return mlir::success(succeeded(mlir::parsePassPipeline(pipeline, passes)) && succeeded(passes.run(module)));
}

/// Replaces global programs by their references: the rest of the way is another one for each.
static mlir::LogicalResult keepReferences(mlir::ModuleOp module) {
  if (failed(runPasses(module, "rondo-emit-reference")))
    return mlir::failure();
  for (auto function : llvm::make_early_inc_range(module.getOps<mlir::func::FuncOp>()))
    if (!function->hasAttr("rondo.reference"))
      function.erase();
  return mlir::success();
}

static mlir::LogicalResult lower(mlir::ModuleOp module, const Cpu &cpu, Source source) {
  if (source == Source::GlobalProgram && failed(keepReferences(module)))
    return mlir::failure();
  return runPasses(module, "rondo-lower-kernels-cpu{vector-bits=" + std::to_string(cpu.vectorBits) + "}," +
                               mlir::rondo::cpu::getBranchesPipeline().str() + "," +
                               mlir::rondo::cpu::getLlvmPipeline().str());
}

Module::Module(const std::string &text, const Cpu &cpu, Source source) {
  initialise();
  auto created = std::make_unique<Implementation>();
  created->context.appendDialectRegistry(makeRegistry());
  created->module = mlir::parseSourceString<mlir::ModuleOp>(text, &created->context);
  if (!created->module || failed(lower(*created->module, cpu, source))) {
    ADD_FAILURE() << "the module does not compile:\n" << text;
    return;
  }
  created->machine = makeMachine(cpu);
  auto optimise = mlir::makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, created->machine.get());
  mlir::ExecutionEngineOptions options;
  options.transformer = optimise;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
  options.enableObjectDump = true;
  auto engine = mlir::ExecutionEngine::create(*created->module, options, makeMachine(cpu));
  if (!engine) {
    ADD_FAILURE() << llvm::toString(engine.takeError());
    return;
  }
  created->engine = std::move(*engine);
  created->engine->initialize();
  implementation = std::move(created);
}

Module::~Module() = default;

void Module::run(const std::string &name, Arguments &arguments) {
  if (!implementation)
    return;
  auto function = implementation->engine->lookupPacked(name);
  if (!function) {
    ADD_FAILURE() << llvm::toString(function.takeError());
    return;
  }
  (*function)(arguments.data());
}

void Module::runKernel(const std::string &name, int64_t parts, const std::vector<const Shard *> &shards,
                       const std::vector<int64_t> &scalars) {
  for (int64_t part = 0; part < parts; ++part) {
    Arguments arguments;
    arguments.add(part).add(parts);
    for (const Shard *shard : shards)
      arguments.add(*shard);
    for (int64_t scalar : scalars)
      arguments.add(scalar);
    run(name, arguments);
  }
}

std::vector<std::string> Module::undefinedSymbols() {
  std::vector<std::string> names;
  llvm::SmallString<128> path;
  if (!implementation || llvm::sys::fs::createTemporaryFile("rondo-kernel", "o", path))
    return {"no object"};
  implementation->engine->dumpToObjectFile(path);
  auto object = llvm::object::ObjectFile::createObjectFile(path);
  llvm::sys::fs::remove(path);
  if (!object)
    return {llvm::toString(object.takeError())};
  for (const llvm::object::SymbolRef &symbol : object->getBinary()->symbols())
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
      if (llvm::StringRef name = llvm::cantFail(symbol.getName()); !name.empty())
        names.push_back(name.str());
  return names;
}
