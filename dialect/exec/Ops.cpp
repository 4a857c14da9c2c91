//===- Ops.cpp - The ops of the exec dialect: verification, syntax --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::exec;

//===--------------------------------------------------------------------------------------------------------------===//
// exec.arena
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult ArenaOp::verify() { // arena_c1
  auto function = (*this)->getParentOfType<FunctionOpInterface>();
  if (!function)
    return emitOpError("belongs in a function");
  ArenaOp first;
  function->walk([&](ArenaOp arena) {
    first = arena;
    return WalkResult::interrupt();
  });
  if (first == *this)
    return success();
  InFlightDiagnostic diagnostic = emitOpError("is the second arena of its function; expected one, which all "
                                              "intermediate values share");
  diagnostic.attachNote(first.getLoc()) << "the first one is here";
  return diagnostic;
}

//===--------------------------------------------------------------------------------------------------------------===//
// exec.dispatch
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) { // dispatch_c1
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "names the kernel " << getKernelAttr() << ", which does not exist";
  if (!kernel->hasAttr(kKernelAttr)) {
    InFlightDiagnostic diagnostic = emitOpError() << "names " << getKernelAttr()
                                                  << ", which is no kernel: it is not marked '" << kKernelAttr << "'";
    diagnostic.attachNote(kernel.getLoc()) << "it is declared here";
    return diagnostic;
  }
  Type index = IndexType::get(getContext());
  SmallVector<Type> expected{index, index};
  llvm::append_range(expected, getOperandTypes());
  if (kernel.getArgumentTypes() == ArrayRef<Type>(expected))
    return success();
  InFlightDiagnostic diagnostic = emitOpError() << "gives the kernel arguments of types (" << expected
                                                << "), of which the first two are part and parts";
  diagnostic.attachNote(kernel.getLoc()) << "it takes (" << kernel.getArgumentTypes() << ')';
  return diagnostic;
}

LogicalResult DispatchOp::verify() { // dispatch_c2
  for (int32_t position : llvm::concat<const int32_t>(getReads(), getWrites())) {
    if (position < 0 || position >= static_cast<int32_t>(getNumOperands()))
      return emitOpError() << "lists operand " << position << " as read or written, but has " << getNumOperands()
                           << " operands, numbered from 0";
    Type type = getOperand(position).getType();
    if (!isa<MemRefType>(type))
      return emitOpError() << "lists operand " << position << " as read or written, but it is no memref: " << type;
  }
  for (auto [position, type] : llvm::enumerate(getOperandTypes()))
    if (isa<MemRefType>(type) && !llvm::is_contained(getReads(), position) &&
        !llvm::is_contained(getWrites(), position))
      return emitOpError() << "does not say whether it reads or writes operand " << position
                           << "; list it under 'reads' or 'writes'";
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// exec.exchange
//===--------------------------------------------------------------------------------------------------------------===//

/// One list of types stands for both sources and destinations.
static ParseResult parseSameTypes(OpAsmParser &parser, SmallVectorImpl<Type> &sources,
                                  SmallVectorImpl<Type> &destinations) {
  if (parser.parseTypeList(sources))
    return failure();
  destinations = sources;
  return success();
}

static void printSameTypes(OpAsmPrinter &printer, Operation *, TypeRange sources, TypeRange) {
  llvm::interleaveComma(sources, printer);
}

LogicalResult ExchangeOp::verifySymbolUses(SymbolTableCollection &symbols) { // axis_c1
  return rondo::GridOp::verifyAxis(*this, getGridAttr(), getAxis(), symbols);
}

LogicalResult ExchangeOp::verify() {
  if (getNames().size() != getSources().size()) // exchange_c1
    return emitOpError() << "has " << getSources().size() << " sources, but " << getNames().size()
                         << " names; expected one name for each";
  for (auto [source, destination] : llvm::zip(getSources(), getDestinations())) { // exchange_c2
    if (source.getType() != destination.getType())
      return emitOpError() << "sends " << source.getType() << ", but receives " << destination.getType()
                           << "; they must be equal";
    if (!cast<MemRefType>(source.getType()).getLayout().isIdentity())
      return emitOpError() << "sends " << source.getType() << ", which is not contiguous; expected the identity layout";
    Type element = cast<MemRefType>(source.getType()).getElementType();
    if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0) // exchange_c4
      return emitOpError() << "sends " << source.getType()
                           << ", whose elements have no size in bytes; expected integers "
                           << "or floating-point numbers of whole bytes";
  }
  if (auto distance = static_cast<int64_t>(getDistance()); distance < 1) // exchange_c3
    return emitOpError() << "passes on by " << distance << "; expected at least 1";
  return success();
}

#define GET_OP_CLASSES
#include "dialect/exec/ExecOps.cpp.inc"
