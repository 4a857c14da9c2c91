//===- KernelFunction.cpp - The shell of a CUDA kernel --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/KernelFunction.h"

#include "codegen/cuda/SmemTile.h"
#include "runtime/include/rondo/cuda_abi.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr StringLiteral kSmemName = "smem";

static Type getParameterType(Emitter &emit, ParameterKind kind) {
  switch (kind) {
  case ParameterKind::TensorMap: // by value: see below
  case ParameterKind::PlainTensor:
  case ParameterKind::Block:
    return LLVM::LLVMPointerType::get(emit.getContext());
  case ParameterKind::Pointer:
    return LLVM::LLVMPointerType::get(emit.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
  case ParameterKind::I64:
    return emit.getI64Type();
  case ParameterKind::I32:
    return emit.getI32Type();
  case ParameterKind::F32:
    return emit.getF32Type();
  }
  llvm_unreachable("all kinds are handled");
}

/// A structure that is passed by value: kernels, and bulk copies, take its address in the parameter space.
static void setByValue(Emitter &emit, LLVM::LLVMFuncOp function, unsigned index, int64_t bytes, int64_t alignment) {
  auto structure = LLVM::LLVMArrayType::get(emit.getI8Type(), bytes);
  function.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(structure));
  function.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(), emit.getI64IntegerAttr(alignment));
  function.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(), emit.getUnitAttr());
}

static void setLaunchAttributes(Emitter &emit, LLVM::LLVMFuncOp function, const KernelShape &shape) {
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), emit.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), emit.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    emit.getDenseI32ArrayAttr({static_cast<int32_t>(shape.threads)}));
  if (shape.ownsMultiprocessor)
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), emit.getI32IntegerAttr(1));
  if (shape.cluster > 1)
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      emit.getDenseI32ArrayAttr({static_cast<int32_t>(shape.cluster), 1, 1}));
}

void cuda::emitKernelFunction(Emitter &emit, Operation *gpuModule, StringRef name, const KernelShape &shape,
                              ArrayRef<ParameterKind> parameters, function_ref<void(ValueRange)> body) {
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPointToEnd(cast<gpu::GPUModuleOp>(gpuModule).getBody());
  SmallVector<Type> types;
  for (ParameterKind kind : parameters)
    types.push_back(getParameterType(emit, kind));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(emit.getContext()), types);
  auto function = LLVM::LLVMFuncOp::create(emit, name, type);
  setLaunchAttributes(emit, function, shape);
  for (auto [i, kind] : llvm::enumerate(parameters))
    if (kind == ParameterKind::TensorMap)
      setByValue(emit, function, i, sizeof(rondo_tensor_map), alignof(rondo_tensor_map));
    else if (kind == ParameterKind::PlainTensor)
      setByValue(emit, function, i, sizeof(rondo_plain_tensor), alignof(rondo_plain_tensor));
    else if (kind == ParameterKind::Block)
      setByValue(emit, function, i, shape.blockBytes, /*alignment=*/8);
  Block *entry = function.addEntryBlock(emit);
  emit.setInsertionPointToStart(entry);
  body(entry->getArguments());
  LLVM::ReturnOp::create(emit, ValueRange());
}

Value cuda::emitDynamicSmem(Emitter &emit, Operation *gpuModule) {
  auto module = cast<gpu::GPUModuleOp>(gpuModule);
  constexpr auto shared = static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
  if (!module.lookupSymbol(kSmemName)) {
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(emit, LLVM::LLVMArrayType::get(emit.getI8Type(), 0), /*isConstant=*/false,
                           LLVM::Linkage::External, kSmemName, Attribute(), SmemTile::kAlignment, shared);
  }
  return LLVM::AddressOfOp::create(emit, LLVM::LLVMPointerType::get(emit.getContext(), shared), kSmemName);
}

Operation *cuda::createGpuModule(ModuleOp module, StringRef name) {
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  return gpu::GPUModuleOp::create(builder, module.getLoc(), name);
}
