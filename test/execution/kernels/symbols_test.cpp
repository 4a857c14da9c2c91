//===- symbols_test.cpp - What compiled kernels need from elsewhere -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attend_case.h"
#include "jit.h"

#include <gtest/gtest.h>

using namespace rondo::test;

/// The search itself finds what there is.
TEST(Symbols, FindsALibraryCall) {
  Module module(R"(
    func.func private @k(%part: index, %parts: index, %a: memref<?xf32>) attributes {exec.kernel = "tanh"} {
      linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%a : memref<?xf32>) {
        ^bb0(%x: f32):
          %y = math.tanh %x : f32
          linalg.yield %y : f32
      }
      return
    })");
  EXPECT_EQ(module.undefinedSymbols(), std::vector<std::string>{"tanhf"});
}

/// Nothing, not even libm: conversions of f16 and bf16, exp and log are all inline.
TEST(Symbols, KernelsNeedNone) {
  for (const Cpu &cpu : {hostCpu(), portableCpu()})
    for (Element element : {Element::F32, Element::F16, Element::BF16}) {
      std::vector<std::string> symbols = attendModule({element, element, 20, 7, true}, cpu).undefinedSymbols();
      // Large blocks are cleared and copied by libc.
      for (const std::string &symbol : symbols)
        EXPECT_TRUE(symbol == "memset" || symbol == "memcpy" || symbol == "memmove") << symbol;
    }
}
