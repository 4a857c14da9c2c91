//===- ProgramRun.cpp - Runs of a compiled program at random --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/ProgramRun.h"

#include "test/execution/programs/run.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

using namespace rondo;
using namespace rondo::fuzz;
using test::Element;
using test::Global;

namespace {
/// What one run is made of.
struct Setting {
  test::Grid grid; // every size bound
  std::vector<int64_t> lengths;
  test::Layout layout;
  bool placed; // each rank has memory of its own
  test::RunOptions options;
  std::string inputs;
};

/// Turns the failed expectations of the shared test code into text.
class Expectations {
public:
  template <typename Body>
  std::string failuresOf(Body body) {
    testing::TestPartResultArray results;
    {
      testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      body();
    }
    std::string text;
    for (int i = 0; i < results.size(); ++i)
      text += std::string(results.GetTestPartResult(i).message()) + "\n";
    return text;
  }
};
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The setting
//===--------------------------------------------------------------------------------------------------------------===//

/// Multiplications of a function's attentions, so that one run takes milliseconds.
static double countWork(const Function &function, const std::vector<int64_t> &lengths) {
  double work = 0;
  for (const Op &op : function.ops)
    if (op.code == OpCode::Attention) {
      std::vector<int64_t> q = sizesOf(function.values[op.operands[0]], lengths);
      std::vector<int64_t> v = sizesOf(function.values[op.operands[2]], lengths);
      work += static_cast<double>(q[0] * q[1] * q[2]) * v[2] * (q[3] + v[3]);
    }
  return work;
}

static std::vector<int64_t> chooseLengths(const Function &function, Random &random) {
  constexpr double mostWork = 6e6;
  for (;;) {
    std::vector<int64_t> lengths;
    for (size_t i = 0; i < function.lengths.size(); ++i) {
      int64_t size = function.lengths[i].size;
      bool isBatch = function.values[0].shape[0].length == static_cast<int>(i);
      if (function.lengths[i].isDynamic)
        size = isBatch ? random.pick({0, 1, 1, 1, 2, 3})
                       : (random.chance(0.4) ? random.between(0, 48)
                                             : random.pick({0, 1, 2, 3, 4, 5, 7, 11, 13, 16, 17, 29, 32, 61, 97}));
      lengths.push_back(size);
    }
    bool hasDynamic = std::any_of(function.lengths.begin(), function.lengths.end(),
                                  [](const Length &length) { return length.isDynamic; });
    if (!hasDynamic || countWork(function, lengths) <= mostWork)
      return lengths;
  }
}

static Setting chooseSetting(const Program &program, const Function &function, Random &random) {
  Setting setting;
  int64_t ranks = 1;
  for (const test::Axis &axis : program.grid)
    ranks *= std::max<int64_t>(axis.size, 1);
  setting.grid = program.grid;
  for (test::Axis &axis : setting.grid)
    if (axis.size == 0)
      axis.size = random.between(1, std::max<int64_t>(1, std::min<int64_t>(5, 16 / ranks)));
  setting.lengths = chooseLengths(function, random);
  setting.layout = random.pick({test::Layout::HeadMajor, test::Layout::SequenceMajor});
  setting.placed = random.chance(0.7);
  setting.options.threadsPerRank = random.pick({1, 1, 2});
  setting.options.latencyMicroseconds = random.pick({0.0, 0.0, 0.0, 100.0});
  return setting;
}

static std::string describe(const Function &function, const Setting &setting) {
  std::ostringstream text;
  text << "function " << function.name << ", lengths";
  for (int64_t length : setting.lengths)
    text << ' ' << length;
  text << ", grid";
  for (const test::Axis &axis : setting.grid)
    text << ' ' << axis.name << '=' << axis.size;
  text << (setting.placed ? ", placed shards" : ", global tensors")
       << (setting.layout == test::Layout::HeadMajor ? ", head-major" : ", sequence-major") << ", "
       << setting.options.threadsPerRank << " threads a rank, latency " << setting.options.latencyMicroseconds
       << " us, inputs:" << setting.inputs;
  return text.str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Inputs
//===--------------------------------------------------------------------------------------------------------------===//

/// Whether some attention takes its values from elsewhere than an input of their own, v...
static bool sharesValues(const Function &function) {
  for (const Op &op : function.ops)
    if (op.code == OpCode::Attention &&
        (op.operands[2] >= function.inputs || function.values[op.operands[2]].name[0] != 'v'))
      return true;
  return false;
}

/// `isValueSide`: it is V of some attention, or may be.
static Global generateInput(const Value &value, bool isValueSide, std::vector<int64_t> sizes, Random &random,
                            std::string &description) {
  std::mt19937 generator(static_cast<uint32_t>(random.below(UINT32_MAX)));
  // Values hold no infinities: where a weight is too small for float32, 0 * inf is NaN, and in float64 it is not. Nor
  // NaNs beside infinite scores: of a key whose score is -inf a NaN shows if the key's shard has others for the row.
  switch (random.below(isValueSide ? 8 : 12)) {
  case 0:
    description += " " + value.name + "=zeros";
    return Global(std::move(sizes));
  case 1: {
    if (isValueSide && description.find("infs") != std::string::npos)
      return Global::random(value.element, std::move(sizes), generator);
    description += " " + value.name + "=NaNs";
    Global tensor = Global::random(value.element, std::move(sizes), generator);
    for (int i = 0; i < 3 && !tensor.values().empty(); ++i)
      tensor.values()[random.below(tensor.values().size())] = NAN;
    return tensor;
  }
  case 8: {
    double infinity = random.chance(0.5) ? -INFINITY : INFINITY;
    description += " " + value.name + (infinity < 0 ? "=-infs" : "=infs");
    Global tensor = Global::random(value.element, std::move(sizes), generator);
    for (int i = 0; i < 4 && !tensor.values().empty(); ++i)
      tensor.values()[random.below(tensor.values().size())] = infinity;
    return tensor;
  }
  case 9:
  case 10: {
    double deviation = random.pick({10.0, 100.0, 1000.0});
    description += " " + value.name + "=huge";
    return Global::random(value.element, std::move(sizes), generator, deviation);
  }
  default:
    return Global::random(value.element, std::move(sizes), generator);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The runs
//===--------------------------------------------------------------------------------------------------------------===//

using RunFunction = decltype(test::run);

static std::vector<test::Placed> place(const Function &function, const std::vector<int> &numbers,
                                       std::vector<Global> &tensors, test::Layout layout) {
  std::vector<test::Placed> placed;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const Value &value = function.values[numbers[i]];
    placed.push_back({&tensors[i], value.element, value.sharding, layout});
  }
  return placed;
}

static std::vector<Global> makeOutputs(const Function &function, const std::vector<int64_t> &lengths) {
  std::vector<Global> outputs;
  for (int number : function.results)
    outputs.emplace_back(sizesOf(function.values[number], lengths));
  return outputs;
}

static std::vector<Global> runOnRanks(const Function &function, const rondo_program *binary, const Setting &setting,
                                      std::vector<Global> &inputs) {
  std::vector<int> inputNumbers;
  for (int i = 0; i < function.inputs; ++i)
    inputNumbers.push_back(i);
  std::vector<Global> outputs = makeOutputs(function, setting.lengths);
  RunFunction *run = setting.placed ? test::run : test::runGlobal;
  run(binary, function.name, setting.grid, place(function, inputNumbers, inputs, setting.layout),
      place(function, function.results, outputs, setting.layout), setting.options);
  return outputs;
}

static void compare(const Function &function, const std::vector<Global> &outputs,
                    const std::vector<Evaluated> &expected, const char *who) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Evaluated &right = expected[function.results[i]];
    std::string what = std::string(who) + " result " + std::to_string(i);
    test::expectWithin(outputs[i], right.tensor, right.error, what.c_str());
  }
}

static DLTensor describeTensor(Global &tensor, std::vector<int64_t> &shape) {
  shape = tensor.sizes();
  DLTensor description = {};
  description.data = tensor.values().data();
  description.device = {kDLCPU, 0};
  description.ndim = static_cast<int32_t>(shape.size());
  description.dtype = {kDLFloat, 64, 1};
  description.shape = shape.data();
  return description;
}

/// The float64 evaluation that the program carries, on the same inputs.
static void checkReference(const Function &function, const rondo_program *binary, const Setting &setting,
                           std::vector<Global> &inputs) {
  std::vector<Evaluated> expected = evaluate(function, inputs, /*rounds=*/false);
  std::vector<Global> outputs = makeOutputs(function, setting.lengths);
  std::vector<std::vector<int64_t>> shapes(inputs.size() + outputs.size());
  std::vector<DLTensor> tensors;
  for (size_t i = 0; i < shapes.size(); ++i)
    tensors.push_back(describeTensor(i < inputs.size() ? inputs[i] : outputs[i - inputs.size()], shapes[i]));
  std::vector<const DLTensor *> in;
  std::vector<DLTensor *> out;
  for (size_t i = 0; i < tensors.size(); ++i)
    i < inputs.size() ? in.push_back(&tensors[i]) : out.push_back(&tensors[i]);
  test::Session &session = test::Session::get();
  rondo_status status = rondo_run_reference(session.context(), binary, function.name.c_str(), in.data(), in.size(),
                                            out.data(), out.size());
  EXPECT_EQ(status, RONDO_OK) << "the reference: " << session.lastError();
  if (status == RONDO_OK)
    compare(function, outputs, expected, "the reference's");
}

static bool haveSameBits(const std::vector<Global> &a, const std::vector<Global> &b) {
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[i].values().size(); ++j) {
      double x = a[i].values()[j], y = b[i].values()[j];
      if (std::memcmp(&x, &y, sizeof x) != 0 && !(std::isnan(x) && std::isnan(y)))
        return false;
    }
  return true;
}

