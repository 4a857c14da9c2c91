//===- ExecDialect.td - The exec dialect --------------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef EXEC_DIALECT_TD
#define EXEC_DIALECT_TD

include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::mlir::exec";
  let summary = "Work on streams, each op a call of the runtime";
  let description = [{
    A rank issues kernels and exchanges to two streams. Each stream does its work in order; work on different streams is
    ordered by events alone. Every op is one call of the runtime (runtime/include/rondo/abi.h), which returns a status
    that host code checks and unwinds on. Nothing waits for a whole device, and the host waits for nothing.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

class Exec_Op<string mnemonic, list<Trait> traits = []> : Op<Exec_Dialect, mnemonic, traits>;

#endif // EXEC_DIALECT_TD
