// Every attention kernel of the family, as the compiler emits it, against float64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/execution/ptx/Fixture.h"

using namespace ptx_test;

namespace {

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
