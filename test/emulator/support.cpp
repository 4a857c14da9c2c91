// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

#include <functional>

using namespace emulator_test;

namespace {
struct Arguments {
  alignas(TensorMap::kAlignment) uint8_t map[TensorMap::kBytes];
  uint64_t out, data;
};
} // namespace

std::string TestKernel::getText() const {
  std::string clusterText = cluster > 1 ? concat(".explicitcluster\n.reqnctapercluster ", cluster, ", 1, 1\n") : "";
  return concat(R"(.version 8.6
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 tile[];
.visible .entry test(
  .param .align 64 .b8 test_param_0[128],
  .param .u64 .ptr .global .align 1 test_param_1,
  .param .u64 test_param_2
)
.reqntid )",
                shape.threads, "\n", directives, "\n", clusterText, R"({
  .reg .pred %p<16>;
  .reg .b16 %h<16>;
  .reg .b32 %r<64>, %tid, %result, %cta;
  .reg .b64 %l<32>, %out, %map, %data;
  ld.param.b64 %out, [test_param_1];
  ld.param.b64 %data, [test_param_2];
  mov.b64 %map, test_param_0;
  cvta.param.u64 %map, %map;
  mov.u32 %tid, %tid.x;
  mov.u32 %cta, %ctaid.x;
  mov.b32 %result, 0;
  mad.lo.s32 %r0, %cta, )",
                shape.threads, R"(, %tid;
  mad.wide.u32 %out, %r0, 4, %out;
)",
                body, R"(
  st.global.b32 [%out], %result;
  ret;
}
)");
}

std::vector<uint32_t> TestKernel::run(const Module *before) const {
  Module module(getText());
  GlobalMemory memory;
  std::vector<uint32_t> results(shape.grid.x * shape.threads);
  Arguments arguments = {};
  arguments.out = memory.map("results", results.data(), results.size() * sizeof(uint32_t));
  if (data)
    arguments.data = memory.map("data", data->data(), data->size());
  if (map) {
    TensorMap placed = *map;
    placed.address += arguments.data;
    encodeTensorMap(placed, arguments.map);
  }
  if (before) {
    LaunchShape first = shape;
    first.overlapsPrevious = false;
    before->getKernel("test").launch(memory, first, &arguments, sizeof(arguments));
    memory.beginLaunch();
  }
  module.getKernel("test").launch(memory, shape, &arguments, sizeof(arguments));
  return results;
}

static std::string getErrorOf(const std::function<void()> &function) {
  try {
    function();
  } catch (const EmulationError &error) {
    return error.what();
  }
  return "";
}

std::string TestKernel::getError() const {
  return getErrorOf([&] { run(nullptr); });
}

std::string TestKernel::getErrorAfter(const Module &before) const {
  return getErrorOf([&] { run(&before); });
}

uint32_t emulator_test::evaluate(const std::string &body) {
  std::vector<uint32_t> results = TestKernel(body).run();
  for (uint32_t result : results)
    EXPECT_EQ(result, results[0]) << body;
  return results[0];
}

std::string emulator_test::literal(float value) {
  char text[16];
  std::snprintf(text, sizeof(text), "0f%08X", bitCast<uint32_t>(value));
  return text;
}

testing::AssertionResult emulator_test::contains(const char *, const char *, const std::string &text,
                                                 const std::string &part) {
  if (text.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << text << "'\ndoes not contain '" << part << "'";
}
