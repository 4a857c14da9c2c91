//===- Formula.cpp - Costs as formulas of lengths and ranks ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/Formula.h"

#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::rondo;

std::string rondo::printFormula(AffineExpr formula, ArrayRef<FormulaSymbol> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(formula))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(formula))
    return symbols[symbol.getPosition()].name;
  auto binary = cast<AffineBinaryOpExpr>(formula);
  std::string left = printFormula(binary.getLHS(), symbols), right = printFormula(binary.getRHS(), symbols);
  auto group = [](AffineExpr operand, const std::string &text) {
    return operand.getKind() == AffineExprKind::Add ? "(" + text + ")" : text;
  };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    if (auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS()); constant && constant.getValue() < 0)
      return left + " - " + std::to_string(-constant.getValue());
    return left + " + " + right;
  case AffineExprKind::Mul:
    return group(binary.getLHS(), left) + "*" + group(binary.getRHS(), right);
  case AffineExprKind::CeilDiv: {
    bool simple = binary.getRHS().isSymbolicOrConstant() && !isa<AffineBinaryOpExpr>(binary.getRHS());
    return "ceil(" + group(binary.getLHS(), left) + "/" + (simple ? right : "(" + right + ")") + ")";
  }
  default:
    llvm_unreachable("formulas consist of +, * and ceil(a/b)");
  }
}

Value rondo::emitFormula(OpBuilder &builder, Location loc, AffineExpr formula, ArrayRef<FormulaSymbol> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(formula))
    return arith::ConstantIndexOp::create(builder, loc, constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(formula))
    return symbols[symbol.getPosition()].value;
  auto binary = cast<AffineBinaryOpExpr>(formula);
  Value left = emitFormula(builder, loc, binary.getLHS(), symbols);
  Value right = emitFormula(builder, loc, binary.getRHS(), symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, loc, left, right);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, loc, left, right);
  case AffineExprKind::CeilDiv: // a length over ranks: no other op knows how a length is cut
    return spmd::ShardSizeMaxOp::create(builder, loc, right, left);
  default:
    llvm_unreachable("formulas consist of +, * and ceil(a/b)");
  }
}

std::optional<int64_t> rondo::evaluateFormula(AffineExpr formula) {
  if (auto constant = dyn_cast<AffineConstantExpr>(formula))
    return constant.getValue();
  return std::nullopt;
}
