// Every attention kernel of the family, as the compiler emits it, against float64.
#include "test/execution/ptx/cases.h"

#include <gtest/gtest.h>

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

std::vector<std::string> getAttendLabels() {
  std::vector<std::string> labels;
  for (const std::string &label : getLabels())
    if (label.find("merge") == std::string::npos)
      labels.push_back(label);
  return labels;
}

std::string getTestName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  for (char &c : name)
    if (c == '-')
      c = '_';
  return name;
}

class Attend : public testing::TestWithParam<std::string> {};

TEST_P(Attend, MatchesFloat64) {
  gpu::driver.open();
  std::vector<gpu::Kernel> kernels = gpu::loadKernels(RONDO_PTX_KERNELS);
  for (const gpu::Kernel &kernel : kernels)
    if (kernel.label == GetParam())
      for (const Shape &shape : getShapes(kernel))
        EXPECT_EQ(runShape(kernels, kernel, shape), "") << kernel.label << " " << shape;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Attend, testing::ValuesIn(getAttendLabels()), getTestName);

/// Fails if the list of kernels was not there.
TEST(Kernels, AreListed) { EXPECT_GT(getAttendLabels().size(), 30u); }

} // namespace
