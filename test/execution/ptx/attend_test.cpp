// Every attention kernel of the family, as the compiler emits it, against float64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/execution/ptx/cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

using namespace ptx_test;

namespace {

std::vector<std::string> getLabels() {
  std::ifstream list(std::string(RONDO_PTX_KERNELS) + "/kernels");
  std::vector<std::string> labels;
  for (std::string label; list >> label;)
    labels.push_back(label);
  return labels;
}

std::vector<std::string> getLabelsOf(bool merges) {
  std::vector<std::string> labels;
  for (const std::string &label : getLabels())
    if ((label.find("merge") != std::string::npos) == merges)
      labels.push_back(label);
  return labels;
}

std::string getTestName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

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

struct Attend : Kernels {};
struct Merge : Kernels {};

TEST_P(Attend, MatchesFloat64) {
  const gpu::Kernel &kernel = get(GetParam());
  for (const Shape &shape : getShapes(kernel))
    EXPECT_EQ(runShape(kernel, findMerge(all, kernel, shape.arriving), shape), "") << kernel.label << " " << shape;
}

/// With the partial results of one attention kernel.
TEST_P(Merge, MatchesFloat64) {
  const gpu::Kernel &merge = get(GetParam());
  auto attend = std::find_if(all.begin(), all.end(), [&](const gpu::Kernel &kernel) {
    return kernel.isAttend && writesPartials(kernel) && fits(merge, kernel);
  });
  ASSERT_NE(attend, all.end()) << "no kernel writes what " << merge.label << " merges";
  for (const Shape &shape : getShapes(*attend))
    EXPECT_EQ(runShape(*attend, &merge, shape), "") << merge.label << " " << shape;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Attend, testing::ValuesIn(getLabelsOf(/*merges=*/false)), getTestName);
INSTANTIATE_TEST_SUITE_P(Kernels, Merge, testing::ValuesIn(getLabelsOf(/*merges=*/true)), getTestName);

/// Fails if the list of kernels was not there.
TEST(KernelList, IsNotEmpty) {
  EXPECT_GT(getLabelsOf(false).size(), 30u);
  EXPECT_GT(getLabelsOf(true).size(), 5u);
}

} // namespace
