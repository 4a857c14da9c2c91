// What the emulator's tests share: small kernels around a few lines of PTX.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_SUPPORT_H
#define RONDO_TEST_EMULATOR_SUPPORT_H

#include "test/emulator/Emulator.h"
#include "test/emulator/Formats.h"

#include <gtest/gtest.h>

namespace emulator_test {

using namespace rondo::emulator;

/// A kernel with some lines of PTX. It has registers %p0..15 (predicates), %h0..15, %r0..63, %l0..31 of 16, 32 and 64
/// bits; %tid is the thread, %out where its 32-bit result goes, and %result that result. `tile` is shared memory.
struct TestKernel {
  explicit TestKernel(std::string body, uint32_t threads = 32) : body(std::move(body)) { shape.threads = threads; }

  std::string getText() const;
  /// The results of all threads, CTA by CTA.
  std::vector<uint32_t> run() const { return run(nullptr); }
  /// What the emulator says is wrong; nothing if it is right.
  std::string getError() const;
  /// The same, where the kernel of another module runs before, with the same arguments.
  std::string getErrorAfter(const Module &before) const;

  std::string body;
  std::string directives; ///< of the kernel: .minnctapersm 1
  uint32_t cluster = 1;
  LaunchShape shape;
  /// Global memory that the kernel sees at the address in %data.
  std::vector<uint8_t> *data = nullptr;
  const TensorMap *map = nullptr; ///< of the map at %map; its address is that of the data, plus what it says

private:
  std::vector<uint32_t> run(const Module *before) const;
};

/// The result of a kernel that computes the same in all lanes.
uint32_t evaluate(const std::string &body);
inline float evaluateFloat(const std::string &body) { return bitCast<float>(evaluate(body)); }

/// The float as PTX writes it.
std::string literal(float value);

#define EXPECT_CONTAINS(text, part) EXPECT_PRED_FORMAT2(::emulator_test::contains, text, part)
testing::AssertionResult contains(const char *, const char *, const std::string &text, const std::string &part);

} // namespace emulator_test

#endif // RONDO_TEST_EMULATOR_SUPPORT_H
