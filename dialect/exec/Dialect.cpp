//===- Dialect.cpp - Registration of the exec dialect ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/exec/Exec.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::exec;

#include "dialect/exec/ExecDialect.cpp.inc"
#include "dialect/exec/ExecEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/exec/ExecAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/exec/ExecTypes.cpp.inc"

void ExecDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/exec/ExecAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/exec/ExecTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/exec/ExecOps.cpp.inc"
      >();
}
