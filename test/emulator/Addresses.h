//===- Addresses.h - Where operands point to ------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_ADDRESSES_H
#define RONDO_TEST_EMULATOR_ADDRESSES_H

#include "test/emulator/Error.h"
#include "test/emulator/Machine.h"

namespace rondo::emulator {

/// An address in the shared::cta space of the CTA that executes; gives it without the rank.
inline uint32_t getSharedOffset(const Cta &cta, uint64_t address) {
  if (address >> kClusterRankShift != cta.rank)
    fail("shared memory address ", address, " is not one of this CTA, whose rank is ", cta.rank);
  return static_cast<uint32_t>(address) & kSharedOffsetMask;
}

struct SharedPlace {
  Cta &cta;
  uint32_t offset; ///< without the rank
};

/// An address in the shared::cluster space.
inline SharedPlace getClusterPlace(const Cta &cta, uint64_t address) {
  uint64_t rank = address >> kClusterRankShift;
  if (rank >= cta.cluster.ctas.size())
    fail("shared memory address ", address, " is one of a CTA of rank ", rank, "; the cluster has ",
         cta.cluster.ctas.size());
  Cta &target = *cta.cluster.ctas[rank];
  if (target.isDone())
    fail("shared memory address ", address, " is one of the CTA of rank ", rank, ", which has ended");
  return {target, static_cast<uint32_t>(address) & kSharedOffsetMask};
}

/// A CTA is about to read global memory: what the kernel before this one wrote may not be there yet.
inline void checkDependency(const Cta &cta, uint64_t address) {
  const Launch &launch = cta.cluster.launch;
  if (launch.shape.overlapsPrevious && !cta.hasWaitedForPrevious && launch.global.isFromPreviousKernel(address))
    fail("reads what the kernel before this one wrote without griddepcontrol.wait before it");
}

/// The tensor map at a generic address.
inline TensorMap getTensorMap(const Launch &launch, uint64_t address) {
  if (address % TensorMap::kAlignment != 0)
    fail("a tensor map at an address that is not a multiple of ", TensorMap::kAlignment);
  if (!isParameterAddress(address))
    return decodeTensorMap(launch.global.resolve(address, TensorMap::kBytes, Access::Read));
  uint64_t offset = address - kParameterWindow;
  if (offset + TensorMap::kBytes > launch.program.parameterBytes)
    fail("a tensor map at offset ", offset, " of ", launch.program.parameterBytes, " bytes of parameters");
  return decodeTensorMap(launch.parameters + offset);
}

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_ADDRESSES_H
