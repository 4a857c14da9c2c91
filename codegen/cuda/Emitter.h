//===- Emitter.h - Short spellings for the code that CUDA kernels are made of ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A builder with the operations that kernels use over and over: arithmetic on i32, i64 and f32, loops and branches,
// global memory, and inline PTX for what no dialect offers.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_CUDA_EMITTER_H
#define RONDO_CODEGEN_CUDA_EMITTER_H

#include "codegen/common/ControlFlow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <array>

namespace mlir::rondo::cuda {

using ValueList = rondo::ValueList;

/// One value for each of the two rows of an accumulator that a thread holds elements of.
using RowPair = std::array<Value, 2>;

class Emitter : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // Integers: both operands have the type of the first.
  Value i32(int64_t value) { return integer(getI32Type(), value); }
  Value i64(int64_t value) { return integer(getI64Type(), value); }
  Value integer(Type type, int64_t value);
  Value boolean(bool value) { return integer(getI1Type(), value); }
  Value add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
  Value add(Value a, int64_t b) { return add(a, integer(a.getType(), b)); }
  Value sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
  Value sub(Value a, int64_t b) { return sub(a, integer(a.getType(), b)); }
  Value mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
  Value mul(Value a, int64_t b) { return mul(a, integer(a.getType(), b)); }
  /// Division of non-negative numbers.
  Value div(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
  Value rem(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), integer(a.getType(), b)); }
  Value bitAnd(Value a, Value b) { return createOrFold<arith::AndIOp>(a, b); }
  Value bitAnd(Value a, int64_t b) { return bitAnd(a, integer(a.getType(), b)); }
  Value bitOr(Value a, Value b) { return createOrFold<arith::OrIOp>(a, b); }
  Value bitOr(Value a, int64_t b) { return createOrFold<arith::OrIOp>(a, integer(a.getType(), b)); }
  Value bitXor(Value a, Value b) { return createOrFold<arith::XOrIOp>(a, b); }
  Value bitXor(Value a, int64_t b) { return createOrFold<arith::XOrIOp>(a, integer(a.getType(), b)); }
  Value shiftLeft(Value a, int64_t b) { return createOrFold<arith::ShLIOp>(a, integer(a.getType(), b)); }
  Value shiftRight(Value a, int64_t b) { return createOrFold<arith::ShRUIOp>(a, integer(a.getType(), b)); }
  Value shiftRight(Value a, Value b) { return createOrFold<arith::ShRUIOp>(a, b); }
  /// Signed.
  Value min(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
  Value max(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }
  Value minUnsigned(Value a, Value b) { return createOrFold<arith::MinUIOp>(a, b); }
  Value toI64(Value signedValue) { return createOrFold<arith::ExtSIOp>(getI64Type(), signedValue); }
  Value zeroExtend(Value value) { return createOrFold<arith::ExtUIOp>(getI64Type(), value); }

  // Conditions.
  Value equal(Value a, int64_t b) { return compare(arith::CmpIPredicate::eq, a, integer(a.getType(), b)); }
  Value equal(Value a, Value b) { return compare(arith::CmpIPredicate::eq, a, b); }
  Value differs(Value a, Value b) { return compare(arith::CmpIPredicate::ne, a, b); }
  Value less(Value a, Value b) { return compare(arith::CmpIPredicate::slt, a, b); }
  Value less(Value a, int64_t b) { return less(a, integer(a.getType(), b)); }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return createOrFold<arith::CmpIOp>(predicate, a, b);
  }
  Value select(Value condition, Value a, Value b) { return createOrFold<arith::SelectOp>(condition, a, b); }

  // Numbers in f32.
  Value f32(float value);
  Value fadd(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value fsub(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
  Value fmul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value fneg(Value a) { return arith::NegFOp::create(*this, a); }
  /// a * b + c, rounded once.
  Value fma(Value a, Value b, Value c);
  /// The larger number; the other one if one is NaN.
  Value fmax(Value a, Value b);
  /// The larger number; NaN if one is NaN.
  Value fmaxOrNaN(Value a, Value b);
  Value fabs(Value a);
  Value fequal(Value a, Value b) { return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, b); }
  /// Also if one is NaN.
  Value fdiffers(Value a, Value b) { return arith::CmpFOp::create(*this, arith::CmpFPredicate::UNE, a, b); }
  Value fisNotAtMost(Value a, Value b) { return arith::CmpFOp::create(*this, arith::CmpFPredicate::UGT, a, b); }
  Value fgreater(Value a, Value b) { return arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b); }
  /// 2^a, log2(a) and 1/a to about 2^-22; subnormal numbers count as 0.
  Value exp2(Value a);
  Value log2(Value a);
  Value reciprocal(Value a);
  /// The bits of a number as an integer of its width, and the reverse.
  Value toBits(Value number);
  Value fromBits(Type type, Value bits);
  /// Two numbers rounded to a 16-bit type in one i32; `low` is the element of the lower address.
  Value pack(Type element, Value low, Value high);
  /// The reverse.
  RowPair unpack(Type element, Value packed);

  // Control flow.
  /// for (i = lower; i < upper; ++i) with loop-carried values: body(i, carried) returns their next values.
  ValueList loop(Value lower, Value upper, ValueRange initial, function_ref<ValueList(Value, ValueRange)> body,
                 int64_t step = 1) {
    return emitLoop(*this, lower, upper, i32(step), initial, body);
  }
  void ifThen(Value condition, function_ref<void()> then) { emitIf(*this, condition, then); }
  void ifThenElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
    emitIfElse(*this, condition, then, otherwise);
  }
  /// then() if the condition holds, else `otherwise`.
  ValueList replaceIf(Value condition, ValueRange otherwise, function_ref<ValueList()> then);

  // Global memory. Addresses are pointers of address space 1.
  Value offset(Value pointer, Type element, Value index);
  Value intToPointer(Type pointer, Value address);
  Value load(Type type, Value pointer, unsigned alignment);
  /// Stores registers of 32 bits, 1, 2 or 4 of them, `byteOffset` behind the pointer if `condition` holds. There is no
  /// branch, so that a warp stays together.
  void storeIf(Value condition, Value pointer, int64_t byteOffset, ValueRange registers);
  /// Loads and stores 16 bits; where the condition does not hold, the value is 0.
  Value load16If(Value condition, Value pointer);
  void store16If(Value condition, Value pointer, int64_t byteOffset, Value bits);
  /// A number rounded to a 16-bit type, as bits.
  Value round(Type element, Value number);
  /// A number of any type as f32.
  Value widen(Value number);

  /// A PTX text with operands $0, $1, ...: results first, then `operands`. Its letters are LLVM's: h (i16), r (i32), l
  /// (i64 or pointer), f (f32), b (i1), or the number of a result that the operand shares a register with. It is never
  /// removed and keeps its order with others.
  ValueList inlinePtx(const Twine &text, StringRef constraints, ValueRange operands, ArrayRef<Type> results);
};

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_CUDA_EMITTER_H
