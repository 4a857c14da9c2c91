//===- Globals.cpp - Constant data of a program ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/Globals.h"

using namespace mlir;
using namespace mlir::rondo;

Value rondo::createAggregate(OpBuilder &builder, Location loc, Type type, ValueRange fields) {
  Value aggregate = LLVM::UndefOp::create(builder, loc, type);
  for (auto [position, field] : llvm::enumerate(fields))
    aggregate = LLVM::InsertValueOp::create(builder, loc, aggregate, field, static_cast<int64_t>(position));
  return aggregate;
}

void rondo::createGlobal(ModuleOp module, Type type, LLVM::Linkage linkage, StringRef name,
                         function_ref<Value(OpBuilder &)> build) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto global = LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, linkage, name, Attribute());
  builder.createBlock(&global.getInitializerRegion());
  LLVM::ReturnOp::create(builder, module.getLoc(), build(builder));
}
