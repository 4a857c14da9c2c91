//===- PtxEmission.cpp - From a gpu.module to PTX -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/PtxEmission.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::rondo;

static constexpr StringLiteral kTriple = "nvptx64-nvidia-cuda";
static constexpr StringLiteral kChip = "sm_90a";
static constexpr StringLiteral kFeatures = "+ptx86"; // the oldest ISA that has all the instructions that kernels use

/// Conversions of the host's passes apart: convert-cf-to-llvm runs on builtin.module only.
static constexpr StringLiteral kLowering =
    "convert-scf-to-cf,convert-cf-to-llvm,gpu.module(convert-math-to-llvm,convert-arith-to-llvm,"
    "convert-nvvm-to-llvm,canonicalize,cse,reconcile-unrealized-casts)";

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(std::string &error) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, kChip, kFeatures, llvm::TargetOptions(), std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

static LogicalResult lower(ModuleOp module) {
  PassManager passes(module->getName());
  if (failed(parsePassPipeline(kLowering, passes)))
    return failure();
  return passes.run(module);
}

FailureOr<std::string> cuda::emitPtx(ModuleOp module) {
  auto gpuModules = llvm::to_vector(module.getOps<gpu::GPUModuleOp>());
  if (gpuModules.size() != 1)
    return module.emitError() << "holds " << gpuModules.size() << " gpu.module ops; expected 1";
  if (failed(lower(module)))
    return failure();

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(gpuModules.front(), context, "rondo");
  if (!llvmModule)
    return module.emitError("cannot be translated to LLVM IR");
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(error);
  if (!machine)
    return module.emitError("no code generator for NVIDIA GPUs in this LLVM: ") << error;
  llvmModule->setTargetTriple(machine->getTargetTriple());
  llvmModule->setDataLayout(machine->createDataLayout());
  auto optimize = makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, machine.get());
  if (llvm::Error failed = optimize(llvmModule.get()))
    return module.emitError("LLVM's optimizer failed: ") << llvm::toString(std::move(failed));

  llvm::SmallString<0> ptx;
  llvm::raw_svector_ostream stream(ptx);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return module.emitError("the NVPTX target cannot write PTX");
  codegen.run(*llvmModule);
  return ptx.str().str();
}
