//===- Entries.cpp - What a program exports -------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/Entries.h"
#include "codegen/host/CudaCode.h"
#include "codegen/host/Descriptors.h"
#include "codegen/host/Globals.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::rondo;

// Functions get new names, of a kind, a dot and their own name. Kinds keep them apart from each other, and the dot from
// C: a function that a user calls `malloc` or `exp` must not take the place of the C library's.
static constexpr StringLiteral kHostPrefix = "host.", kHostEntryPrefix = "host_entry.", kKernelPrefix = "kernel.",
                               kKernelEntryPrefix = "kernel_entry.", kReferencePrefix = "reference.",
                               kReferenceEntryPrefix = "reference_entry.";

std::string rondo::getKernelEntryName(func::FuncOp kernel) { return (kKernelEntryPrefix + kernel.getName()).str(); }

LLVM::LLVMFuncOp ProgramEntries::createFunction(OpBuilder &builder, Location loc, StringRef name, Type result,
                                                TypeRange arguments) {
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(result, llvm::to_vector(arguments));
  auto function = LLVM::LLVMFuncOp::create(builder, loc, name, type, LLVM::Linkage::Internal);
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  return function;
}

/// Makes `function` code of this program alone: the linker exports nothing of it, and LLVM may inline it.
static void setInternal(func::FuncOp function, StringRef prefix) {
  function.setName((prefix + function.getName()).str());
  function.setPrivate();
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(function.getContext(), LLVM::Linkage::Internal));
}

/// The tensor of an entry's argument `number`, from the array of rondo_tensor at `tensors`.
static Value createTensorArgument(OpBuilder &builder, Location loc, MemRefType type, Value tensors, int64_t number) {
  Type pointer = tensors.getType(), i64 = builder.getI64Type();
  int64_t start = number * sizeof(rondo_tensor);
  Value sizes = loadAt(builder, loc, pointer, tensors, start + offsetof(rondo_tensor, sizes));
  Value strides = loadAt(builder, loc, pointer, tensors, start + offsetof(rondo_tensor, strides));
  DescriptorParts parts;
  parts.pointer = loadAt(builder, loc, pointer, tensors, start + offsetof(rondo_tensor, data));
  parts.offset = createI64(builder, loc, 0);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    parts.sizes.push_back(loadAt(builder, loc, i64, sizes, dim * sizeof(int64_t)));
    parts.strides.push_back(loadAt(builder, loc, i64, strides, dim * sizeof(int64_t)));
  }
  return createMemRef(builder, loc, type, parts);
}

