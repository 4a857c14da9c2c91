//===- Fixture.h - The kernels that tests run in the emulator -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PTX_FIXTURE_H
#define RONDO_TEST_EXECUTION_PTX_FIXTURE_H

#include "test/execution/ptx/cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace ptx_test {

inline std::vector<std::string> getLabels() {
  std::ifstream list(std::string(RONDO_PTX_KERNELS) + "/kernels");
  std::vector<std::string> labels;
  for (std::string label; list >> label;)
    labels.push_back(label);
  return labels;
}

inline std::vector<std::string> getLabelsOf(bool merges) {
  std::vector<std::string> labels;
  for (const std::string &label : getLabels())
    if ((label.find("merge") != std::string::npos) == merges)
      labels.push_back(label);
  return labels;
}

inline std::string getTestName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// A test for each label.
struct Kernels : testing::TestWithParam<std::string> {
  Kernels() {
    gpu::driver.open();
    all = gpu::loadKernels(RONDO_PTX_KERNELS);
  }
  const gpu::Kernel &get(const std::string &label) const {
    return *std::find_if(all.begin(), all.end(), [&](const gpu::Kernel &kernel) { return kernel.label == label; });
  }
  std::vector<gpu::Kernel> all;
};

} // namespace ptx_test

#endif // RONDO_TEST_EXECUTION_PTX_FIXTURE_H
