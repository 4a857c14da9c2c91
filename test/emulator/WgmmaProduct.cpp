//===- WgmmaProduct.cpp - What wgmma computes -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Thread `lane` of warp `w` holds, in register r of an accumulator, row 16 w + lane / 4 + 8 (r / 2 % 2) and column
// 8 (r / 4) + 2 (lane % 4) + r % 2. So a register, over the lanes of a warp, holds eight rows and four columns. Both
// matrices are laid out to match: each register is then a sum of element-wise products.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/emulator/Error.h"
#include "test/emulator/Formats.h"
#include "test/emulator/Machine.h"

using namespace rondo::emulator;

namespace {

constexpr unsigned kDepth = 16, kRows = 64, kMaxColumns = 256, kChunk = 8; // elements
constexpr unsigned kLanePeriod = 8; // lanes after which columns repeat, twice: one vector register

/// A, for each warp: [k][rows of the lower, of the upper half][lane]
using SpreadA = float[kWarpgroupWarps][kDepth][2][kWarpLanes];
/// B: [eight columns][even, odd][k][lane]
using SpreadB = float[kMaxColumns / 8][2][kDepth][kLanePeriod];

class Operands {
public:
  Operands(const Cta &cta, const Product &product) : shared(cta.shared), product(product) {}

  void spreadA(const Cta &cta, unsigned warpgroup, SpreadA &a) const;
  void spreadB(SpreadB &b) const;

private:
  void convert(const uint8_t *chunk, float (&values)[kChunk]) const;
  float convert(uint16_t bits) const { return product.isBF16 ? fromBF16(bits) : fromF16(bits); }
  template <typename Function>
  void forEachElement(uint64_t descriptor, unsigned extent, bool isTransposed, Function function) const;

  const SharedMemory &shared;
  const Product &product;
};

} // namespace

void Operands::convert(const uint8_t *chunk, float (&values)[kChunk]) const {
  uint16_t bits[kChunk];
  std::memcpy(bits, chunk, sizeof(bits));
  if (product.isBF16)
    for (unsigned i = 0; i < kChunk; ++i)
      values[i] = fromBF16(bits[i]);
  else
    for (unsigned i = 0; i < kChunk; ++i)
      values[i] = fromF16(bits[i]);
}

/// Calls function(index across k, k, value). Chunks run along k; if transposed, across it. What nobody wrote is NaN: it
/// is no fault to multiply it, only to use what it gives. Kernels drop rows and tiles that are not there.
template <typename Function>
void Operands::forEachElement(uint64_t descriptor, unsigned extent, bool isTransposed, Function function) const {
  constexpr unsigned elementBytes = 2, rowBytes = 128, panel = 64;
  auto matrix = MatrixDescriptor::decode(descriptor);
  // Rows of shared memory are along k if transposed, else across it.
  unsigned rows = isTransposed ? kDepth : extent, columns = isTransposed ? extent : kDepth;
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0; column < columns; column += kChunk) {
      uint32_t address = matrix.address + row / 8 * matrix.strideOffset + row % 8 * rowBytes +
                         column / panel * matrix.leadingOffset + column % panel * elementBytes;
      float values[kChunk];
      convert(shared.readChunk(swizzle128(address), /*mayBeUnwritten=*/true), values);
      for (unsigned i = 0; i < kChunk; ++i)
        isTransposed ? function(column + i, row, values[i]) : function(row, column + i, values[i]);
    }
}

void Operands::spreadA(const Cta &cta, unsigned warpgroup, SpreadA &a) const {
  if (!product.registersOfA) {
    forEachElement(product.descriptorOfA, kRows, product.transposesA, [&](unsigned row, unsigned k, float value) {
      float *lanes = &a[row / 16][k][row / 8 % 2][row % 8 * 4];
      std::fill(lanes, lanes + 4, value);
    });
    return;
  }
  for (unsigned warp = 0; warp < kWarpgroupWarps; ++warp) {
    const RegisterFile &registers = cta.warps[warpgroup * kWarpgroupWarps + warp]->registers;
    for (unsigned i = 0; i < product.registersOfA->size(); ++i) {
      auto packed = registers.read<uint32_t>((*product.registersOfA)[i]);
      for (unsigned k = 0; k < 8; ++k)
        for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
          uint32_t pair = packed[lane / 4 * 4 + k / 2];
          a[warp][k + i / 2 * 8][i % 2][lane] = convert(static_cast<uint16_t>(pair >> 16 * (k % 2)));
        }
    }
  }
}

void Operands::spreadB(SpreadB &b) const {
  float sign = product.negatesA != product.negatesB ? -1.0f : 1.0f;
  forEachElement(product.descriptorOfB, product.columns, product.transposesB,
                 [&](unsigned column, unsigned k, float value) {
                   float *lanes = b[column / 8][column % 2][k];
                   lanes[column % 8 / 2] = lanes[column % 8 / 2 + 4] = sign * value;
                 });
}

/// sum[lane] += products over k, for one register of one warp.
static void multiplyAdd(float (&sum)[kWarpLanes], const float (*a)[2][kWarpLanes], unsigned half,
                        const float (*b)[kLanePeriod]) {
  for (unsigned k = 0; k < kDepth; ++k)
    for (unsigned group = 0; group < kWarpLanes; group += kLanePeriod)
      for (unsigned i = 0; i < kLanePeriod; ++i)
        sum[group + i] += a[k][half][group + i] * b[k][i];
}

void rondo::emulator::computeProduct(Cta &cta, unsigned warpgroup, const Product &product) {
  static thread_local SpreadA a;
  static thread_local SpreadB b;
  Operands operands(cta, product);
  operands.spreadA(cta, warpgroup, a);
  operands.spreadB(b);
  for (unsigned warp = 0; warp < kWarpgroupWarps; ++warp) {
    RegisterFile &registers = cta.warps[warpgroup * kWarpgroupWarps + warp]->registers;
    for (unsigned r = 0; r < product.columns / 2; ++r) {
      uint32_t *place = registers.at((*product.accumulators)[r]);
      float sum[kWarpLanes] = {};
      if (product.accumulates)
        std::memcpy(sum, place, sizeof(sum));
      multiplyAdd(sum, a[warp], r / 2 % 2, b[r / 4][r % 2]);
      std::memcpy(place, sum, sizeof(sum));
    }
  }
}
