//===- Fragment.cpp - Matrices in the registers of a warpgroup ------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/Fragment.h"

#include "codegen/cuda/Instructions.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

Fragment Fragment::map(function_ref<Value(Value, unsigned)> function) const {
  ValueList mapped;
  for (auto [i, element] : llvm::enumerate(elements))
    mapped.push_back(function(element, rowOf(i)));
  return Fragment(std::move(mapped));
}

Fragment Fragment::scaleRows(Emitter &emit, const RowPair &factors) const {
  return map([&](Value element, unsigned row) { return emit.fmul(element, factors[row]); });
}

Fragment Fragment::maskColumns(Emitter &emit, const RowPair &limits, Value fill) const {
  ValueList masked;
  for (auto [i, element] : llvm::enumerate(elements)) {
    Value inside = emit.less(emit.i32(columnOf(i)), limits[rowOf(i)]);
    masked.push_back(emit.select(inside, element, fill));
  }
  return Fragment(std::move(masked));
}

// Two chains for each row, so that an operation need not wait for the one before it.
RowPair Fragment::reduceRows(function_ref<Value(Value, Value)> combine) const {
  std::array<RowPair, 2> chains; // [row][column % 2]
  for (auto [i, element] : llvm::enumerate(elements)) {
    Value &chain = chains[rowOf(i)][i & 1];
    chain = chain ? combine(chain, element) : element;
  }
  return forBothRows([&](unsigned row) { return combine(chains[row][0], chains[row][1]); });
}

PackedFragment Fragment::pack(Emitter &emit, Type element) const {
  PackedFragment packed;
  for (unsigned i = 0; i < elements.size(); i += 2)
    packed.registers.push_back(emit.pack(element, elements[i], elements[i + 1]));
  return packed;
}

Value cuda::reduceQuad(Emitter &emit, Value value, function_ref<Value(Value, Value)> combine) {
  for (int64_t distance : {2, 1})
    value = combine(value, emitShuffleXor(emit, value, distance));
  return value;
}

RowPair cuda::reduceQuad(Emitter &emit, RowPair values, function_ref<Value(Value, Value)> combine) {
  return forBothRows([&](unsigned row) { return reduceQuad(emit, values[row], combine); });
}
