//===- Entries.h - What a program exports ---------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wraps host functions, kernels and references in the signatures of runtime/include/rondo/abi.h, and emits the program
// header: the only symbol that a program exports.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_HOST_ENTRIES_H
#define RONDO_CODEGEN_HOST_ENTRIES_H

#include "codegen/host/RuntimeCalls.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>

namespace mlir::rondo {

/// The module attribute that holds the manifest of its functions.
inline constexpr StringLiteral kManifestAttr = "rondo.manifest";

/// The size of each argument in a kernel's argument block.
inline constexpr int64_t kKernelArgumentBytes = 8;

/// The name of the function that unpacks a kernel's argument block.
std::string getKernelEntryName(func::FuncOp kernel);

class ProgramEntries {
public:
  ProgramEntries(ModuleOp module, StringPool &strings) : module(module), strings(strings) {}

  // Functions are renamed, so that no name of a user's is one of this program's or of the C library.

  /// A host function: (table, execution, inputs and outputs, lengths) -> status.
  void addFunction(func::FuncOp function);
  /// A kernel: (part, parts, operands).
  void addKernel(func::FuncOp kernel);
  /// The reference of a public function: (inputs, outputs), all of f64 and contiguous.
  void addReference(func::FuncOp reference);

  /// Emits `rondo_program_v1`, after all functions were added.
  void emitProgramHeader();

private:
  /// A function of this program alone, with an empty body; `builder` is moved there.
  LLVM::LLVMFuncOp createFunction(OpBuilder &builder, Location loc, StringRef name, Type result, TypeRange arguments);

  struct Entry {
    std::string entry, reference;
  };

  ModuleOp module;
  StringPool &strings;
  std::map<std::string, Entry> entries; // in the order of their names, as in the manifest
};

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_ENTRIES_H
