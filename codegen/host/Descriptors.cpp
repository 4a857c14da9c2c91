//===- Descriptors.cpp - Memrefs from pointers, and pointers from memrefs -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/Descriptors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::rondo;

Value rondo::createI64(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}

Value rondo::toI64(OpBuilder &builder, Location loc, Value index) {
  return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index);
}

Value rondo::toIndex(OpBuilder &builder, Location loc, Value i64) {
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), i64);
}

Value rondo::advance(OpBuilder &builder, Location loc, Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), builder.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value rondo::loadAt(OpBuilder &builder, Location loc, Type type, Value pointer, int64_t bytes) {
  return LLVM::LoadOp::create(builder, loc, type, advance(builder, loc, pointer, bytes));
}

void rondo::storeAt(OpBuilder &builder, Location loc, Value value, Value pointer, int64_t bytes) {
  LLVM::StoreOp::create(builder, loc, value, advance(builder, loc, pointer, bytes));
}

SmallVector<Value> DescriptorParts::flatten() const {
  SmallVector<Value> all{pointer, offset};
  llvm::append_range(all, sizes);
  llvm::append_range(all, strides);
  return all;
}

/// (allocated pointer, aligned pointer, offset, sizes, strides), as the lowering of memrefs to LLVM lays it out.
static Type getDescriptorType(MLIRContext *context, int64_t rank) {
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
  SmallVector<Type> fields{pointer, pointer, i64};
  if (rank > 0)
    fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
  return LLVM::LLVMStructType::getLiteral(context, fields);
}

Value rondo::createMemRef(OpBuilder &builder, Location loc, MemRefType type, const DescriptorParts &parts) {
  Value descriptor = LLVM::UndefOp::create(builder, loc, getDescriptorType(builder.getContext(), type.getRank()));
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value, position);
  };
  insert(parts.pointer, {0});
  insert(parts.pointer, {1});
  insert(parts.offset, {2});
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    insert(parts.sizes[dim], {3, dim});
    insert(parts.strides[dim], {4, dim});
  }
  return UnrealizedConversionCastOp::create(builder, loc, type, descriptor).getResult(0);
}

Value rondo::createByteMemRef(OpBuilder &builder, Location loc, MemRefType type, Value pointer, Value bytes) {
  return createMemRef(builder, loc, type, {pointer, createI64(builder, loc, 0), {bytes}, {createI64(builder, loc, 1)}});
}

static Value extractAlignedPointer(OpBuilder &builder, Location loc, Value memref) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, memref);
  return LLVM::IntToPtrOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()),
                                  toI64(builder, loc, address));
}

DescriptorParts rondo::extractParts(OpBuilder &builder, Location loc, Value memref) {
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, memref);
  DescriptorParts parts;
  parts.pointer = extractAlignedPointer(builder, loc, memref);
  parts.offset = toI64(builder, loc, metadata.getOffset());
  for (Value size : metadata.getSizes())
    parts.sizes.push_back(toI64(builder, loc, size));
  for (Value stride : metadata.getStrides())
    parts.strides.push_back(toI64(builder, loc, stride));
  return parts;
}

Value rondo::extractPointer(OpBuilder &builder, Location loc, Value memref) {
  assert(cast<MemRefType>(memref.getType()).getLayout().isIdentity() && "expected a contiguous memref");
  return extractAlignedPointer(builder, loc, memref);
}

Value rondo::extractByteCount(OpBuilder &builder, Location loc, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  Value bytes = createI64(builder, loc, llvm::divideCeil(type.getElementTypeBitWidth(), 8));
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    Value size = type.isDynamicDim(dim) ? toI64(builder, loc, memref::DimOp::create(builder, loc, memref, dim))
                                        : createI64(builder, loc, type.getDimSize(dim));
    bytes = arith::MulIOp::create(builder, loc, bytes, size);
  }
  return bytes;
}
