//===- Emitter.cpp - Short spellings for the code that kernels are made of ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cpu/Emitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::rondo::cpu;

Value Emitter::dim(Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return index(type.getDimSize(dimension));
  return memref::DimOp::create(*this, memref, dimension);
}

Value Emitter::splat(Value scalar) { return vector::BroadcastOp::create(*this, vectorOf(scalar.getType()), scalar); }

Value Emitter::splat(float value) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(floatVector(), value));
}

Value Emitter::maxIgnoringNaN(Value a, Value b) {
  return select(arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b), a, b);
}

Value Emitter::scratch(ArrayRef<int64_t> shape, Type element) {
  constexpr int64_t cacheLine = 64;
  return memref::AllocaOp::create(*this, MemRefType::get(shape, element), getI64IntegerAttr(cacheLine));
}

Value Emitter::load(Value scratch, ValueRange indices) {
  Type element = cast<MemRefType>(scratch.getType()).getElementType();
  return vector::LoadOp::create(*this, vectorOf(element), scratch, indices);
}

void Emitter::store(Value vector, Value scratch, ValueRange indices) {
  vector::StoreOp::create(*this, vector, scratch, indices);
}

void Emitter::loop(Value lower, Value upper, int64_t step, function_ref<void(Value)> body) {
  loop(lower, upper, step, {}, [&](Value i, ValueRange) {
    body(i);
    return ValueList();
  });
}

void Emitter::loopOverPart(Value part, Value parts, Value items, function_ref<void(Value)> body) {
  Value begin = div(mul(items, part), parts);
  Value end = div(mul(items, add(part, 1)), parts);
  loop(begin, end, 1, body);
}
