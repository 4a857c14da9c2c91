//===- Wgmma.cpp - Which products are in flight ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Wgmma.h"

#include "test/emulator/Error.h"
#include "test/emulator/Machine.h"

using namespace rondo::emulator;

static constexpr uint32_t kSwizzleBytes = 1024; // eight rows of 128 bytes
static constexpr unsigned kPanelColumns = 64, kSwizzleRows = 8, kDepth = 16, kRows = 64;

MatrixDescriptor MatrixDescriptor::decode(uint64_t bits) {
  constexpr uint64_t mask = 0x3FFF; // of fields that count units of 16 bytes
  constexpr uint64_t swizzle128 = 1;
  if (bits >> 62 != swizzle128)
    fail("a matrix descriptor with swizzle ", bits >> 62, "; the emulator knows 1, of 128 bytes");
  if (bits >> 49 & 7)
    fail("a matrix descriptor with base offset ", bits >> 49 & 7, ", expected 0");
  auto field = [&](unsigned shift) { return static_cast<uint32_t>(bits >> shift & mask) << 4; };
  return {field(0), field(16), field(32)};
}

//===--------------------------------------------------------------------------------------------------------------===//
// What a product reads
//===--------------------------------------------------------------------------------------------------------------===//

/// The ranges of shared memory of an operand with `extent` rows or columns across the k dimension.
static std::vector<AsyncAccess> getRanges(uint64_t descriptorBits, unsigned extent, bool isTransposed,
                                          const SyntaxInstruction *syntax) {
  auto matrix = MatrixDescriptor::decode(descriptorBits);
  std::vector<AsyncAccess> ranges;
  uint32_t begin = matrix.address & ~127u;
  auto add = [&](uint32_t from, unsigned groups) {
    ranges.push_back({from, from + (groups - 1) * matrix.strideOffset + kSwizzleBytes, Access::Read, syntax});
  };
  if (!isTransposed)
    add(begin, extent / kSwizzleRows);
  else
    for (unsigned panel = 0; panel * kPanelColumns < extent; ++panel)
      add(begin + panel * matrix.leadingOffset, kDepth / kSwizzleRows);
  return ranges;
}

static std::vector<uint64_t> beginAccesses(Cta &cta, const Product &product) {
  const SyntaxInstruction *syntax = product.instruction->syntax;
  std::vector<AsyncAccess> ranges = getRanges(product.descriptorOfB, product.columns, product.transposesB, syntax);
  if (!product.registersOfA)
    for (const AsyncAccess &range : getRanges(product.descriptorOfA, kRows, product.transposesA, syntax))
      ranges.push_back(range);
  std::vector<uint64_t> numbers;
  for (const AsyncAccess &range : ranges)
    numbers.push_back(cta.shared.begin(range));
  return numbers;
}

/// The registers must have been fenced, and be free, but for accumulators that go on with the same sum.
static void checkRegisters(const RegisterFile &registers, const Product &product, bool continuesSum) {
  auto checkFence = [](const RegisterFile::State &state) {
    if (state.unfenced)
      fail("uses a register that was written without wgmma.fence behind it");
  };
  for (Slot slot : *product.accumulators) {
    const RegisterFile::State &state = registers.state(slot);
    checkFence(state);
    if (state.multiplying || (state.accumulating && !continuesSum))
      fail("accumulates in a register of another wgmma that has not been waited for");
  }
  if (!product.registersOfA)
    return;
  for (Slot slot : *product.registersOfA) {
    checkFence(registers.state(slot));
    if (registers.state(slot).accumulating)
      fail("multiplies an accumulator of a wgmma that has not been waited for");
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The queue
//===--------------------------------------------------------------------------------------------------------------===//

static Warp &getWarp(Cta &cta, unsigned warpgroup, unsigned member) {
  return *cta.warps[warpgroup * kWarpgroupWarps + member];
}

void ProductQueue::issue(Cta &cta, unsigned warpgroup, unsigned member, const Product &product) {
  uint64_t number = members[member].issued++;
  bool continuesSum =
      number > members[member].waited && *entry(number - 1).product.accumulators == *product.accumulators;
  RegisterFile &registers = getWarp(cta, warpgroup, member).registers;
  checkRegisters(registers, product, continuesSum);
  if (number == firstNumber + queue.size())
    queue.push_back({product, 0, 0, false, beginAccesses(cta, product)});
  else if (!(entry(number).product == product))
    fail("another warp of the warpgroup issued a different product: line ",
         entry(number).product.instruction->syntax->line, ", descriptors ", entry(number).product.descriptorOfA,
         " and ", entry(number).product.descriptorOfB, "; this one has ", product.descriptorOfA, " and ",
         product.descriptorOfB);
  for (Slot slot : *product.accumulators)
    ++registers.state(slot).accumulating;
  if (product.registersOfA)
    for (Slot slot : *product.registersOfA)
      ++registers.state(slot).multiplying;
  if (++entry(number).issued == kWarpgroupWarps && cta.cluster.productsAreEarly)
    compute(cta, warpgroup, number);
}

void ProductQueue::commit(unsigned member) { members[member].groupEnds.push_back(members[member].issued); }

bool ProductQueue::wait(Cta &cta, unsigned warpgroup, unsigned member, size_t pending) {
  Member &state = members[member];
  if (state.groupEnds.size() <= pending)
    return true;
  uint64_t end = state.groupEnds[state.groupEnds.size() - pending - 1];
  for (uint64_t number = state.waited; number < end; ++number)
    if (entry(number).issued < kWarpgroupWarps)
      return false;
  for (; state.waited < end; ++state.waited) {
    compute(cta, warpgroup, state.waited);
    finish(cta, getWarp(cta, warpgroup, member), state.waited);
  }
  state.groupEnds.erase(state.groupEnds.begin(), state.groupEnds.end() - static_cast<ptrdiff_t>(pending));
  for (; !queue.empty() && queue.front().waited == kWarpgroupWarps; ++firstNumber)
    queue.pop_front();
  return true;
}

void ProductQueue::compute(Cta &cta, unsigned warpgroup, uint64_t number) {
  Entry &computed = entry(number);
  if (!computed.isComputed)
    computeProduct(cta, warpgroup, computed.product);
  computed.isComputed = true;
}

/// One warp has waited for a product: its registers are free.
void ProductQueue::finish(Cta &cta, Warp &warp, uint64_t number) {
  Entry &finished = entry(number);
  for (Slot slot : *finished.product.accumulators)
    --warp.registers.state(slot).accumulating;
  if (finished.product.registersOfA)
    for (Slot slot : *finished.product.registersOfA)
      --warp.registers.state(slot).multiplying;
  if (++finished.waited == kWarpgroupWarps)
    for (uint64_t access : finished.accesses)
      cta.shared.end(access);
}