std::string rondo::fuzz::runOnce(const Program &program, const Function &function, const rondo_program *binary,
                                 Random &random, std::string &history) {
  Setting setting = chooseSetting(program, function, random);
  std::vector<Global> inputs;
  bool special = random.chance(0.5), shares = sharesValues(function);
  for (int i = 0; i < function.inputs; ++i) {
    const Value &value = function.values[i];
    std::vector<int64_t> sizes = sizesOf(value, setting.lengths);
    std::mt19937 generator(static_cast<uint32_t>(random.below(UINT32_MAX)));
    inputs.push_back(special ? generateInput(value, shares || value.name[0] == 'v', sizes, random, setting.inputs)
                             : Global::random(value.element, sizes, generator));
  }
  history += describe(function, setting) + "\n";
  bool again = random.chance(0.2);
  return Expectations().failuresOf([&] {
    std::vector<Global> outputs = runOnRanks(function, binary, setting, inputs);
    compare(function, outputs, evaluate(function, inputs, /*rounds=*/true), "the run's");
    if (again) {
      setting.options.threadsPerRank = 3 - setting.options.threadsPerRank;
      setting.placed = !setting.placed;
      EXPECT_TRUE(haveSameBits(outputs, runOnRanks(function, binary, setting, inputs)))
          << "other bits with " << setting.options.threadsPerRank << " threads a rank and "
          << (setting.placed ? "placed" : "global") << " tensors";
    }
    if (program.reference)
      checkReference(function, binary, setting, inputs);
  });
}
