//===- MatrixInstructions.cpp - wgmma, and 8x8 matrices between registers and shared memory -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Addresses.h"
#include "test/emulator/InstructionTable.h"

using namespace rondo::emulator;

namespace {

//===--------------------------------------------------------------------------------------------------------------===//
// wgmma
//===--------------------------------------------------------------------------------------------------------------===//

unsigned getWarpgroup(const Warp &warp) { return warp.index / kWarpgroupWarps; }
unsigned getMember(const Warp &warp) { return warp.index % kWarpgroupWarps; }

ProductQueue &getQueue(const Warp &warp) {
  if (getWarpgroup(warp) >= warp.cta.products.size())
    fail("warp ", warp.index, " is not part of a warpgroup of four");
  return warp.cta.products[getWarpgroup(warp)];
}

/// m64n(columns)k16
unsigned getColumns(const std::string &opcode) {
  return static_cast<unsigned>(std::stoul(opcode.substr(opcode.find(".m64n") + 5)));
}

bool getNegation(const Execution &execution, size_t operand) {
  int64_t sign = static_cast<int32_t>(execution.operand(operand).value);
  if (sign != 1 && sign != -1)
    fail("operand ", operand + 1, " is ", sign, ", expected 1 or -1");
  return sign == -1;
}

/// D, A, B, scale-d, imm-scale-a, imm-scale-b, and what is to be transposed: with A in registers, only B can be.
template <bool hasRegistersOfA>
Outcome multiply(Execution &execution) {
  Warp &warp = execution.warp;
  const std::string &opcode = execution.instruction.syntax->opcode;
  Product product;
  product.instruction = &execution.instruction;
  product.columns = getColumns(opcode);
  product.isBF16 = opcode.find(".bf16") != std::string::npos;
  product.accumulators = &execution.operand(0).elements;
  if (product.accumulators->size() != product.columns / 2)
    fail(product.accumulators->size(), " accumulators, expected ", product.columns / 2);
  if (hasRegistersOfA) {
    product.registersOfA = &execution.operand(1).elements;
    if (product.registersOfA->size() != 4)
      fail(product.registersOfA->size(), " registers of A, expected 4");
  } else {
    product.descriptorOfA = execution.readUniform<uint64_t>(1);
    product.transposesA = execution.operand(6).value;
  }
  product.descriptorOfB = execution.readUniform<uint64_t>(2);
  product.accumulates = execution.readUniform<bool>(3);
  product.negatesA = getNegation(execution, 4);
  product.negatesB = getNegation(execution, 5);
  product.transposesB = execution.operand(hasRegistersOfA ? 6 : 7).value;
  getQueue(warp).issue(warp.cta, getWarpgroup(warp), getMember(warp), product);
  return Outcome::Done;
}

Outcome fenceProducts(Execution &execution) {
  execution.warp.registers.fence();
  return Outcome::Done;
}

Outcome commitProducts(Execution &execution) {
  getQueue(execution.warp).commit(getMember(execution.warp));
  return Outcome::Done;
}

Outcome waitForProducts(Execution &execution) {
  Warp &warp = execution.warp;
  auto pending = static_cast<size_t>(execution.operand(0).value);
  if (!getQueue(warp).wait(warp.cta, getWarpgroup(warp), getMember(warp), pending))
    return execution.block({WaitReason::Kind::Products});
  return Outcome::Done;
}

//===--------------------------------------------------------------------------------------------------------------===//
// stmatrix and ldmatrix: the address of row r of matrix m comes from lane 8 m + r. Lane l has elements (l / 4, 2 (l %
// 4)) and the one behind it; if transposed, the element of column l / 4.
//===--------------------------------------------------------------------------------------------------------------===//

constexpr unsigned kMatrixRows = 8;

struct MatrixElement {
  unsigned lane, shift; // in the lane's register
};

template <bool isTransposed>
MatrixElement getElement(unsigned row, unsigned column) {
  if (isTransposed)
    std::swap(row, column);
  return {row * 4 + column / 2, column % 2 * 16};
}

const std::vector<Slot> &getMatrices(const Execution &execution, size_t operand) {
  const std::vector<Slot> &slots = execution.operand(operand).elements;
  if (execution.instruction.syntax->opcode.find(concat(".x", slots.size())) == std::string::npos)
    fail("there are registers for ", slots.size(), " matrices");
  return slots;
}

template <bool isTransposed>
Outcome storeMatrices(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto addresses = execution.readAddress(0);
  const std::vector<Slot> &slots = getMatrices(execution, 1);
  for (unsigned matrix = 0; matrix < slots.size(); ++matrix) {
    auto fragment = execution.warp.registers.read<uint32_t>(slots[matrix]);
    for (unsigned row = 0; row < kMatrixRows; ++row) {
      uint16_t elements[kMatrixRows];
      for (unsigned column = 0; column < kMatrixRows; ++column) {
        auto [lane, shift] = getElement<isTransposed>(row, column);
        elements[column] = static_cast<uint16_t>(fragment[lane] >> shift);
      }
      cta.shared.write(getSharedOffset(cta, addresses[matrix * kMatrixRows + row]), elements, sizeof(elements),
                       execution.warp.index);
    }
  }
  return Outcome::Done;
}

template <bool isTransposed>
Outcome loadMatrices(Execution &execution) {
  Cta &cta = execution.warp.cta;
  auto addresses = execution.readAddress(1);
  const std::vector<Slot> &slots = getMatrices(execution, 0);
  std::vector<Lanes<uint32_t>> fragments(slots.size(), Lanes<uint32_t>{});
  for (unsigned matrix = 0; matrix < slots.size(); ++matrix)
    for (unsigned row = 0; row < kMatrixRows; ++row) {
      uint16_t elements[kMatrixRows];
      cta.shared.read(getSharedOffset(cta, addresses[matrix * kMatrixRows + row]), elements, sizeof(elements));
      for (unsigned column = 0; column < kMatrixRows; ++column) {
        auto [lane, shift] = getElement<isTransposed>(row, column);
        fragments[matrix][lane] |= uint32_t(elements[column]) << shift;
      }
    }
  for (unsigned matrix = 0; matrix < slots.size(); ++matrix)
    execution.warp.registers.write(slots[matrix], fragments[matrix], execution.mask);
  return Outcome::Done;
}

/// The opcodes of wgmma for all widths.
const std::string &getProductPattern() {
  static const std::string pattern = [] {
    std::string widths;
    for (unsigned columns = 8; columns <= 256; columns += 8)
      widths += (widths.empty() ? "" : "|") + std::to_string(columns);
    return "wgmma.mma_async.sync.aligned.m64n(" + widths + ")k16.f32.(bf16.bf16|f16.f16)";
  }();
  return pattern;
}

} // namespace

