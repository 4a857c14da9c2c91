//===- Report.h - What checks of kernels found ----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_GPU_REPORT_H
#define RONDO_TEST_GPU_REPORT_H

#include <string>
#include <vector>

namespace gpu {

class Run;

/// Gathers the results of checks, prints a line for each kernel, and writes them as JSON.
class Report {
public:
  void begin(const std::string &kernel);
  void add(const Run &run, bool right, bool hard);
  /// A kernel that cannot be checked: why.
  void fail(const std::string &why);
  /// Prints the kernel's line.
  void end();

  bool isRight() const;
  /// Returns false if the file cannot be written.
  bool write(const std::string &file, const std::string &machine, const std::string &command,
             const std::string &commit) const;

private:
  struct Entry {
    std::string kernel;
    int random = 0, hard = 0, wrong = 0;
    bool half = false;
    double output = 0, lse = 0; ///< largest errors of the random cases
  };
  std::vector<Entry> entries;
};

} // namespace gpu

#endif // RONDO_TEST_GPU_REPORT_H