void ProgramEntries::addFunction(func::FuncOp function) {
  Location loc = function.getLoc();
  std::string name = function.getName().str();
  OpBuilder builder(module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  std::string entryName = (kHostEntryPrefix + name).str();
  LLVM::LLVMFuncOp entry =
      createFunction(builder, loc, entryName, builder.getI32Type(), {pointer, pointer, pointer, pointer});

  SmallVector<Value> arguments{entry.getArgument(0), entry.getArgument(1)};
  int64_t tensors = 0, lengths = 0;
  for (Type type : function.getArgumentTypes().drop_front(2))
    if (auto memref = dyn_cast<MemRefType>(type))
      arguments.push_back(createTensorArgument(builder, loc, memref, entry.getArgument(2), tensors++));
    else
      arguments.push_back(toIndex(
          builder, loc, loadAt(builder, loc, builder.getI64Type(), entry.getArgument(3), sizeof(int64_t) * lengths++)));
  setInternal(function, kHostPrefix);
  auto call = func::CallOp::create(builder, loc, function, arguments);
  LLVM::ReturnOp::create(builder, loc, call.getResults());
  entries[name].entry = entryName;
}

void ProgramEntries::addKernel(func::FuncOp kernel) {
  Location loc = kernel.getLoc();
  OpBuilder builder(module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext()), i64 = builder.getI64Type();
  Type nothing = LLVM::LLVMVoidType::get(builder.getContext());
  LLVM::LLVMFuncOp entry = createFunction(builder, loc, getKernelEntryName(kernel), nothing, {i64, i64, pointer});

  // The layout that LowerHost stores: each value in a slot of its own, memrefs as their flattened parts.
  Value block = entry.getArgument(2);
  int64_t slot = 0;
  auto load = [&](Type type) { return loadAt(builder, loc, type, block, kKernelArgumentBytes * slot++); };
  SmallVector<Value> arguments{toIndex(builder, loc, entry.getArgument(0)),
                               toIndex(builder, loc, entry.getArgument(1))};
  for (Type type : kernel.getArgumentTypes().drop_front(2)) {
    if (auto memref = dyn_cast<MemRefType>(type)) {
      DescriptorParts parts;
      parts.pointer = load(pointer);
      parts.offset = load(i64);
      for (int64_t dim = 0; dim < memref.getRank(); ++dim)
        parts.sizes.push_back(load(i64));
      for (int64_t dim = 0; dim < memref.getRank(); ++dim)
        parts.strides.push_back(load(i64));
      arguments.push_back(createMemRef(builder, loc, memref, parts));
    } else {
      arguments.push_back(isa<IndexType>(type) ? toIndex(builder, loc, load(i64)) : load(type));
    }
  }
  setInternal(kernel, kKernelPrefix);
  func::CallOp::create(builder, loc, kernel, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

void ProgramEntries::addReference(func::FuncOp reference) {
  Location loc = reference.getLoc();
  OpBuilder builder(module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  StringRef name = reference.getName();
  name.consume_back("__reference");
  std::string entryName = (kReferenceEntryPrefix + name).str();
  entries[name.str()].reference = entryName;
  LLVM::LLVMFuncOp entry =
      createFunction(builder, loc, entryName, LLVM::LLVMVoidType::get(builder.getContext()), {pointer, pointer});
  SmallVector<Value> arguments;
  for (auto [number, type] : llvm::enumerate(reference.getArgumentTypes()))
    arguments.push_back(createTensorArgument(builder, loc, cast<MemRefType>(type), entry.getArgument(0), number));
  setInternal(reference, kReferencePrefix);
  func::CallOp::create(builder, loc, reference, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

//===--------------------------------------------------------------------------------------------------------------===//
// The program header
//===--------------------------------------------------------------------------------------------------------------===//

void ProgramEntries::emitProgramHeader() {
  constexpr StringLiteral kFunctions = "rondo.functions";
  MLIRContext *context = module.getContext();
  Location loc = module.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i32 = IntegerType::get(context, 32),
       i64 = IntegerType::get(context, 64);
  auto functionType = LLVM::LLVMStructType::getLiteral(context, {pointer, pointer, pointer});
  auto functionsType = LLVM::LLVMArrayType::get(functionType, entries.size());
  auto magicType = LLVM::LLVMArrayType::get(IntegerType::get(context, 8), sizeof(rondo_program_header::magic));
  auto headerType = LLVM::LLVMStructType::getLiteral(context, {magicType, i32, i32, pointer, pointer, i64, pointer});

  createGlobal(module, functionsType, LLVM::Linkage::Internal, kFunctions, [&](OpBuilder &builder) {
    SmallVector<Value> functions;
    for (auto &[name, entry] : entries) {
      Value reference = entry.reference.empty()
                            ? LLVM::ZeroOp::create(builder, loc, pointer).getResult()
                            : LLVM::AddressOfOp::create(builder, loc, pointer, entry.reference).getResult();
      functions.push_back(createAggregate(builder, loc, functionType,
                                          {strings.getAddress(builder, loc, name),
                                           LLVM::AddressOfOp::create(builder, loc, pointer, entry.entry), reference}));
    }
    return createAggregate(builder, loc, functionsType, functions);
  });

  StringRef manifest = module->getAttrOfType<StringAttr>(kManifestAttr).getValue();
  createGlobal(module, headerType, LLVM::Linkage::External, RONDO_PROGRAM_SYMBOL, [&](OpBuilder &builder) {
    auto constant = [&](Type type, Attribute value) {
      return LLVM::ConstantOp::create(builder, loc, type, value).getResult();
    };
    Value cuda = module.lookupSymbol(kCudaCode)
                     ? LLVM::AddressOfOp::create(builder, loc, pointer, kCudaCode).getResult()
                     : LLVM::ZeroOp::create(builder, loc, pointer).getResult();
    return createAggregate(builder, loc, headerType,
                           {constant(magicType, builder.getStringAttr(RONDO_PROGRAM_MAGIC)),
                            constant(i32, builder.getI32IntegerAttr(RONDO_ABI_VERSION)),
                            constant(i32, builder.getI32IntegerAttr(entries.size())),
                            LLVM::AddressOfOp::create(builder, loc, pointer, kFunctions),
                            strings.getAddress(builder, loc, manifest),
                            constant(i64, builder.getI64IntegerAttr(manifest.size())), cuda});
  });
}
