//===- TransferRoom.h - Attention beside transfers ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_TRANSFERROOM_H
#define RONDO_CODEGEN_KERNELS_TRANSFERROOM_H

#include "dialect/exec/Exec.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::rondo {

/// The work of the compute stream that is issued after `exchange` has started, in its block, and before its arrival is
/// awaited or handed on to the next round of a loop.
SmallVector<exec::DispatchOp> findHidingDispatches(exec::ExchangeOp exchange);

namespace cuda {

/// Reports, for each attention of the function's kernels that runs beside a transfer, how many multiprocessors the
/// runtime will leave to the transfer on an H100, by the model of runtime/src/cuda_margin.h; or the rule, where lengths
/// are known only at run time. Kernels have been chosen.
void remarkTransferRoom(func::FuncOp function);

} // namespace cuda
} // namespace mlir::rondo

#endif // RONDO_CODEGEN_KERNELS_TRANSFERROOM_H
