//===- MBarrier.h - Barriers in shared memory -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_MBARRIER_H
#define RONDO_TEST_EMULATOR_MBARRIER_H

#include "test/emulator/Error.h"

#include <cstdint>
#include <string>

namespace rondo::emulator {

/// A phase completes when all arrivals of it have come, and as many bytes as were announced. Bytes may come before they
/// are announced.
class MBarrier {
public:
  explicit MBarrier(uint32_t arrivals) : arrivals(arrivals), pending(arrivals) {}

  void arrive(uint32_t count) {
    if (count > pending)
      fail("mbarrier: ", count, " arrivals in a phase that waits for ", pending, " of ", arrivals);
    pending -= count;
    completeIfDone();
  }
  void expectBytes(uint32_t bytes) { pendingBytes += bytes; }
  void completeBytes(uint32_t bytes) {
    pendingBytes -= bytes;
    completeIfDone();
  }

  /// Whether the phase of this parity is complete; the phase before the first one is.
  bool isComplete(uint32_t parity) const { return (phase & 1) != (parity & 1); }

  std::string describe() const {
    return concat("in phase ", phase, ", ", pending, " of ", arrivals, " arrivals and ", pendingBytes,
                  " bytes are missing");
  }

private:
  void completeIfDone() {
    if (pending != 0 || pendingBytes != 0)
      return;
    ++phase;
    pending = arrivals;
  }

  uint32_t arrivals;
  uint32_t pending;
  int64_t pendingBytes = 0;
  uint64_t phase = 0;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_MBARRIER_H
