//===- Descriptors.h - Memrefs from pointers, and pointers from memrefs ---------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host code hands memrefs to kernels and receives them from callers as plain pointers and integers. These helpers build
// the LLVM descriptor of a memref and cast it; the lowering of memrefs to LLVM later removes the casts.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_HOST_DESCRIPTORS_H
#define RONDO_CODEGEN_HOST_DESCRIPTORS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::rondo {

/// A memref in parts: an aligned pointer (!llvm.ptr) and i64s.
struct DescriptorParts {
  Value pointer;
  Value offset;
  SmallVector<Value> sizes;
  SmallVector<Value> strides;

  /// All parts in one list: pointer, offset, sizes, strides.
  SmallVector<Value> flatten() const;
};

/// A memref of the given type from its parts.
Value createMemRef(OpBuilder &builder, Location loc, MemRefType type, const DescriptorParts &parts);

/// A contiguous memref of bytes.
Value createByteMemRef(OpBuilder &builder, Location loc, MemRefType type, Value pointer, Value bytes);

/// The parts of a memref.
DescriptorParts extractParts(OpBuilder &builder, Location loc, Value memref);

/// The address of a memref's first element, and the number of bytes that its elements occupy (i64). The memref is
/// contiguous.
Value extractPointer(OpBuilder &builder, Location loc, Value memref);
Value extractByteCount(OpBuilder &builder, Location loc, Value memref);

/// index -> i64 and back.
Value toI64(OpBuilder &builder, Location loc, Value index);
Value toIndex(OpBuilder &builder, Location loc, Value i64);
Value createI64(OpBuilder &builder, Location loc, int64_t value);

/// pointer + `bytes`.
Value advance(OpBuilder &builder, Location loc, Value pointer, int64_t bytes);

/// Loads an i64 or a pointer that lies `bytes` behind `pointer`.
Value loadAt(OpBuilder &builder, Location loc, Type type, Value pointer, int64_t bytes);
void storeAt(OpBuilder &builder, Location loc, Value value, Value pointer, int64_t bytes);

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_DESCRIPTORS_H
