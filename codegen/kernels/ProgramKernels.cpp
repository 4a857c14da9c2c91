//===- ProgramKernels.cpp - The CUDA kernels of a program -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/ProgramKernels.h"

#include "codegen/cuda/Cache.h"
#include "codegen/cuda/PtxEmission.h"
#include "codegen/cuda/Ptxas.h"
#include "codegen/host/CudaCode.h"
#include "codegen/kernels/Elementwise.h"
#include "codegen/kernels/KernelAttributes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/OwningOpRef.h"

#include <dlfcn.h>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static gpu::GPUModuleOp getKernels(ModuleOp module) { return module.lookupSymbol<gpu::GPUModuleOp>(kProgramKernels); }

//===--------------------------------------------------------------------------------------------------------------===//
// Generation
//===--------------------------------------------------------------------------------------------------------------===//

/// Replaces declarations and linalg ops by kernels.
static LogicalResult generateKernels(gpu::GPUModuleOp kernels) {
  for (auto function : llvm::to_vector(kernels.getOps<func::FuncOp>())) {
    Attribute configuration = function->getAttr(kConfigurationAttr);
    if (!configuration) {
      if (failed(emitElementwise(function)))
        return failure();
      continue;
    }
    function.erase();
    if (auto attend = dyn_cast<AttendKernelAttr>(configuration))
      emitAttend(kernels, getConfiguration(attend));
    else
      emitMerge(kernels, getConfiguration(cast<MergeKernelAttr>(configuration)));
  }
  return success();
}

static FailureOr<std::string> generatePtx(ModuleOp module) {
  module.getContext()->loadDialect<arith::ArithDialect, NVVM::NVVMDialect, math::MathDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> copy = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(copy->getBody());
  auto kernels = cast<gpu::GPUModuleOp>(builder.clone(*getKernels(module)));
  if (failed(generateKernels(kernels)) || failed(lowerElementwiseMath(*copy)))
    return failure();
  return emitPtx(*copy);
}

//===--------------------------------------------------------------------------------------------------------------===//
// The image
//===--------------------------------------------------------------------------------------------------------------===//

/// Identifies this build of the code generator: the file that holds it, and LLVM.
static std::string identifyGenerator() {
  Dl_info info = {};
  bool found = dladdr(reinterpret_cast<const void *>(&generatePtx), &info) && info.dli_fname;
  return std::string(LLVM_VERSION_STRING) + " " + (found ? describeFile(info.dli_fname) : "");
}

/// What code is generated from. Places in the source play no part in it.
static std::string printKernels(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  getKernels(module)->print(stream, OpPrintingFlags().useLocalScope().enableDebugInfo(false));
  return text;
}

FailureOr<std::string> cuda::createImage(ModuleOp module, const ImageOptions &options) {
  Location loc = module.getLoc();
  PtxasOptions ptxas;
  ptxas.path = options.ptxas;
  bool isCubin = options.kind == ImageKind::Cubin;
  FailureOr<std::string> assembler = isCubin ? identifyPtxas(loc, ptxas) : std::string();
  FailureOr<Cache> cache = Cache::open(loc, /*directory=*/"");
  if (failed(assembler) || failed(cache))
    return failure();
  std::string name =
      getCacheKey({printKernels(module), identifyGenerator(), *assembler}) + (isCubin ? ".cubin" : ".ptx");
  if (std::optional<std::string> image = cache->find(name))
    return *image;
  FailureOr<std::string> image = generatePtx(module);
  if (failed(image))
    return failure();
  if (isCubin) {
    FailureOr<Cubin> cubin = assemblePtx(loc, *image, ptxas);
    if (failed(cubin))
      return failure();
    image = std::move(cubin->image);
  }
  if (failed(cache->store(loc, name, *image)))
    return failure();
  return image;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The program's data
//===--------------------------------------------------------------------------------------------------------------===//

static CudaKernel describeKernel(func::FuncOp function) {
  CudaKernel kernel = {};
  kernel.symbol = function.getName().str();
  Attribute attribute = function->getAttr(kConfigurationAttr);
  if (auto attend = dyn_cast_or_null<AttendKernelAttr>(attribute)) {
    kernel.input = getElementNumber(attend.getInput());
    kernel.output = getElementNumber(attend.getOutput());
    kernel.traits = getAttendTraits(getConfiguration(attend));
  } else if (auto merge = dyn_cast_or_null<MergeKernelAttr>(attribute)) {
    kernel.input = getElementNumber(merge.getPartial());
    kernel.output = getElementNumber(merge.getOutput());
    if (merge.getArriving())
      kernel.arriving = getElementNumber(merge.getArriving());
    kernel.traits = getMergeTraits(getConfiguration(merge));
  } else {
    kernel.traits = getElementwiseTraits();
  }
  return kernel;
}

LogicalResult cuda::embedKernels(ModuleOp module, const ImageOptions &options) {
  FailureOr<std::string> image = createImage(module, options);
  if (failed(image))
    return failure();
  module.getContext()->loadDialect<LLVM::LLVMDialect>();
  if (options.kind == ImageKind::Ptx)
    image->push_back('\0');
  SmallVector<CudaKernel> kernels;
  for (auto function : getKernels(module).getOps<func::FuncOp>())
    kernels.push_back(describeKernel(function));
  getKernels(module).erase();
  emitCudaCode(module, *image, kernels);
  return success();
}
