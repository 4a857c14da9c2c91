//===- Formula.h - Costs as formulas of lengths and ranks -----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes that a schedule moves are known before any length is: they are an expression of global lengths and the
// number of ranks. The same expression is folded at compile time, printed in remarks and the manifest, and computed by
// the program where it has to choose.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_PASSES_SCHEDULES_FORMULA_H
#define RONDO_PASSES_SCHEDULES_FORMULA_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"

namespace mlir::rondo {

/// What the symbols of a formula stand for.
struct FormulaSymbol {
  std::string name; // "s0", "n"
  Value value;      // of type index
};

/// Prints `(n - 1)*ceil(s0/n)*16384`.
std::string printFormula(AffineExpr formula, ArrayRef<FormulaSymbol> symbols);

/// Emits the computation of a formula.
Value emitFormula(OpBuilder &builder, Location loc, AffineExpr formula, ArrayRef<FormulaSymbol> symbols);

/// The value of a formula, if it depends on nothing that is bound at run time.
std::optional<int64_t> evaluateFormula(AffineExpr formula);

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_FORMULA_H
