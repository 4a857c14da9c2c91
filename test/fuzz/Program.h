//===- Program.h - A small program, its text and its value in float64 -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_PROGRAM_H
#define RONDO_TEST_FUZZ_PROGRAM_H

#include "test/execution/programs/oracle.h"
#include "test/execution/programs/program_text.h"

#include <optional>

namespace rondo::fuzz {

/// An extent that a function's tensors share: known when the program is compiled, or bound when it runs.
struct Length {
  bool isDynamic;
  int64_t size; ///< if it is not
};

/// A tensor of a function. Every extent is a length of the function or a constant.
struct Value {
  struct Extent {
    int length; ///< index into the function's lengths; -1: `size`
    int64_t size;
  };
  std::string name;
  test::Element element;
  std::vector<Extent> shape;
  test::Sharding sharding;
  bool declaresSharding; ///< of inputs and results: whether the program says it, or leaves it to be derived
};

enum class OpCode { Attention, Add, Subtract, Multiply, Maximum, Negate, Absolute, Scale, Extend, Truncate };

struct Op {
  OpCode code;
  std::vector<int> operands; ///< numbers of values
  std::vector<int> results;
  // Of attention:
  std::optional<double> scale;
  test::Mask mask = test::Mask::None;
  // Of Scale, exactly representable in every type:
  double factor = 1;
};

/// Values are numbered: the inputs first.
struct Function {
  std::string name;
  std::vector<Length> lengths;
  std::vector<Value> values;
  int inputs = 0;
  std::vector<Op> ops;
  std::vector<int> results;
  std::vector<bool> declaresResult; ///< whether a result's sharding is declared
};

struct Program {
  test::Grid grid;
  std::vector<Function> functions;
  // Options of the compiler.
  std::string schedule = "auto", homeParts = "auto", cpu = "native";
  bool overlap = true;
  bool reference = true;
  bool isValid = true;   ///< whether the compiler must take it; if not, it may still find a way to
  bool isBroken = false; ///< its values do not fit its text: it cannot be run

  std::string text() const;
  std::string options() const;
};

/// The extents of a value, given those of the function's lengths.
std::vector<int64_t> sizesOf(const Value &value, const std::vector<int64_t> &lengths);

/// A value in float64 and a bound on the 2-norm of the error that a right program may make in it.
struct Evaluated {
  test::Global tensor;
  double error = 0;
};

/// Evaluates all values of a function. `rounds`: whether each has its element type's precision, as in a run, or
/// float64's, as in the reference.
std::vector<Evaluated> evaluate(const Function &function, const std::vector<test::Global> &inputs, bool rounds);

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_PROGRAM_H
