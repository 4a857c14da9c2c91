//===- Error.h - How the emulator reports what is wrong -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_ERROR_H
#define RONDO_TEST_EMULATOR_ERROR_H

#include <sstream>
#include <stdexcept>
#include <string>

namespace rondo::emulator {

/// The kernel, or how it was launched, is wrong; or it uses something that the emulator does not know.
struct EmulationError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
std::string concat(const Parts &...parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

template <typename... Parts>
[[noreturn]] void fail(const Parts &...parts) {
  throw EmulationError(concat(parts...));
}

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_ERROR_H
