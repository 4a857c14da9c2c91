//===- Wgmma.h - Products of warpgroups -----------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_WGMMA_H
#define RONDO_TEST_EMULATOR_WGMMA_H

#include "test/emulator/Program.h"

#include <array>
#include <deque>

namespace rondo::emulator {

class Cta;
class Warp;

constexpr unsigned kWarpgroupWarps = 4;

/// A matrix in shared memory, as a 64-bit descriptor describes it: 128-byte swizzle.
struct MatrixDescriptor {
  uint32_t address;
  uint32_t leadingOffset; ///< bytes from one panel of 64 to the next, if the matrix is not K-major
  uint32_t strideOffset;  ///< bytes from one group of eight rows to the next

  static MatrixDescriptor decode(uint64_t bits);
};

/// One wgmma.mma_async: D[64][columns] = A[64][16] B[16][columns] (+ D)
struct Product {
  const Instruction *instruction;
  unsigned columns = 0;
  bool isBF16 = false;
  bool accumulates = true;
  bool negatesA = false, negatesB = false;
  bool transposesA = false, transposesB = false;
  const std::vector<Slot> *accumulators = nullptr;
  const std::vector<Slot> *registersOfA = nullptr; ///< null: A is in shared memory
  uint64_t descriptorOfA = 0, descriptorOfB = 0;

  bool operator==(const Product &other) const {
    return instruction == other.instruction && accumulates == other.accumulates &&
           descriptorOfA == other.descriptorOfA && descriptorOfB == other.descriptorOfB;
  }
};

/// The products that a warpgroup has in flight. Its four warps must issue the same ones; each waits for itself. Shared
/// memory is being read until all four have waited.
class ProductQueue {
public:
  /// Warp `member` issues its next product.
  void issue(Cta &cta, unsigned warpgroup, unsigned member, const Product &product);
  void commit(unsigned member);
  /// Waits until at most `pending` groups are in flight; false if other warps have to issue products first.
  bool wait(Cta &cta, unsigned warpgroup, unsigned member, size_t pending);
  bool isEmpty() const { return queue.empty(); }

private:
  struct Entry {
    Product product;
    unsigned issued = 0, waited = 0; // counts of warps
    bool isComputed = false;
    std::vector<uint64_t> accesses; // numbers, in shared memory
  };
  struct Member {
    uint64_t issued = 0, waited = 0; // products
    std::deque<uint64_t> groupEnds;  // of groups that are in flight: products before their ends
  };
  Entry &entry(uint64_t number) { return queue[number - firstNumber]; }
  void compute(Cta &cta, unsigned warpgroup, uint64_t number);
  void finish(Cta &cta, Warp &warp, uint64_t number);

  std::deque<Entry> queue;
  uint64_t firstNumber = 0; // of the queue's first product
  std::array<Member, kWarpgroupWarps> members;
};

/// Computes a product for all four warps.
void computeProduct(Cta &cta, unsigned warpgroup, const Product &product);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_WGMMA_H
