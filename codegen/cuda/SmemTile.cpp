//===- SmemTile.cpp - Matrices in shared memory ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/SmemTile.h"

#include "codegen/cuda/Instructions.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

// A matrix descriptor holds addresses and distances in units of 16 bytes:
//   bits  0-13  address
//   bits 16-29  leading byte offset
//   bits 32-45  stride byte offset
//   bits 62-63  swizzle; 1 is 128 bytes
static constexpr unsigned kLeadingShift = 16;
static constexpr unsigned kStrideShift = 32;
static constexpr uint64_t kSwizzle128 = uint64_t(1) << 62;

static constexpr uint64_t toUnits(int64_t bytes) { return bytes >> 4; }

int64_t SmemTile::stepOffset(Major major, int64_t step) const {
  int64_t first = step * kMmaDepth;
  if (major == Major::MN)
    return first * kRowBytes;
  constexpr int64_t elementBytes = kRowBytes / kPanelColumns;
  return first / kPanelColumns * panelBytes() + first % kPanelColumns * elementBytes;
}

// The stride leads from eight rows to the next eight. The leading offset leads from one panel to the next; a K-major
// step lies in one panel, so the hardware does not read it there.
uint64_t SmemTile::descriptorBits(Major major) const {
  uint64_t leading = major == Major::K ? 1 : toUnits(panelBytes());
  return kSwizzle128 | toUnits(kAlignment) << kStrideShift | leading << kLeadingShift;
}

SmemOperand cuda::emitOperand(Emitter &emit, const SmemTile &tile, Major major, Value pointer) {
  // In a cluster, the bits above these hold the rank of the CTA; they would spill into the leading offset.
  constexpr int64_t addressMask = 0x3FFFF;
  Value address = emit.bitAnd(emitSmemAddress(emit, pointer), addressMask);
  Value units = emit.zeroExtend(emit.shiftRight(address, 4));
  return {tile, major, emit.bitOr(units, tile.descriptorBits(major))};
}

SmemOperand cuda::emitStage(Emitter &emit, const SmemOperand &operand, Value stage) {
  Value distance = emit.zeroExtend(emit.mul(stage, toUnits(operand.tile.bytes())));
  return {operand.tile, operand.major, emit.add(operand.descriptor, distance)};
}