InstructionList rondo::emulator::getMatrixInstructions() {
  constexpr auto wholeWarp = InstructionEntry::WholeWarp;
  constexpr auto product = static_cast<uint8_t>(wholeWarp | InstructionEntry::Product);
  return {
      {getProductPattern().c_str(), "+r*,l,l,p,i,i,i,i", multiply<false>, product},
      {getProductPattern().c_str(), "+r*,r*,l,p,i,i,i", multiply<true>, product},
      {"wgmma.fence.sync.aligned", "", fenceProducts, wholeWarp},
      {"wgmma.commit_group.sync.aligned", "", commitProducts, wholeWarp},
      {"wgmma.wait_group.sync.aligned", "i", waitForProducts, wholeWarp},
      {"stmatrix.sync.aligned.m8n8.(x1|x2|x4).shared[::cta].b16", "a,r*", storeMatrices<false>, wholeWarp},
      {"stmatrix.sync.aligned.m8n8.(x1|x2|x4).trans.shared[::cta].b16", "a,r*", storeMatrices<true>, wholeWarp},
      {"ldmatrix.sync.aligned.m8n8.(x1|x2|x4).shared[::cta].b16", "=r*,a", loadMatrices<false>, wholeWarp},
      {"ldmatrix.sync.aligned.m8n8.(x1|x2|x4).trans.shared[::cta].b16", "=r*,a", loadMatrices<true>, wholeWarp},
  };
}
