//===- SpmdDialect.td - The spmd dialect --------------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef SPMD_DIALECT_TD
#define SPMD_DIALECT_TD

include "mlir/IR/OpBase.td"

def Spmd_Dialect : Dialect {
  let name = "spmd";
  let cppNamespace = "::mlir::spmd";
  let summary = "One rank's program, with explicit asynchronous communication";
  let description = [{
    Every rank runs the same program on its own shards. Communication is a cyclic shift along an axis of the grid, split
    in a start and a wait: what lies between may hide it. A value in flight has the type `!spmd.pending` and can be used
    only by the wait that ends the flight.

    The shift ops exist on tensors and, after bufferisation, on memrefs: then the start names its destination.

    Attributes tell of a function what its types do not. Constraints:
    - (program_c1) `spmd.shape`, on an argument that is a ranked tensor or memref: its global extents, one for each
      dimension, each a number that is not negative or the name of a length;
    - (program_c2) `spmd.length`, on an argument of type index: its name as a length, which no other argument has; each
      name in a shape is one of these;
    - (program_c3) `spmd.output`, a unit, on an argument that is a ranked tensor or memref: the function writes it;
    - (program_c4) `spmd.schedules`, a list of strings, `spmd.communication_bytes` and `spmd.workspace_bytes`, strings:
      on the function.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"]; // folded ops become arith.constant
  let hasConstantMaterializer = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
}

class Spmd_Op<string mnemonic, list<Trait> traits = []> : Op<Spmd_Dialect, mnemonic, traits>;

#endif // SPMD_DIALECT_TD
