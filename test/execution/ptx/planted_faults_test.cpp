// Faults that are planted into right kernels, and must be found: so the tests of the kernels mean something.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/execution/ptx/cases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

using namespace ptx_test;

namespace {

struct Fault {
  const char *name;
  const char *kernel;
  const char *pattern, *replacement; ///< a regular expression; all places are replaced
  const char *message;               ///< what the emulator says; null: it does not see it, but the result is wrong
  const char *partner = nullptr;     ///< a right kernel that runs before
  bool plantsNaN = false;            ///< into a value that some rows do not see
};
std::ostream &operator<<(std::ostream &stream, const Fault &fault) { return stream << fault.name; }

constexpr Fault kFaults[] = {
    {"ProductsAreNotWaitedFor", "direct-k192", "wgmma\\.wait_group\\.sync\\.aligned \\d;", "",
     "of a wgmma that has not been waited for"},
    {"RegistersAreNotFenced", "direct-k192", "wgmma\\.fence\\.sync\\.aligned;", "", "without wgmma.fence behind it"},
    {"LoadsAreNotWaitedFor", "direct-k192", "mbarrier\\.try_wait\\.parity\\.shared\\.b64 P1, [^;]*;",
     "setp.eq.b32 P1, 0, 0;", "is being written by|not all of which have been written|is being read by"},
    {"StagesAreNotReleased", "direct-k192", "@%p\\d+ mbarrier\\.arrive\\.shared::cta\\.b64 _[^;]*;", "",
     "deadlock.*arrivals and 0 bytes are missing"},
    {"PartOfTheClusterIsNotLoaded", "direct-k192-c2", "(mov\\.b16 \t%rs\\d+), 3;", "$1, 1;",
     "deadlock.*bytes are missing"},
    {"DescriptorsHoldTheRank", "direct-k192-c2", "16320|262143", "-1", "descriptor|lies outside"},
    {"RegistersDoNotSuffice", "direct-k192", "setmaxnreg\\.dec\\.sync\\.aligned\\.u32 \t24;",
     "setmaxnreg.dec.sync.aligned.u32 32;", "waits for registers"},
    {"NobodyBeginsWithProducts", "direct-k192", "bar\\.arrive[^;]*;", "", "waits for barrier 1, where"},
    {"PartialResultsAreNotWaitedFor", "merge-f16", "griddepcontrol\\.wait;", "",
     "reads what the kernel before this one wrote", "split-k192"},
    {"TailsAreNotMasked", "direct-k192", "0fFF800000", "0f00000000", nullptr},
    {"MaskedValuesLeak", "causal-k192", "vote\\.sync\\.any\\.pred\\s+(%p\\d+), [^;]*;", "mov.pred $1, 0;", nullptr,
     nullptr, /*plantsNaN=*/true},
    {"RepairsAreForgotten", "persistent-causal-k192", "ld\\.shared\\.b32\\s+(%r\\d+), [^;]*;", "mov.b32 $1, 0;",
     nullptr, nullptr, /*plantsNaN=*/true},
    {"KeysPastTheDiagonalAreSeen", "causal-k192", "0fFF800000", "0f00000000", nullptr},
};

std::string read(const std::filesystem::path &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Writes one kernel into a folder like that of the right ones.
void write(const std::filesystem::path &folder, const std::string &label, const std::string &ptx) {
  std::ofstream(folder / (label + ".cubin")) << ptx;
  std::ofstream(folder / (label + ".traits")) << read(std::filesystem::path(RONDO_PTX_KERNELS) / (label + ".traits"));
  std::ofstream(folder / "kernels", std::ios::app) << label << "\n";
}

/// A folder with the kernel that has the fault, and its partner.
std::filesystem::path plant(const Fault &fault) {
  std::filesystem::path from = RONDO_PTX_KERNELS, folder = std::filesystem::path(testing::TempDir()) / fault.name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::string label = fault.kernel, right = read(from / (label + ".cubin"));
  std::string wrong = std::regex_replace(right, std::regex(fault.pattern), fault.replacement);
  EXPECT_NE(right, wrong) << "there is nothing to replace";
  if (fault.partner)
    write(folder, fault.partner, read(from / (fault.partner + std::string(".cubin"))));
  write(folder, label, wrong);
  return folder;
}

std::string run(const std::filesystem::path &folder, bool plantsNaN) {
  constexpr Shape shape = {1, 1, 1, 200, 700, false, 500, 2, false};
  gpu::driver.open();
  std::vector<gpu::Kernel> kernels = gpu::loadKernels(folder.string());
  Expectation expectation;
  if (plantsNaN)
    expectation.prepare = [](gpu::Case &data) {
      data.values.set((shape.queries / 2 + shape.diagonal) * data.problem.value_features, NAN);
      data.values.upload();
    };
  return runShape(kernels[0], kernels.size() > 1 ? &kernels[1] : nullptr, shape, expectation);
}

class PlantedFault : public testing::TestWithParam<Fault> {};

// The driver's functions end the process if a launch fails.
TEST_P(PlantedFault, IsFound) {
  const Fault &fault = GetParam();
  std::filesystem::path folder = plant(fault);
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  if (fault.message)
    EXPECT_EXIT(run(folder, fault.plantsNaN), testing::ExitedWithCode(2), fault.message);
  else
    EXPECT_NE(run(folder, fault.plantsNaN), "");
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Kernels, PlantedFault, testing::ValuesIn(kFaults),
                         [](const testing::TestParamInfo<Fault> &info) { return std::string(info.param.name); });

} // namespace
