//===- Emitter.h - Short spellings for the code that kernels are made of --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A builder with the handful of operations that kernels use over and over: index arithmetic, loops, and vectors of
// float32 as wide as the target's registers.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CPU_EMITTER_H
#define RONDO_CODEGEN_CPU_EMITTER_H

#include "codegen/common/ControlFlow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::rondo::cpu {

using ValueList = rondo::ValueList;

class Emitter : public ImplicitLocOpBuilder {
public:
  /// Vectors hold `lanes` elements.
  Emitter(Location loc, OpBuilder &builder, int64_t lanes) : ImplicitLocOpBuilder(loc, builder), lanes(lanes) {}

  const int64_t lanes;

  VectorType vectorOf(Type element) { return VectorType::get(lanes, element); }
  VectorType floatVector() { return vectorOf(getF32Type()); }

  // Index arithmetic; all values are non-negative unless said otherwise.
  Value index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
  Value add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
  Value add(Value a, int64_t b) { return add(a, index(b)); }
  Value sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
  Value mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
  Value mul(Value a, int64_t b) { return mul(a, index(b)); }
  Value div(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
  Value rem(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), index(b)); }
  Value ceilDiv(Value a, Value b) { return div(sub(add(a, b), index(1)), b); }
  Value roundUp(Value a, int64_t b) { return mul(ceilDiv(a, b), b); }
  /// Signed.
  Value min(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
  Value max(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return createOrFold<arith::CmpIOp>(predicate, a, b);
  }
  /// The extent of a memref, as a constant where its type says it.
  Value dim(Value memref, int64_t dimension);

  // Vectors, element by element.
  Value splat(Value scalar);
  Value splat(float value);
  Value select(Value condition, Value a, Value b) { return createOrFold<arith::SelectOp>(condition, a, b); }
  /// The larger of two numbers; `b` unless `a > b`. So a NaN in `a` is ignored, which costs one instruction.
  Value maxIgnoringNaN(Value a, Value b);

  /// Memory on the stack of a kernel, with room for `shape`. Emit it at the top of the function.
  Value scratch(ArrayRef<int64_t> shape, Type element);
  Value load(Value scratch, ValueRange indices);
  void store(Value vector, Value scratch, ValueRange indices);

  /// for (i = lower; i < upper; i += step) body(i)
  void loop(Value lower, Value upper, int64_t step, function_ref<void(Value)> body);
  /// The same with loop-carried values: body(i, carried) returns their next values.
  ValueList loop(Value lower, Value upper, int64_t step, ValueRange initial,
                 function_ref<ValueList(Value, ValueRange)> body) {
    return emitLoop(*this, lower, upper, index(step), initial, body);
  }
  void ifThen(Value condition, function_ref<void()> then) { emitIf(*this, condition, then); }
  void ifThenElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
    emitIfElse(*this, condition, then, otherwise);
  }

  /// Calls body(item) for the items of [0, items) that belong to part `part` of `parts`: a contiguous range.
  void loopOverPart(Value part, Value parts, Value items, function_ref<void(Value)> body);
};

} // namespace mlir::rondo::cpu

#endif // RONDO_CODEGEN_CPU_EMITTER_H
