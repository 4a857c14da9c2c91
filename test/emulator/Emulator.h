//===- Emulator.h - Runs PTX for sm_90a without a GPU ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   Module module(text);
//   GlobalMemory memory;
//   arguments.output = memory.map("output", output.data(), output.size());
//   LaunchShape shape;
//   shape.grid = {4, 1, 1};
//   module.getKernel("attend").launch(memory, shape, &arguments, sizeof(arguments));
//
// The emulator does what the text says, in one of the orders that the device allows; the seed picks it. Beyond that it
// finds what a device need not show: deadlocks (told with what each warp waits for), accesses out of bounds, reads of
// shared memory that nobody wrote (NaNs, if products read it), accumulators that are touched before their product has
// been waited for, shared memory that is written while a product or a copy still reads it, missing fences.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_EMULATOR_H
#define RONDO_TEST_EMULATOR_EMULATOR_H

#include "test/emulator/Error.h"
#include "test/emulator/InstructionTable.h"
#include "test/emulator/Machine.h"
#include "test/emulator/Memory.h"
#include "test/emulator/TensorMap.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::emulator {

class Kernel {
public:
  explicit Kernel(std::unique_ptr<const Program> program) : program(std::move(program)) {}

  const std::string &getName() const { return program->syntax.name; }
  /// The kernel as it is written: its parameters, above all.
  const KernelSyntax &getSyntax() const { return program->syntax; }

  /// Runs the kernel to its end. `arguments` are the parameters as they lie in memory, in a structure for example.
  /// Clusters run on two threads of the host; each has a seed of its own. Fails with the first thing that is wrong in
  /// the cluster of the lowest number.
  void launch(const GlobalMemory &memory, const LaunchShape &shape, const void *arguments, size_t bytes) const;

private:
  void checkShape(const LaunchShape &shape, size_t argumentBytes) const;

  std::unique_ptr<const Program> program;
};

class Module {
public:
  /// Fails if there is something in the text that the emulator does not know.
  explicit Module(std::string_view ptx);

  const Kernel &getKernel(const std::string &name) const;
  /// The only kernel.
  const Kernel &getKernel() const;

private:
  std::vector<Kernel> kernels;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_EMULATOR_H
