//===- Elements.h - Vectors in and out of shards --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels compute in float32. These read and write shards of f32, f16 and bf16, never touching an element past the
// row's end.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_ELEMENTS_H
#define RONDO_CODEGEN_CPU_ELEMENTS_H

#include "codegen/cpu/Emitter.h"

namespace mlir::rondo::cpu {

/// Reads `count` (at most `lanes`) consecutive elements as float32; the other lanes are 0.
Value loadElements(Emitter &emit, Value shard, ValueRange indices, int64_t count);
/// Rounds the first `count` lanes to the shard's element type, to nearest even, and writes them.
void storeElements(Emitter &emit, Value vector, Value shard, ValueRange indices, int64_t count);

/// The same with the number of lanes known at run time, for f32 alone.
Value loadElements(Emitter &emit, Value shard, ValueRange indices, Value count);
void storeElements(Emitter &emit, Value vector, Value shard, ValueRange indices, Value count);

/// Transposes `lanes` vectors.
ValueList transpose(Emitter &emit, ValueList rows);

/// Calls body(column, count) for each vector of a row of `columns` elements, as a loop over whole vectors followed by
/// the rest.
void forEachVector(Emitter &emit, int64_t columns, function_ref<void(Value, int64_t)> body);

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_ELEMENTS_H
