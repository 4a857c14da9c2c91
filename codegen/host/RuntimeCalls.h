//===- RuntimeCalls.h - Calls of the runtime's function table -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host code receives a table of runtime functions (runtime/include/rondo/abi.h) and checks the status of every call.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_HOST_RUNTIMECALLS_H
#define RONDO_CODEGEN_HOST_RUNTIMECALLS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include "rondo/abi.h"

#include <cstddef>
#include <map>

namespace mlir::rondo {

/// The functions of the table, by their byte offset in it.
enum class RuntimeFunction : int64_t {
  AxisIndex = offsetof(rondo_runtime_table, axis_index),
  AxisSize = offsetof(rondo_runtime_table, axis_size),
  Arena = offsetof(rondo_runtime_table, arena),
  Step = offsetof(rondo_runtime_table, step),
  Dispatch = offsetof(rondo_runtime_table, dispatch),
  Exchange = offsetof(rondo_runtime_table, exchange),
  Record = offsetof(rondo_runtime_table, record),
  Await = offsetof(rondo_runtime_table, await),
  Launch = offsetof(rondo_runtime_table, launch),
};

/// Constant strings of a module, each stored once.
class StringPool {
public:
  /// Strings are globals of the names `prefix`0, `prefix`1, ...
  explicit StringPool(ModuleOp module, StringRef prefix = "rondo.string_") : module(module), prefix(prefix) {}
  /// The address of the NUL-terminated `text`.
  Value getAddress(OpBuilder &builder, Location loc, StringRef text);
  /// The name of the global that holds the NUL-terminated `text`.
  FlatSymbolRefAttr getGlobal(StringRef text);

private:
  ModuleOp module;
  std::string prefix;
  std::map<std::string, FlatSymbolRefAttr> globals;
};

/// Emits calls of the runtime in one host function: its first two arguments are the table and the execution, and it
/// returns a status.
class RuntimeCalls {
public:
  RuntimeCalls(func::FuncOp function, StringPool &strings) : function(function), strings(strings) {}

  /// Calls a function of the table with the execution and `arguments`; returns its result.
  Value call(OpBuilder &builder, Location loc, RuntimeFunction which, Type result, ValueRange arguments);

  /// Calls a function that returns a status, and leaves the host function with that status unless it is 0. Emission
  /// goes on behind the check: the builder is moved there.
  void callChecked(OpBuilder &builder, Location loc, RuntimeFunction which, ValueRange arguments);

  /// `bytes` bytes of stack, reserved once at the function's entry.
  Value reserve(OpBuilder &builder, Location loc, int64_t bytes);

  Value getString(OpBuilder &builder, Location loc, StringRef text) { return strings.getAddress(builder, loc, text); }

private:
  /// The block that returns the status of a failed call.
  Block *getUnwindBlock();

  func::FuncOp function;
  StringPool &strings;
  Block *unwindBlock = nullptr;
};

} // namespace mlir::rondo

#endif // RONDO_CODEGEN_HOST_RUNTIMECALLS_H
