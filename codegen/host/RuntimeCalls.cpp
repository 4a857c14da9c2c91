//===- RuntimeCalls.cpp - Calls of the runtime's function table -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/RuntimeCalls.h"
#include "codegen/host/Descriptors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::rondo;

FlatSymbolRefAttr StringPool::getGlobal(StringRef text) {
  FlatSymbolRefAttr &global = globals[text.str()];
  if (global)
    return global;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  std::string content = text.str() + '\0';
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), content.size());
  std::string name = prefix + std::to_string(globals.size());
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name,
                         builder.getStringAttr(content));
  return global = FlatSymbolRefAttr::get(builder.getContext(), name);
}

Value StringPool::getAddress(OpBuilder &builder, Location loc, StringRef text) {
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), getGlobal(text));
}

Value RuntimeCalls::call(OpBuilder &builder, Location loc, RuntimeFunction which, Type result, ValueRange arguments) {
  Value table = function.getArgument(0), execution = function.getArgument(1);
  SmallVector<Value> operands{loadAt(builder, loc, table.getType(), table, static_cast<int64_t>(which)), execution};
  llvm::append_range(operands, arguments);
  SmallVector<Type> types = llvm::to_vector(llvm::drop_begin(ValueRange(operands).getTypes()));
  return LLVM::CallOp::create(builder, loc, LLVM::LLVMFunctionType::get(result, types), operands).getResult();
}

void RuntimeCalls::callChecked(OpBuilder &builder, Location loc, RuntimeFunction which, ValueRange arguments) {
  Value status = call(builder, loc, which, builder.getI32Type(), arguments);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  Value fine = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, status, zero);
  Block *block = builder.getInsertionBlock();
  Block *next = block->splitBlock(builder.getInsertionPoint());
  builder.setInsertionPointToEnd(block);
  cf::CondBranchOp::create(builder, loc, fine, next, ValueRange{}, getUnwindBlock(), ValueRange{status});
  builder.setInsertionPointToStart(next);
}

Block *RuntimeCalls::getUnwindBlock() {
  if (unwindBlock)
    return unwindBlock;
  unwindBlock = &function.getBody().emplaceBlock();
  OpBuilder builder = OpBuilder::atBlockBegin(unwindBlock);
  Value status = unwindBlock->addArgument(builder.getI32Type(), function.getLoc());
  func::ReturnOp::create(builder, function.getLoc(), status);
  return unwindBlock;
}

Value RuntimeCalls::reserve(OpBuilder &builder, Location loc, int64_t bytes) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), builder.getI8Type(),
                                createI64(builder, loc, bytes), /*alignment=*/8);
}
