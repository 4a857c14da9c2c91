//===- math_test.cpp - The vector exp and log against float64 -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "jit.h"
#include "shard.h"

#include "codegen/cpu/VectorMath.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace ::rondo::test;
using namespace mlir;

static constexpr int64_t kLanes = 8;
static constexpr int64_t kBlock = 1 << 16;

/// A module with `apply(%x: memref<kBlock x f32>, %y: ...)` that maps vectors by `function`.
static std::string mapText(mlir::Value (*function)(mlir::rondo::cpu::Emitter &, mlir::Value)) {
  MLIRContext context;
  context.loadDialect<arith::ArithDialect, func::FuncDialect, memref::MemRefDialect, scf::SCFDialect,
                      vector::VectorDialect>();
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToStart(module->getBody());
  Type memref = MemRefType::get({kBlock}, builder.getF32Type());
  auto apply = func::FuncOp::create(builder, loc, "apply", builder.getFunctionType({memref, memref}, {}));
  builder.setInsertionPointToStart(apply.addEntryBlock());
  mlir::rondo::cpu::Emitter emit(loc, builder, kLanes);
  emit.loop(emit.index(0), emit.index(kBlock), kLanes, [&](mlir::Value i) {
    emit.store(function(emit, emit.load(apply.getArgument(0), i)), apply.getArgument(1), i);
  });
  func::ReturnOp::create(emit);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

/// The distance between a result and the exact value, in units of the last place of the exact value.
static double errorInUlps(float actual, double exact) {
  if (std::isnan(exact))
    return std::isnan(actual) ? 0 : INFINITY;
  float rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(actual))
    return actual == rounded ? 0 : INFINITY;
  double ulp = std::ldexp(1.0, std::max(exact == 0 ? -126 : std::ilogb(exact), -126) - 23);
  return std::fabs(actual - exact) / ulp;
}

/// Applies `function` to the floats with the bits first, first + stride, ... up to last and returns the largest error.
static double largestError(Module &module, double (*exact)(double), uint32_t first, uint32_t last, uint32_t stride) {
  Shard input(Element::F32, {kBlock}), output(Element::F32, {kBlock});
  auto *x = static_cast<float *>(input.data()), *y = static_cast<float *>(output.data());
  double largest = 0;
  for (uint64_t bits = first; bits <= last; bits += uint64_t(kBlock) * stride) {
    for (int64_t i = 0; i < kBlock; ++i) {
      uint32_t sample = static_cast<uint32_t>(std::min<uint64_t>(bits + i * stride, last));
      std::memcpy(x + i, &sample, sizeof sample);
    }
    Arguments arguments;
    arguments.add(input).add(output);
    module.run("apply", arguments);
    for (int64_t i = 0; i < kBlock; ++i)
      largest = std::max(largest, errorInUlps(y[i], exact(x[i])));
  }
  return largest;
}

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

TEST(VectorMath, ExpIsWithinTwoUlps) {
  Module module(mapText(mlir::rondo::cpu::emitExp));
  uint32_t prime = 257; // dense, and all bits of the mantissa take part
  EXPECT_LE(largestError(module, std::exp, bitsOf(0.0f), bitsOf(INFINITY), prime), 2);
  EXPECT_LE(largestError(module, std::exp, bitsOf(-0.0f), bitsOf(-INFINITY), prime), 2);
  // Every float from the first denormal result down to 0, and up to the last finite one.
  EXPECT_LE(largestError(module, std::exp, bitsOf(-87.0f), bitsOf(-105.0f), 3), 2);
  EXPECT_LE(largestError(module, std::exp, bitsOf(88.0f), bitsOf(89.0f), 1), 2);
}

TEST(VectorMath, ExpTakesSpecialValues) {
  Module module(mapText(mlir::rondo::cpu::emitExp));
  for (auto [x, expected] : {std::pair<float, float>{-INFINITY, 0.0f},
                             {INFINITY, INFINITY},
                             {0.0f, 1.0f},
                             {-0.0f, 1.0f},
                             {NAN, NAN},
                             {-104.0f, 0.0f},
                             {-1e30f, 0.0f},
                             {1e30f, INFINITY}}) {
    Shard input(Element::F32, {kBlock}), output(Element::F32, {kBlock});
    input.set({3}, x);
    Arguments arguments;
    arguments.add(input).add(output);
    module.run("apply", arguments);
    double actual = output.get({3});
    EXPECT_TRUE(std::isnan(expected) ? std::isnan(actual) : actual == expected) << "exp(" << x << ") = " << actual;
  }
}

TEST(VectorMath, LogIsWithinTwoUlps) {
  Module module(mapText(mlir::rondo::cpu::emitLog));
  EXPECT_LE(largestError(module, std::log, bitsOf(0x1p-126f), bitsOf(0x1.fffffep+127f), 257), 2);
  EXPECT_LE(largestError(module, std::log, bitsOf(0.5f), bitsOf(2.0f), 5), 2);
  EXPECT_LE(largestError(module, std::log, bitsOf(NAN), bitsOf(NAN), 1), 2);
}
