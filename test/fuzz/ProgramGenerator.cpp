//===- ProgramGenerator.cpp - Small programs at random --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/ProgramGenerator.h"

#include <algorithm>
#include <numeric>

using namespace rondo;
using namespace rondo::fuzz;
using test::Element;

static int64_t pickLength(Random &random) {
  return random.chance(0.3) ? random.between(0, 40) : random.pick({0, 1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 61});
}

static int64_t pickFeatures(Random &random) {
  return random.chance(0.2) ? random.between(1, 160)
                            : random.pick({1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65, 80, 96, 128, 160});
}

namespace {
/// The lengths and sizes of one attention.
struct Shapes {
  int batch, queries, keys; // lengths
  int64_t heads, keyHeads, features, valueFeatures;
};

class FunctionGenerator {
public:
  FunctionGenerator(Random &random, Program &program, std::string name) : random(random), program(program) {
    function.name = std::move(name);
  }

  Function generate();

private:
  void chooseAxes();
  Shapes chooseShapes();
  int addLength(int64_t size);
  int addInput(std::string name, Element element, std::vector<Value::Extent> shape, test::Sharding sharding);
  int addResult(OpCode code, std::vector<int> operands, Element element, std::vector<Value::Extent> shape,
                test::Sharding sharding);
  /// An op on `value` alone, or with another of its shape.
  int addElementwise(int value);
  int addSomeElementwise(int value, double probability);
  /// Attention of `query`, which may be an input or the output of another attention.
  int addAttention(const Shapes &shapes, int query, const std::string &suffix);
  void chooseResults();
  void breakSomething();
  bool isValid(const Shapes &shapes) const;

