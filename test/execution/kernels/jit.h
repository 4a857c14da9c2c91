//===- jit.h - Compiles kernels for this process --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_KERNELS_JIT_H
#define RONDO_TEST_EXECUTION_KERNELS_JIT_H

#include "shard.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace rondo::test {

/// The arguments of a compiled function, in the form of the LLVM dialect: memrefs taken apart.
class Arguments {
public:
  Arguments &add(int64_t value);
  Arguments &add(const Shard &shard);
  void **data() { return pointers.data(); }

private:
  std::deque<int64_t> words; // keeps addresses
  std::vector<void *> pointers;
};

/// A CPU to compile for; an empty name is this machine's.
struct Cpu {
  std::string name;
  unsigned vectorBits;
};

/// The widest vectors of this machine, and the portable target.
Cpu hostCpu();
inline Cpu portableCpu() { return {"x86-64-v3", 256}; }

/// What the text of a module holds.
enum class Source {
  Kernels,
  GlobalProgram, ///< only its float64 evaluation is compiled
};

/// A compiled module. Fails the test and stays empty if the text does not compile.
class Module {
public:
  Module(const std::string &text, const Cpu &cpu = hostCpu(), Source source = Source::Kernels);
  ~Module();

  /// Runs a function.
  void run(const std::string &name, Arguments &arguments);
  /// Runs all parts of a kernel, one after the other.
  void runKernel(const std::string &name, int64_t parts, const std::vector<const Shard *> &shards,
                 const std::vector<int64_t> &scalars = {});
  /// Symbols that the object code needs from elsewhere.
  std::vector<std::string> undefinedSymbols();

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_KERNELS_JIT_H
