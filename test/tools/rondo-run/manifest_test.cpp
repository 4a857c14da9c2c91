// Manifests are read whole or refused with the place that is wrong.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/manifest.h"

#include <gtest/gtest.h>

using namespace rondo::run;

namespace {

const std::string whole = R"({
  "rondo": 1, "target": "cpu:x86-64-v3",
  "grid": {"name": "gpus", "axes": [{"name": "host", "size": 2}, {"name": "seq", "size": null}]},
  "functions": [{
    "name": "f", "lengths": ["s0"],
    "inputs": [{"name": "arg0", "type": "bf16", "shape": [1, "s0"], "sharding": [[], ["host", "seq"]]}],
    "outputs": [{"name": "result0", "type": "f32", "shape": [1, 8], "sharding": [[], []]}],
    "schedules": [{"attention": 0, "schedule": "query-ring"}],
    "workspace_bytes": 64, "communication_bytes": "ceil(s0/n)*4"}]})";

std::string replaced(const std::string &from, const std::string &to) {
  std::string text = whole;
  return text.replace(text.find(from), from.size(), to);
}

TEST(Manifest, IsReadWhole) {
  Result<Manifest> manifest = parseManifest(whole.c_str());
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->target, "cpu:x86-64-v3");
  EXPECT_EQ(manifest->grid->axes[0].size, 2);
  EXPECT_EQ(manifest->grid->axes[1].size, std::nullopt);
  const FunctionSpec &function = manifest->functions.at(0);
  EXPECT_EQ(function.inputs.at(0).type, ElementType::BF16);
  EXPECT_EQ(function.inputs.at(0).shape.at(1), Extent("s0"));
  EXPECT_EQ(function.inputs.at(0).sharding.at(1), (std::vector<std::string>{"host", "seq"}));
  EXPECT_EQ(function.schedules.at(0).schedule, "query-ring");
  EXPECT_EQ(function.workspaceBytes, "64");
}

TEST(Manifest, IsDescribed) {
  Result<Manifest> manifest = parseManifest(whole.c_str());
  ASSERT_TRUE(manifest);
  EXPECT_EQ(describeManifest(*manifest), R"(target  cpu:x86-64-v3
grid    @gpus ["host" = 2, "seq" = ?]

function f
  inputs         arg0  bf16 [1, s0]  dimension 1 over "host", "seq"
  outputs        result0  f32  [1, 8]  replicated
  lengths        s0 (bound at run time)
  schedule       attention 0: query-ring
  workspace      64 bytes on each rank
  communication  ceil(s0/n)*4 bytes from each rank
)");
}

TEST(Manifest, MayLackAGrid) {
  Result<Manifest> manifest = parseManifest(R"({"rondo": 1, "target": "cpu", "functions": []})");
  ASSERT_TRUE(manifest);
  EXPECT_FALSE(manifest->grid);
}

TEST(Manifest, ErrorsNameThePlace) {
  struct Case {
    std::string from, to, phrase;
  };
  for (const Case &wrong : std::vector<Case>{
           {"\"rondo\": 1", "\"rondo\": 2", "rondo: expected format 1, got 2"},
           {"\"target\": \"cpu:x86-64-v3\",", "", "expected a member 'target'"},
           {"\"size\": 2", "\"size\": 0", "grid.axes[0].size: expected at least 1"},
           {"bf16", "f64", "functions[0].inputs[0].type: expected f32, f16 or bf16, got 'f64'"},
           {"[1, 8]", "[1, -8]", "functions[0].outputs[0].shape[1]: expected at least 0"},
           {"[1, 8]", "[1, 8, 2]", "functions[0].outputs[0].sharding: expected one list for each of the 3 dimensions"},
           {"[1, 8]", "[1, \"t\"]", "expected a length that is in the list of lengths, got 't'"},
           {"[\"s0\"]", "\"s0\"", "functions[0].lengths: expected a list"},
           {"{", "", "malformed: line 2: "}}) {
    Result<Manifest> manifest = parseManifest(replaced(wrong.from, wrong.to).c_str());
    ASSERT_FALSE(manifest) << wrong.phrase;
    EXPECT_NE(manifest.error().text.find(wrong.phrase), std::string::npos) << manifest.error().text;
  }
}

} // namespace
