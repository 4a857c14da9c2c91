//===- MmaGroup.cpp - Asynchronous products of a warpgroup ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each product is one inline PTX text, all its k steps in it: the NVVM op for wgmma knows no A operand in registers,
// and between two steps nothing may touch the accumulators, which one text makes sure of.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cuda/MmaGroup.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// "{$first, $first+1, ...}"
static std::string getRegisterList(int64_t first, int64_t count) {
  std::string list = "{";
  for (int64_t i = 0; i < count; ++i)
    list += (i ? ", $" : "$") + std::to_string(first + i);
  return list + "}";
}

/// `count` times `letter`, or the numbers from 0 if there is none: operands that are results too.
static void addConstraints(std::string &constraints, int64_t count, StringRef letter) {
  for (int64_t i = 0; i < count; ++i) {
    constraints += constraints.empty() ? "" : ",";
    constraints += letter.empty() ? std::to_string(i) : letter.str();
  }
}

static std::string getInstruction(int64_t columns, Type element) {
  std::string type = element.isBF16() ? "bf16" : "f16";
  return "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16.f32." + type + "." + type + " ";
}

/// The offset of a step in the unit of descriptors.
static std::string getStep(const SmemOperand &operand, int64_t step) {
  return std::to_string(operand.tile.stepOffset(operand.major, step) >> 4);
}

MmaGroup WarpgroupMma::multiply(const SmemOperand &a, const SmemOperand &b, bool negate) {
  assert(a.major == Major::K && b.major == Major::K && a.tile.columns == b.tile.columns);
  int64_t columns = b.tile.extent(Major::K), registers = Fragment::registersFor(columns);
  std::string accumulator = getRegisterList(0, registers);
  std::string first = "$" + std::to_string(registers), second = "$" + std::to_string(registers + 1);
  std::string text = "{\n.reg .pred zero, add;\n.reg .b64 a, b;\nsetp.ne.b32 zero, 0, 0;\nsetp.ne.b32 add, 1, 0;\n"
                     "wgmma.fence.sync.aligned;\n";
  for (int64_t step = 0, steps = a.tile.steps(Major::K); step < steps; ++step) {
    text +=
        "add.s64 a, " + first + ", " + getStep(a, step) + ";\nadd.s64 b, " + second + ", " + getStep(b, step) + ";\n";
    text += getInstruction(columns, element) + accumulator + ", a, b, " + (step == 0 ? "zero" : "add") +
            (negate ? ", -1" : ", 1") + ", 1, 0, 0;\n";
  }
  text += "wgmma.commit_group.sync.aligned;\n}";

  std::string constraints;
  addConstraints(constraints, registers, "=f");
  addConstraints(constraints, 2, "l");
  return commit(
      emit.inlinePtx(text, constraints, {a.descriptor, b.descriptor}, SmallVector<Type>(registers, emit.getF32Type())));
}

MmaGroup WarpgroupMma::accumulate(Fragment accumulator, const PackedFragment &a, const SmemOperand &b,
                                  std::optional<MmaSignal> signal) {
  assert(b.major == Major::MN && static_cast<int64_t>(a.registers.size()) == 4 * b.tile.steps(Major::MN));
  int64_t columns = b.tile.extent(Major::MN), registers = Fragment::registersFor(columns);
  assert(static_cast<int64_t>(accumulator.registers().size()) == registers);
  // Operands: the accumulators as results, again as inputs, A, B's descriptor, and the signal's barrier.
  std::string results = getRegisterList(0, registers);
  int64_t firstOfA = 2 * registers, descriptor = firstOfA + a.registers.size();
  std::string text = "{\n.reg .pred add;\n.reg .b64 b;\nsetp.ne.b32 add, 1, 0;\nwgmma.fence.sync.aligned;\n";
  for (int64_t step = 0, steps = b.tile.steps(Major::MN); step < steps; ++step) {
    if (signal && steps - step == signal->stepsBeforeEnd)
      text += "bar.arrive $" + std::to_string(descriptor + 1) + ", " + std::to_string(signal->threads) + ";\n";
    text += "add.s64 b, $" + std::to_string(descriptor) + ", " + getStep(b, step) + ";\n";
    text += getInstruction(columns, element) + results + ", " + getRegisterList(firstOfA + 4 * step, 4) +
            ", b, add, 1, 1, 1;\n";
  }
  text += "wgmma.commit_group.sync.aligned;\n}";

  std::string constraints;
  addConstraints(constraints, registers, "=f");
  addConstraints(constraints, registers, "");
  addConstraints(constraints, a.registers.size(), "r");
  addConstraints(constraints, 1, "l");
  ValueList operands(accumulator.registers());
  llvm::append_range(operands, a.registers);
  operands.push_back(b.descriptor);
  if (signal) {
    addConstraints(constraints, 1, "r");
    operands.push_back(signal->barrier);
  }
  return commit(emit.inlinePtx(text, constraints, operands, SmallVector<Type>(registers, emit.getF32Type())));
}

// The wait passes the registers through, so that every use depends on it: a bare instruction would order nothing.
Fragment WarpgroupMma::wait(MmaGroup group, MutableArrayRef<Value> then) {
  ValueList values(group.accumulator.registers());
  int64_t accumulators = values.size();
  llvm::append_range(values, then);
  std::string constraints;
  for (Value value : values)
    addConstraints(constraints, 1, value.getType().isF32() ? "=f" : "=r");
  addConstraints(constraints, values.size(), "");
  ValueList after = emit.inlinePtx("wgmma.wait_group.sync.aligned " + Twine(issued - group.number) + ";", constraints,
                                   values, llvm::to_vector(ValueRange(values).getTypes()));
  llvm::copy(ArrayRef<Value>(after).drop_front(accumulators), then.begin());
  after.truncate(accumulators);
  return Fragment(std::move(after));
}