  Random &random;
  Program &program;
  Function function;
  Element element = Element::F32;
  std::vector<std::string> batchAxes, headAxes, queryAxes, keyAxes;
};
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Axes and shapes
//===--------------------------------------------------------------------------------------------------------------===//

/// Each axis of the grid shards one dimension, or none.
void FunctionGenerator::chooseAxes() {
  for (const test::Axis &axis : program.grid) {
    int role = static_cast<int>(random.below(queryAxes.empty() && keyAxes.empty() ? 10 : 7));
    if (role == 0)
      headAxes.push_back(axis.name);
    else if (role == 1)
      batchAxes.push_back(axis.name);
    else if (role == 2)
      continue;
    else if (role >= 4 || random.chance(0.2)) {
      if (!queryAxes.empty() && random.chance(0.8))
        continue;
      queryAxes.push_back(axis.name);
      if (!random.chance(0.15))
        keyAxes.push_back(axis.name);
    } else if (random.chance(0.15)) {
      keyAxes.push_back(axis.name);
    }
  }
}

Shapes FunctionGenerator::chooseShapes() {
  int64_t parts = 1;
  for (const test::Axis &axis : program.grid)
    if (std::find(headAxes.begin(), headAxes.end(), axis.name) != headAxes.end())
      parts *= std::max<int64_t>(axis.size, 1);
  Shapes shapes;
  shapes.keyHeads = random.pick({1, 1, 2, 3, 4}) * (random.chance(0.97) ? parts : 1);
  shapes.heads = shapes.keyHeads * random.pick({1, 1, 2, 3, 4, 7});
  shapes.features = pickFeatures(random);
  shapes.valueFeatures = random.chance(0.6) ? shapes.features : pickFeatures(random);
  shapes.batch = addLength(random.pick({1, 1, 1, 2, 3}));
  shapes.queries = addLength(pickLength(random));
  shapes.keys = addLength(pickLength(random));
  return shapes;
}

int FunctionGenerator::addLength(int64_t size) {
  function.lengths.push_back({random.chance(0.6), size});
  return static_cast<int>(function.lengths.size()) - 1;
}

/// What partition can do with this program's schedule.
bool FunctionGenerator::isValid(const Shapes &shapes) const {
  int64_t parts = 1;
  for (const test::Axis &axis : program.grid)
    if (std::find(headAxes.begin(), headAxes.end(), axis.name) != headAxes.end()) {
      if (axis.size == 0)
        return false;
      parts *= axis.size;
    }
  if (shapes.keyHeads % parts)
    return false;
  if (queryAxes.empty() && keyAxes.empty())
    return true;
  if (keyAxes.empty())
    return program.schedule == "auto" || program.schedule == "local";
  return queryAxes == keyAxes && keyAxes.size() == 1 && program.schedule != "local";
}

//===--------------------------------------------------------------------------------------------------------------===//
// Values and ops
//===--------------------------------------------------------------------------------------------------------------===//

int FunctionGenerator::addInput(std::string name, Element element, std::vector<Value::Extent> shape,
                                test::Sharding sharding) {
  function.values.push_back({std::move(name), element, std::move(shape), std::move(sharding), true});
  return static_cast<int>(function.values.size()) - 1;
}

int FunctionGenerator::addResult(OpCode code, std::vector<int> operands, Element element,
                                 std::vector<Value::Extent> shape, test::Sharding sharding) {
  int number = addInput("t" + std::to_string(function.values.size()), element, std::move(shape), std::move(sharding));
  Op op;
  op.code = code;
  op.operands = std::move(operands);
  op.results = {number};
  function.ops.push_back(std::move(op));
  return number;
}

int FunctionGenerator::addElementwise(int value) {
  Value type = function.values[value];
  auto addOf = [&](OpCode code, std::vector<int> operands, Element element) {
    return addResult(code, std::move(operands), element, type.shape, type.sharding);
  };
  std::vector<int> alike;
  for (size_t i = 0; i < function.values.size(); ++i) {
    const Value &other = function.values[i];
    bool same =
        other.element == type.element && other.sharding == type.sharding && other.shape.size() == type.shape.size();
    for (size_t d = 0; same && d < type.shape.size(); ++d)
      same = other.shape[d].length == type.shape[d].length && other.shape[d].size == type.shape[d].size;
    if (same)
      alike.push_back(static_cast<int>(i));
  }
  switch (random.below(9)) {
  case 0:
    return addOf(OpCode::Negate, {value}, type.element);
  case 1:
    return addOf(OpCode::Absolute, {value}, type.element);
  case 2:
  case 3: {
    int scaled = addOf(OpCode::Scale, {value}, type.element);
    function.ops.back().factor = random.pick({0.5, -1.5, 2.0, 0.25, 0.0, 1.0});
    return scaled;
  }
  case 4:
    if (type.element != Element::F32) {
      int wide = addOf(OpCode::Extend, {value}, Element::F32);
      return addOf(OpCode::Truncate, {wide}, type.element);
    }
    return addOf(OpCode::Negate, {value}, type.element);
  default:
    return addOf(random.pick({OpCode::Add, OpCode::Subtract, OpCode::Multiply, OpCode::Maximum}),
                 {value, random.pick(alike)}, type.element);
  }
}

int FunctionGenerator::addSomeElementwise(int value, double probability) {
  while (random.chance(probability))
    value = addElementwise(value);
  return value;
}

int FunctionGenerator::addAttention(const Shapes &shapes, int query, const std::string &suffix) {
  test::Sharding keySharding = {batchAxes, headAxes, keyAxes, {}};
  std::vector<Value::Extent> keyShape = {
      {shapes.batch, 0}, {-1, shapes.keyHeads}, {shapes.keys, 0}, {-1, shapes.features}};
  std::vector<Value::Extent> valueShape = keyShape;
  valueShape[3].size = shapes.valueFeatures;
  // The operands' inputs come before all results: the numbers of values are theirs.
  int key = -1, value = -1;
  for (size_t i = 0; i < function.values.size(); ++i) {
    if (function.values[i].name == "k" + suffix)
      key = static_cast<int>(i);
    if (function.values[i].name == "v" + suffix)
      value = static_cast<int>(i);
  }
  if (key < 0)
    key = query;
  if (value < 0)
    value = key;
  query = addSomeElementwise(query, 0.15);
  key = addSomeElementwise(key, 0.1);
  value = addSomeElementwise(value, 0.15);

  const Value &queryType = function.values[query];
  std::vector<Value::Extent> shape = queryType.shape;
  test::Sharding sharding = queryType.sharding;
  shape[3] = {-1, shapes.valueFeatures};
  int output = addResult(OpCode::Attention, {query, key, value}, element, shape, sharding);
  size_t attention = function.ops.size() - 1;
  if (random.chance(0.6)) {
    shape.pop_back();
    sharding.pop_back();
    int lse = addInput("lse" + std::to_string(output), Element::F32, shape, sharding);
    function.ops[attention].results.push_back(lse);
    function.results.push_back(lse);
  }
  if (random.chance(0.25))
    function.ops[attention].scale = random.pick({0.125, 1.0, -0.5, 0.0, 1e-30});
  function.ops[attention].mask = random.pick({test::Mask::None, test::Mask::TopLeft, test::Mask::BottomRight});
  return output;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The function
//===--------------------------------------------------------------------------------------------------------------===//

void FunctionGenerator::chooseResults() {
  if (random.chance(0.1))
    function.results.push_back(static_cast<int>(random.below(function.values.size())));
  if (random.chance(0.1))
    function.results.push_back(random.pick(function.results));
  std::swap(function.results.front(), function.results[random.below(function.results.size())]);
  for (size_t i = 0; i < function.results.size(); ++i)
    function.declaresResult.push_back(!program.grid.empty() && random.chance(0.7));
  if (program.grid.empty())
    for (Value &value : function.values)
      value.declaresSharding = false;
}

/// One thing that must be refused: the whole program is invalid then.
void FunctionGenerator::breakSomething() {
  program.isValid = false;
  program.isBroken = true;
  Value &value = function.values[random.below(function.inputs)];
  switch (random.below(5)) {
  case 0:
    value.shape[3].size += 1; // features disagree, unless all of them are this value
    break;
  case 1:
    value.shape[1].size += 1;
    break;
  case 2:
    value.sharding[3] = {"nowhere"};
    break;
  case 3:
    value.element = value.element == Element::F32 ? Element::F16 : Element::F32;
    break;
  case 4:
    if (!program.grid.empty())
      value.sharding[random.below(4)].push_back(random.pick(program.grid).name);
    break;
  }
}

Function FunctionGenerator::generate() {
  chooseAxes();
  element = random.pick({Element::F32, Element::F32, Element::F16, Element::BF16});
  Shapes shapes = chooseShapes();
  bool self = random.chance(0.15) && queryAxes == keyAxes;
  if (self) {
    shapes.keys = shapes.queries;
    shapes.heads = shapes.keyHeads;
  }
  test::Sharding keySharding = {batchAxes, headAxes, keyAxes, {}};
  addInput("q", element, {{shapes.batch, 0}, {-1, shapes.heads}, {shapes.queries, 0}, {-1, shapes.features}},
           {batchAxes, headAxes, queryAxes, {}});
  if (!self)
    addInput("k", element, {{shapes.batch, 0}, {-1, shapes.keyHeads}, {shapes.keys, 0}, {-1, shapes.features}},
             keySharding);
  if (shapes.features != shapes.valueFeatures || random.chance(0.7))
    addInput("v", element, {{shapes.batch, 0}, {-1, shapes.keyHeads}, {shapes.keys, 0}, {-1, shapes.valueFeatures}},
             keySharding);
  // A second attention takes the first one's output to keys of its own.
  bool second = random.chance(0.2);
  Shapes next = shapes;
  if (second) {
    next.keys = random.chance(0.5) ? shapes.keys : addLength(pickLength(random));
    next.features = shapes.valueFeatures;
    next.valueFeatures = random.chance(0.7) ? next.features : pickFeatures(random);
    addInput("k2", element, {{next.batch, 0}, {-1, next.keyHeads}, {next.keys, 0}, {-1, next.features}}, keySharding);
    addInput("v2", element, {{next.batch, 0}, {-1, next.keyHeads}, {next.keys, 0}, {-1, next.valueFeatures}},
             keySharding);
  }
  function.inputs = static_cast<int>(function.values.size());
  // What an input's sharding can be derived from declares its own.
  for (int i = 1; i < function.inputs; ++i)
    if (function.values[i].name[0] == 'v' && random.chance(0.2))
      function.values[i].declaresSharding = false;

  int output = addSomeElementwise(addAttention(shapes, 0, ""), 0.3);
  function.results.push_back(output);
  if (second)
    function.results.push_back(addSomeElementwise(addAttention(next, output, "2"), 0.2));
  chooseResults();
  if (!isValid(shapes))
    program.isValid = false;
  if (random.chance(0.04))
    breakSomething();
  return std::move(function);
}

//===--------------------------------------------------------------------------------------------------------------===//
// The program
//===--------------------------------------------------------------------------------------------------------------===//

static test::Grid generateGrid(Random &random) {
  constexpr int64_t mostRanks = 16;
  const std::vector<std::string> names = {"seq", "head", "data"};
  test::Grid grid;
  int64_t ranks = 1;
  size_t axes = random.pick({1, 1, 1, 2, 2, 3});
  bool hasDynamic = false;
  for (size_t i = 0; i < axes; ++i) {
    bool isDynamic = !hasDynamic && random.chance(0.4);
    int64_t size = isDynamic ? 0 : random.between(1, std::min<int64_t>(5, mostRanks / ranks));
    hasDynamic |= isDynamic;
    ranks *= std::max<int64_t>(size, 1);
    grid.push_back({names[i], size});
  }
  std::swap(grid.front(), grid[random.below(grid.size())]);
  return grid;
}

Program rondo::fuzz::generateProgram(Random &random) {
  Program program;
  if (!random.chance(0.05))
    program.grid = generateGrid(random);
  program.schedule = random.pick({"auto", "auto", "query-ring", "query-ring", "kv-ring", "kv-ring", "local"});
  program.homeParts = random.pick({"auto", "1", "2", "2"});
  program.cpu = random.pick({"native", "native", "native", "x86-64", "x86-64-v3"});
  program.overlap = !random.chance(0.25);
  program.reference = random.chance(0.5);
  int functions = random.pick({1, 2, 3});
  for (int i = 0; i < functions; ++i)
    program.functions.push_back(FunctionGenerator(random, program, "f" + std::to_string(i)).generate());
  return program;
}
