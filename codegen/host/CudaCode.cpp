//===- CudaCode.cpp - What a program for CUDA says of its kernels ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/CudaCode.h"
#include "codegen/host/Globals.h"
#include "codegen/host/RuntimeCalls.h"

#include <cstddef>

using namespace mlir;
using namespace mlir::rondo;

rondo_element rondo::getElementNumber(Type type) {
  return type.isF16() ? RONDO_ELEMENT_F16 : type.isBF16() ? RONDO_ELEMENT_BF16 : RONDO_ELEMENT_F32;
}

namespace {
/// Emits constants of the module's types.
class ConstantEmitter {
public:
  ConstantEmitter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value i32(int32_t value) { return constant(builder.getI32IntegerAttr(value)); }
  Value i64(int64_t value) { return constant(builder.getI64IntegerAttr(value)); }
  Value f64(double value) { return constant(builder.getF64FloatAttr(value)); }
  Value address(StringRef symbol) { return LLVM::AddressOfOp::create(builder, loc, pointerType(), symbol); }
  Value null() { return LLVM::ZeroOp::create(builder, loc, pointerType()); }

  Value structure(ValueRange fields) {
    auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), llvm::to_vector(fields.getTypes()));
    return createAggregate(builder, loc, type, fields);
  }
  Value array(ValueRange elements) {
    auto type = LLVM::LLVMArrayType::get(elements.front().getType(), elements.size());
    return createAggregate(builder, loc, type, elements);
  }
  Value i32s(ArrayRef<int32_t> values) {
    return array(llvm::map_to_vector(values, [&](int32_t value) { return i32(value); }));
  }

private:
  Type pointerType() { return LLVM::LLVMPointerType::get(builder.getContext()); }
  Value constant(TypedAttr value) { return LLVM::ConstantOp::create(builder, loc, value.getType(), value); }

  OpBuilder &builder;
  Location loc;
};
} // namespace

/// A constant global of whatever type `build` gives it.
static void createConstant(ModuleOp module, StringRef name, function_ref<Value(ConstantEmitter &)> build) {
  Type type;
  { // its type follows from its value, which is emitted into a global
    OpBuilder builder(module.getContext());
    Block scratch;
    builder.setInsertionPointToStart(&scratch);
    ConstantEmitter emit(builder, module.getLoc());
    type = build(emit).getType();
  }
  createGlobal(module, type, LLVM::Linkage::Internal, name, [&](OpBuilder &builder) {
    ConstantEmitter emit(builder, module.getLoc());
    return build(emit);
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Images and kernels
//===--------------------------------------------------------------------------------------------------------------===//

static_assert(sizeof(rondo_kernel_traits) == 12 * sizeof(int32_t), "createTraits knows its fields");
static_assert(sizeof(rondo_cuda_kernel) == 72 && offsetof(rondo_cuda_kernel, traits) == 24,
              "createKernel knows its fields");
static_assert(sizeof(rondo_cuda_image) == 16 && sizeof(rondo_cuda_code) == 24, "emitCudaCode knows their fields");

static Value createTraits(ConstantEmitter &emit, const rondo_kernel_traits &t) {
  SmallVector<Value> fields;
  for (int32_t field : {t.threads, t.shared_bytes, t.cluster, t.warpgroups, t.block_keys, t.causal, t.persistent,
                        t.dependent_launch, t.rows_per_block, t.arriving, t.plain_loads, t.scaled_rows})
    fields.push_back(emit.i32(field));
  return emit.structure(fields);
}

static Value createKernel(ConstantEmitter &emit, StringRef symbol, const CudaKernel &kernel) {
  return emit.structure({emit.address(symbol), emit.i32(/*image=*/0), emit.i32(kernel.input), emit.i32(kernel.output),
                         emit.i32(kernel.arriving), createTraits(emit, kernel.traits)});
}

static void createImage(ModuleOp module, StringRef name, StringRef image) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), image.size());
  constexpr unsigned alignment = 64;
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name,
                         builder.getStringAttr(image), alignment);
}

void rondo::emitCudaCode(ModuleOp module, StringRef image, ArrayRef<CudaKernel> kernels) {
  constexpr StringLiteral imageName = "rondo.cuda_image", imagesName = "rondo.cuda_images",
                          kernelsName = "rondo.cuda_kernels";
  StringPool strings(module, "rondo.cuda_symbol_");
  createImage(module, imageName, image);
  createConstant(module, imagesName, [&](ConstantEmitter &emit) {
    return emit.array(emit.structure({emit.address(imageName), emit.i64(image.size())}));
  });
  if (!kernels.empty())
    createConstant(module, kernelsName, [&](ConstantEmitter &emit) {
      SmallVector<Value> elements;
      for (const CudaKernel &kernel : kernels)
        elements.push_back(createKernel(emit, strings.getGlobal(kernel.symbol).getValue(), kernel));
      return emit.array(elements);
    });
  createConstant(module, kCudaCode, [&](ConstantEmitter &emit) {
    return emit.structure({emit.i32(/*image_count=*/1), emit.i32(kernels.size()), emit.address(imagesName),
                           kernels.empty() ? emit.null() : emit.address(kernelsName)});
  });
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operations
//===--------------------------------------------------------------------------------------------------------------===//

static_assert(sizeof(rondo_cuda_operation) == 72 && offsetof(rondo_cuda_operation, operands) == 24 &&
                  offsetof(rondo_cuda_operation, scale) == 56 && offsetof(rondo_cuda_operation, operand_output) == 64 &&
                  offsetof(rondo_cuda_operation, joined) == 68,
              "emitCudaOperation knows its fields");
static_assert(static_cast<int>(exec::CudaOperationKind::Attend) == RONDO_CUDA_ATTEND &&
              static_cast<int>(exec::CudaOperationKind::Merge) == RONDO_CUDA_MERGE &&
              static_cast<int>(exec::CudaOperationKind::Elementwise) == RONDO_CUDA_ELEMENTWISE);

void rondo::emitCudaOperation(ModuleOp module, StringRef name, exec::CudaOperationAttr operation) {
  std::string kernels = (name + ".kernels").str();
  createConstant(module, kernels, [&](ConstantEmitter &emit) { return emit.i32s(operation.getKernels()); });
  createConstant(module, name, [&](ConstantEmitter &emit) {
    double scale = operation.getScale() ? operation.getScale().getValueAsDouble() : 0;
    rondo_element output = operation.getOutput() ? getElementNumber(operation.getOutput()) : RONDO_ELEMENT_F32;
    return emit.structure({emit.i32(static_cast<int32_t>(operation.getKind())), emit.i32(operation.getKernels().size()),
                           emit.address(kernels), emit.i32(operation.getMerge()), emit.i32(operation.getDimensions()),
                           emit.i32s(operation.getOperands()), emit.f64(scale), emit.i32(output),
                           emit.i32(operation.getJoined())});
  });
}
