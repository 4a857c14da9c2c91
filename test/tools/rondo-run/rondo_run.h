// Runs the rondo-run binary as a user would.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_RONDO_RUN_H
#define RONDO_TEST_RONDO_RUN_H

#include "test/tools/rondo-run/temporary_folder.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace rondo::test {

struct Outcome {
  int status; // the exit status; 128 + N if signal N ended it
  std::string output;
  std::string errors;
};

/// Runs `rondo-run` with these arguments in `folder`'s path. One that takes longer than a minute is killed.
Outcome rondoRun(const TemporaryFolder &folder, const std::vector<std::string> &arguments);

/// The text of a .npy file of float32 in C order.
std::string npyOfFloats(const std::vector<int64_t> &shape, const std::vector<float> &values);

/// A folder, and expectations about runs in it.
class RondoRun : public testing::Test {
protected:
  Outcome run(const std::vector<std::string> &arguments) { return rondoRun(folder, arguments); }

  /// The run succeeds; returns its standard output.
  std::string expectSuccess(const std::vector<std::string> &arguments);
  /// The run ends with `status`, prints nothing but one error line that contains all of `phrases`, and leaves no file.
  void expectError(int status, const std::vector<std::string> &arguments, const std::vector<std::string> &phrases);

  TemporaryFolder folder;
};

/// The fixtures, compiled by the build.
extern const char *const sampleProgram;       // its grid is bound at run time
extern const char *const staticSampleProgram; // its grid has 4 ranks
extern const char *const ringProgram;         // adds the sum of all rows to each; blocks of rows circulate

} // namespace rondo::test
#endif // RONDO_TEST_RONDO_RUN_H
