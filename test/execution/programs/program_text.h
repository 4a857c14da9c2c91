//===- program_text.h - The text of global programs -----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_PROGRAMS_PROGRAM_TEXT_H
#define RONDO_TEST_EXECUTION_PROGRAMS_PROGRAM_TEXT_H

#include "global.h"

namespace rondo::test {

/// An extent that is bound at run time.
constexpr int64_t dynamic = -1;

/// `rondo.grid @ranks = ["seq" = ?]`
std::string printGrid(const Grid &grid);
/// `tensor<?x8x?x64xf32>`
std::string printTensor(const std::vector<int64_t> &sizes, Element element);
/// `{rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>}`
std::string printSharding(const Sharding &sharding);

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_PROGRAMS_PROGRAM_TEXT_H
