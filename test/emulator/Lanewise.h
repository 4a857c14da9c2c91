//===- Lanewise.h - Instructions that are a function of each lane ---------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_LANEWISE_H
#define RONDO_TEST_EMULATOR_LANEWISE_H

#include "test/emulator/InstructionTable.h"
#include "test/emulator/Warp.h"

#include <tuple>
#include <utility>

namespace rondo::emulator {

template <auto function, typename Type = decltype(function)>
struct LanewiseHandler;

template <auto function, typename Result, typename... Arguments>
struct LanewiseHandler<function, Result (*)(Arguments...)> {
  static Outcome execute(Execution &execution) {
    return executeWith(execution, std::index_sequence_for<Arguments...>());
  }

  static std::string getForm() {
    std::string form = std::string("=") + getLetter<Result>();
    ((form += std::string(",") + getLetter<Arguments>()), ...);
    return form;
  }

private:
  template <size_t... indices>
  static Outcome executeWith(Execution &execution, std::index_sequence<indices...>) {
    std::tuple<Lanes<Arguments>...> arguments = {execution.read<Arguments>(indices + 1)...};
    Lanes<Result> results;
    for (unsigned lane = 0; lane < kWarpLanes; ++lane)
      results[lane] = function(std::get<indices>(arguments)[lane]...);
    execution.write(0, results);
    return Outcome::Done;
  }

  template <typename T>
  static char getLetter() {
    if (std::is_same_v<T, bool>)
      return 'p';
    return sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'r' : 'l';
  }
};

/// An entry for the instructions whose result is `function` of its operands. It is called for all lanes, so it must
/// have a value for all operands. The types of its parameters and result are those of the operands.
template <auto function>
InstructionEntry lanewise(const char *opcodes) {
  using Implementation = LanewiseHandler<function>;
  return {opcodes, Implementation::getForm(), Implementation::execute};
}

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_LANEWISE_H
