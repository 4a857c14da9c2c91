//===- SpmdTypes.td - Values in flight ----------------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef SPMD_TYPES_TD
#define SPMD_TYPES_TD

include "dialect/spmd/SpmdDialect.td"
include "mlir/IR/AttrTypeBase.td"

def Spmd_PendingType : TypeDef<Spmd_Dialect, "Pending"> {
  let mnemonic = "pending";
  let summary = "A value in flight";
  let description = [{
    What a `spmd.shift_start` has begun to receive. It is neither a tensor nor a memref, so bufferisation leaves it
    alone; the `spmd.wait` that ends the flight turns it into either.

    ```mlir
    !spmd.pending<1x32x?x128xf32>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
}

#endif // SPMD_TYPES_TD
