// Manifests: what is read from a right one, and the error of each wrong one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/manifest.h"
}

using namespace rondo_test;

namespace {

class Manifest : public testing::Test {
protected:
  ~Manifest() override { manifest_free(&result); }
  rondo_status parse(const std::string &text) {
    manifest_free(&result);
    return manifest_parse(context.get(), text.data(), text.size(), &result);
  }
  void expectError(const std::string &text, const std::string &error) {
    EXPECT_EQ(parse(text), RONDO_INVALID_PROGRAM) << text;
    EXPECT_EQ(std::string(rondo_last_error(context.get())), "manifest: " + error) << text;
  }
  // A manifest with one function of one input.
  static std::string withInput(const std::string &input) {
    return R"({"rondo": 1, "target": "cpu", "grid": {"name": "g", "axes": [{"name": "a", "size": 2}]},
      "functions": [{"name": "f", "lengths": ["s"], "outputs": [], "inputs": [)" +
           input + "]}]}";
  }
  static std::string withGrid(const std::string &grid) {
    return R"({"rondo": 1, "target": "cpu", "grid": )" + grid +
           R"(, "functions": [{"name": "f", "lengths": [], "inputs": [], "outputs": []}]})";
  }
  static std::string withFunctions(const std::string &functions) {
    return R"({"rondo": 1, "target": "cpu", "functions": )" + functions + "}";
  }

  Handle<rondo_context> context = makeContext();
  manifest result = {};
};

TEST_F(Manifest, IsReadWhole) {
  ASSERT_EQ(parse(R"({"rondo": 1, "target": "cpu:x86-64-v3", "unknown": 5,
    "grid": {"name": "gpus", "axes": [{"name": "row", "size": 4}, {"name": "col", "size": null}]},
    "functions": [{"name": "f", "lengths": ["s0", "s1"],
      "inputs": [{"name": "q", "type": "bf16", "shape": [1, "s0"], "sharding": [[], ["col", "row"]]}],
      "outputs": [{"name": "r", "type": "f16", "shape": ["s1"], "sharding": [[]]}]}]})"),
            RONDO_OK)
      << rondo_last_error(context.get());
  EXPECT_STREQ(result.target, "cpu:x86-64-v3");
  ASSERT_EQ(result.grid.axis_count, 2);
  EXPECT_EQ(result.grid.axes[0].size, 4);
  EXPECT_EQ(result.grid.axes[1].size, 0);
  ASSERT_EQ(result.function_count, 1);
  const manifest_function &function = result.functions[0];
  ASSERT_EQ(function.tensor_count, 2);
  EXPECT_EQ(function.input_count, 1);
  EXPECT_EQ(function.tensors[0].type, ELEMENT_BF16);
  EXPECT_EQ(function.tensors[0].dimensions[0].extent, 1);
  EXPECT_EQ(function.tensors[0].dimensions[1].length, 0);
  ASSERT_EQ(function.tensors[0].dimensions[1].axis_count, 2);
  EXPECT_EQ(function.tensors[0].dimensions[1].axes[0], 1);
  EXPECT_EQ(function.tensors[0].dimensions[1].axes[1], 0);
  EXPECT_EQ(function.tensors[1].type, ELEMENT_F16);
  EXPECT_EQ(function.tensors[1].dimensions[0].length, 1);
}

TEST_F(Manifest, NeedsNoGrid) {
  ASSERT_EQ(parse(withFunctions(R"([{"name": "f", "lengths": [], "inputs": [], "outputs": []}])")), RONDO_OK);
  EXPECT_EQ(result.grid.axis_count, 0);
}

TEST_F(Manifest, RefusesWrongSyntaxAndVersions) {
  EXPECT_EQ(parse(""), RONDO_INVALID_PROGRAM);
  EXPECT_EQ(parse("{\"rondo\": 1,"), RONDO_INVALID_PROGRAM);
  EXPECT_NE(std::string(rondo_last_error(context.get())).find("line 1"), std::string::npos);
  EXPECT_EQ(parse("{\"rondo\": 1, \"rondo\": 1}"), RONDO_INVALID_PROGRAM);
  EXPECT_EQ(parse(std::string("{\"a\0\": 1}", 9)), RONDO_INVALID_PROGRAM);
  expectError("[]", "it should be an object");
  expectError("{}", "'rondo' should be the version of its format, 1");
  expectError(R"({"rondo": 2})", "its format is of version 2, but this runtime reads version 1");
  expectError(R"({"rondo": 1})", "'target' should be a non-empty string");
  expectError(R"({"rondo": 1, "target": "cpu"})", "'functions' should be an array");
}

TEST_F(Manifest, RefusesWrongGrids) {
  expectError(withGrid("[]"), "grid: it should be an object");
  expectError(withGrid(R"({"name": "g"})"), "grid: 'axes' should be an array");
  expectError(withGrid(R"({"name": "g", "axes": []})"), "grid: it has 0 axes; 1 to 8 are supported");
  expectError(withGrid(R"({"name": "g", "axes": ["a"]})"), "grid.axes[0]: an axis should be an object");
  expectError(withGrid(R"({"name": "g", "axes": [{"name": "a", "size": 0}]})"),
              "grid.axes[0]: 'size' should be a positive integer, or null if it is bound at run time");
  expectError(withGrid(R"({"name": "g", "axes": [{"name": "a"}]})"),
              "grid.axes[0]: 'size' should be a positive integer, or null if it is bound at run time");
  expectError(withGrid(R"({"name": "g", "axes": [{"name": "a", "size": 1}, {"name": "a", "size": 1}]})"),
              "grid.axes[1]: a second axis named 'a'");
  expectError(withGrid(R"({"name": "g", "axes": [{"name": "a", "size": null}, {"name": "b", "size": null}]})"),
              "grid.axes: 2 sizes are null, but the number of ranks can bind only one");
}

TEST_F(Manifest, RefusesWrongTensors) {
  const std::string place = "functions[0].inputs[0]";
  expectError(withInput("1"), place + ": it should be an object");
  expectError(withInput("{}"), place + ": 'name' should be a non-empty string");
  expectError(withInput(R"({"name": "x", "type": "f64", "shape": [], "sharding": []})"),
              place + ": type 'f64' is not one of 'f32', 'f16', 'bf16'");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s"]})"), place + ": 'sharding' should be an array");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s", 1], "sharding": [[]]})"),
              place + ": 'shape' has 2 dimensions, but 'sharding' has 1");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": [-1], "sharding": [[]]})"),
              place + ".shape[0]: an extent should be an integer >= 0 or the name of a length");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["t"], "sharding": [[]]})"),
              place + ".shape[0]: 't' is not among the function's lengths");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s"], "sharding": ["a"]})"),
              place + ".sharding[0]: it should be an array of axes");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s"], "sharding": [[0]]})"),
              place + ".sharding[0]: an axis should be a string");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s"], "sharding": [["b"]]})"),
              place + ".sharding[0]: 'b' is not an axis of the grid");
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": ["s", 1], "sharding": [["a"], ["a"]]})"),
              place + ".sharding[1]: axis 'a' shards the tensor a second time");
  const std::string right = R"({"name": "x", "type": "f32", "shape": ["s"], "sharding": [[]]})";
  expectError(withInput(right + "," + right), "functions[0].inputs[1]: a second tensor named 'x'");
  std::string many = "0", none = "[]";
  for (int i = 0; i < 16; ++i) {
    many += ", 0";
    none += ", []";
  }
  expectError(withInput(R"({"name": "x", "type": "f32", "shape": [)" + many + R"(], "sharding": [)" + none + "]}"),
              place + ": it has 17 dimensions; at most 16 are supported");
}

