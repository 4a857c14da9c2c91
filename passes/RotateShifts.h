//===- RotateShifts.h - Shifts of a loop begin one iteration early --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_ROTATESHIFTS_H
#define RONDO_PASSES_ROTATESHIFTS_H

#include "dialect/spmd/Spmd.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::rondo {

/// Whether an op takes time on a rank, so that it can hide a transfer.
bool isCompute(Operation *op);

/// A shift in a loop that can begin in the iteration before: what it sends is loop-carried, and has arrived by a wait
/// at the begin of that iteration.
struct EarlyShift {
  spmd::ShiftStartOp start;
  spmd::WaitOp wait;
  unsigned carried; // which loop-carried value it sends
};

/// The shifts of a loop that can begin one iteration early and would then be hidden. Waits stand before first uses.
SmallVector<EarlyShift> findEarlyShifts(scf::ForOp loop);

/// Why a loop cannot be rotated; empty if it can.
std::string getRotationObstacle(scf::ForOp loop);

/// Rotates the loop: each shift starts an iteration earlier, the first one before the loop, and the last iteration is
/// peeled since it starts none. If the loop may run zero times, all that is under a condition.
void rotateShifts(scf::ForOp loop, ArrayRef<EarlyShift> shifts);

} // namespace mlir::rondo

#endif // RONDO_PASSES_ROTATESHIFTS_H
