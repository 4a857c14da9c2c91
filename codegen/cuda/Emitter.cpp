//===- Emitter.cpp - Short spellings for the code that CUDA kernels are made of -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/Emitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::rondo::cuda;

//===--------------------------------------------------------------------------------------------------------------===//
// Arithmetic
//===--------------------------------------------------------------------------------------------------------------===//

Value Emitter::integer(Type type, int64_t value) {
  return arith::ConstantOp::create(*this, getIntegerAttr(type, value));
}

Value Emitter::f32(float value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }

Value Emitter::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }

Value Emitter::fmax(Value a, Value b) { return arith::MaxNumFOp::create(*this, a, b); }

Value Emitter::fmaxOrNaN(Value a, Value b) { return arith::MaximumFOp::create(*this, a, b); }

Value Emitter::fabs(Value a) { return LLVM::FAbsOp::create(*this, a); }

Value Emitter::toBits(Value number) {
  return arith::BitcastOp::create(*this, getIntegerType(number.getType().getIntOrFloatBitWidth()), number);
}

Value Emitter::fromBits(Type type, Value bits) { return arith::BitcastOp::create(*this, type, bits); }

Value Emitter::exp2(Value a) {
  return LLVM::CallIntrinsicOp::create(*this, getF32Type(), getStringAttr("llvm.nvvm.ex2.approx.ftz.f32"), a)
      .getResult(0);
}

Value Emitter::log2(Value a) {
  return LLVM::CallIntrinsicOp::create(*this, getF32Type(), getStringAttr("llvm.nvvm.lg2.approx.ftz.f"), a)
      .getResult(0);
}

Value Emitter::reciprocal(Value a) { return NVVM::RcpApproxFtzF32Op::create(*this, getF32Type(), a); }

Value Emitter::pack(Type element, Value low, Value high) {
  auto pair = VectorType::get(2, element);
  auto nearest = NVVM::FPRoundingModeAttr::get(getContext(), NVVM::FPRoundingMode::RN);
  Value packed =
      element.isBF16()
          ? NVVM::ConvertF32x2ToBF16x2Op::create(*this, pair, high, low, /*random_bits=*/Value(), nearest).getResult()
          : NVVM::ConvertF32x2ToF16x2Op::create(*this, pair, high, low, /*random_bits=*/Value(), nearest).getResult();
  return LLVM::BitcastOp::create(*this, getI32Type(), packed);
}

RowPair Emitter::unpack(Type element, Value packed) {
  Value pair = LLVM::BitcastOp::create(*this, VectorType::get(2, element), packed);
  auto extend = [&](int64_t i) -> Value {
    return LLVM::FPExtOp::create(*this, getF32Type(), LLVM::ExtractElementOp::create(*this, pair, i32(i)));
  };
  return {extend(0), extend(1)};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Control flow
//===--------------------------------------------------------------------------------------------------------------===//

ValueList Emitter::replaceIf(Value condition, ValueRange otherwise, function_ref<ValueList()> then) {
  auto op = scf::IfOp::create(*this, otherwise.getTypes(), condition, /*withElseRegion=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(*this, otherwise);
  return ValueList(op.getResults());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory and inline PTX
//===--------------------------------------------------------------------------------------------------------------===//

Value Emitter::offset(Value pointer, Type element, Value index) {
  return LLVM::GEPOp::create(*this, pointer.getType(), element, pointer, ArrayRef<LLVM::GEPArg>{index});
}

Value Emitter::intToPointer(Type pointer, Value address) { return LLVM::IntToPtrOp::create(*this, pointer, address); }

Value Emitter::load(Type type, Value pointer, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, pointer, alignment);
}

void Emitter::storeIf(Value condition, Value pointer, int64_t byteOffset, ValueRange registers) {
  std::string list, constraints = "l,b";
  for (auto [i, value] : llvm::enumerate(registers)) {
    list += (i ? ", $" : "$") + std::to_string(i + 2);
    constraints += value.getType().isF32() ? ",f" : ",r";
  }
  std::string vector = registers.size() > 1 ? ".v" + std::to_string(registers.size()) : "";
  ValueList operands = {pointer, condition};
  llvm::append_range(operands, registers);
  inlinePtx("@$1 st.global" + vector + ".b32 [$0+" + Twine(byteOffset) + "], " +
                (registers.size() > 1 ? "{" + list + "}" : list) + ";",
            constraints, operands, {});
}

Value Emitter::load16If(Value condition, Value pointer) {
  return inlinePtx("{\nmov.b16 $0, 0;\n@$1 ld.global.b16 $0, [$2];\n}", "=&h,b,l", {condition, pointer},
                   getIntegerType(16))[0];
}

void Emitter::store16If(Value condition, Value pointer, int64_t byteOffset, Value bits) {
  inlinePtx("@$1 st.global.b16 [$0+" + Twine(byteOffset) + "], $2;", "l,b,h", {pointer, condition, bits}, {});
}

Value Emitter::widen(Value number) {
  return number.getType().isF32() ? number : LLVM::FPExtOp::create(*this, getF32Type(), number).getResult();
}

Value Emitter::round(Type element, Value number) {
  return LLVM::BitcastOp::create(*this, getIntegerType(16), LLVM::FPTruncOp::create(*this, element, number));
}

ValueList Emitter::inlinePtx(const Twine &text, StringRef constraints, ValueRange operands, ArrayRef<Type> results) {
  MLIRContext *context = getContext();
  SmallVector<Type> types(results);
  if (types.size() > 1)
    types = {LLVM::LLVMStructType::getLiteral(context, results)};
  auto op = LLVM::InlineAsmOp::create(*this, types, operands, text.str(), constraints, /*has_side_effects=*/true,
                                      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                      LLVM::AsmDialectAttr::get(context, LLVM::AsmDialect::AD_ATT),
                                      /*operand_attrs=*/ArrayAttr());
  if (results.size() < 2)
    return ValueList(op->getResults());
  ValueList values;
  for (int64_t i = 0, n = results.size(); i < n; ++i)
    values.push_back(LLVM::ExtractValueOp::create(*this, op.getResult(0), i));
  return values;
}