TEST_F(Manifest, RefusesWrongFunctions) {
  const std::string f = R"({"name": "f", "lengths": [], "inputs": [], "outputs": []})";
  EXPECT_EQ(parse(withFunctions("[" + f + "]")), RONDO_OK);
  expectError(withFunctions("{}"), "'functions' should be an array");
  expectError(withFunctions("[]"), "'functions' is empty");
  expectError(withFunctions("[7]"), "functions[0]: a function should be an object");
  expectError(withFunctions("[" + f + "," + f + "]"), "functions[1]: a second function named 'f'");
  expectError(withFunctions(R"([{"name": "f", "lengths": [1], "inputs": [], "outputs": []}])"),
              "functions[0].lengths[0]: a length should be a non-empty string");
  expectError(withFunctions(R"([{"name": "f", "lengths": ["s", "s"], "inputs": [], "outputs": []}])"),
              "functions[0].lengths[1]: a second length named 's'");
  expectError(withFunctions(R"([{"name": "f", "lengths": ["s"], "inputs": [], "outputs": []}])"),
              "functions[0]: length 's' is not an extent of any input or output");
  expectError(withFunctions(R"([{"name": "f", "lengths": [], "inputs": []}])"),
              "functions[0]: 'outputs' should be an array");
}

} // namespace
