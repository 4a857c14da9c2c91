//===- ProgramText.cpp - The text of a small program ----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Program.h"

#include <sstream>

using namespace rondo;
using namespace rondo::fuzz;

static std::string printType(const Function &function, const Value &value) {
  std::vector<int64_t> shape;
  for (const Value::Extent &extent : value.shape) {
    bool isLength = extent.length >= 0;
    const Length *length = isLength ? &function.lengths[extent.length] : nullptr;
    shape.push_back(!isLength ? extent.size : length->isDynamic ? test::dynamic : length->size);
  }
  return test::printTensor(shape, value.element);
}

static std::string printSigned(double number) {
  std::ostringstream text;
  text.precision(17);
  text << std::scientific << number;
  return text.str();
}

namespace {
class Printer {
public:
  explicit Printer(const Function &function) : function(function) {}

  std::string print() {
    text << "func.func @" << function.name << "(";
    for (int i = 0; i < function.inputs; ++i)
      text << (i ? ",\n    " : "") << "%" << function.values[i].name << ": " << declaration(function.values[i]);
    text << ")\n    -> (";
    for (size_t i = 0; i < function.results.size(); ++i) {
      const Value &value = function.values[function.results[i]];
      text << (i ? ",\n    " : "") << type(function.results[i]);
      if (function.declaresResult[i])
        text << " " << test::printSharding(value.sharding);
    }
    text << ") {\n";
    for (const Op &op : function.ops)
      printOp(op);
    text << "  return " << names(function.results);
    text << (function.results.empty() ? "" : " : ") << types(function.results) << "\n}\n";
    return text.str();
  }

private:
  std::string name(int value) const { return "%" + function.values[value].name; }
  std::string type(int value) const { return printType(function, function.values[value]); }
  std::string declaration(const Value &value) const {
    return printType(function, value) + (value.declaresSharding ? " " + test::printSharding(value.sharding) : "");
  }
  template <typename Get>
  std::string list(const std::vector<int> &values, Get get) const {
    std::string joined;
    for (int value : values)
      joined += (joined.empty() ? "" : ", ") + get(value);
    return joined;
  }
  std::string names(const std::vector<int> &values) const {
    return list(values, [this](int value) { return name(value); });
  }
  std::string types(const std::vector<int> &values) const {
    return list(values, [this](int value) { return type(value); });
  }

  void printOp(const Op &op) {
    static constexpr const char *mnemonics[] = {"rondo.attention", "arith.addf",  "arith.subf", "arith.mulf",
                                                "arith.maximumf",  "arith.negf",  "math.absf",  "",
                                                "arith.extf",      "arith.truncf"};
    if (op.code == OpCode::Scale)
      return printScale(op);
    text << "  " << names(op.results) << " = " << mnemonics[static_cast<int>(op.code)] << " " << names(op.operands);
    if (op.code == OpCode::Attention)
      printAttention(op);
    else if (op.code == OpCode::Extend || op.code == OpCode::Truncate)
      text << " : " << type(op.operands[0]) << " to " << type(op.results[0]) << "\n";
    else
      text << " : " << type(op.results[0]) << "\n";
  }

  void printAttention(const Op &op) {
    if (op.scale)
      text << " scale " << printSigned(*op.scale);
    if (op.mask != test::Mask::None)
      text << " causal " << (op.mask == test::Mask::TopLeft ? "top_left" : "bottom_right");
    text << "\n      : (" << types(op.operands) << ") -> (" << types(op.results) << ")\n";
  }

  /// linalg.generic with a constant in its body, on a tensor.empty whose extents are those of the operand.
  void printScale(const Op &op) {
    const Value &value = function.values[op.operands[0]];
    std::string stem = function.values[op.results[0]].name, element = test::name(value.element);
    std::string sizes, map, iterators, operandType = type(op.operands[0]);
    for (size_t d = 0; d < value.shape.size(); ++d) {
      std::string number = std::to_string(d);
      map += (d ? ", d" : "d") + number;
      iterators += d ? ", \"parallel\"" : "\"parallel\"";
      if (value.shape[d].length < 0 || !function.lengths[value.shape[d].length].isDynamic)
        continue;
      text << "  %" << stem << "_c" << number << " = arith.constant " << number << " : index\n  %" << stem << "_s"
           << number << " = tensor.dim " << name(op.operands[0]) << ", %" << stem << "_c" << number << " : "
           << operandType << "\n";
      sizes += (sizes.empty() ? "%" : ", %") + stem + "_s" + number;
    }
    map = "affine_map<(" + map + ") -> (" + map + ")>";
    text << "  %" << stem << "_e = tensor.empty(" << sizes << ") : " << operandType << "\n  %" << stem
         << " = linalg.generic {indexing_maps = [" << map << ", " << map << "], iterator_types = [" << iterators
         << "]}\n      ins(" << name(op.operands[0]) << " : " << operandType << ") outs(%" << stem
         << "_e : " << operandType << ") {\n    ^bb0(%x: " << element << ", %unused: " << element
         << "):\n      %c = arith.constant " << printSigned(op.factor) << " : " << element
         << "\n      %y = arith.mulf %x, %c : " << element << "\n      linalg.yield %y : " << element << "\n  } -> "
         << operandType << "\n";
  }

  const Function &function;
  std::ostringstream text;
};
} // namespace

std::string Program::text() const {
  std::string text = grid.empty() ? "" : test::printGrid(grid);
  for (const Function &function : functions)
    text += Printer(function).print();
  return text;
}

std::string Program::options() const {
  return "--schedule=" + schedule + " --home-parts=" + homeParts + " --cpu=" + cpu + (overlap ? "" : " --no-overlap") +
         (reference ? "" : " --no-reference");
}
