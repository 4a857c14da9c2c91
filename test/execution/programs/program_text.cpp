//===- program_text.cpp - The text of global programs ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program_text.h"

using namespace rondo::test;

/// Joins printed items with commas.
template <typename Range, typename Print>
static std::string join(const Range &range, Print print) {
  std::string text;
  for (const auto &item : range)
    text += (text.empty() ? "" : ", ") + print(item);
  return text;
}

static std::string quote(const std::string &text) { return '"' + text + '"'; }

std::string rondo::test::printGrid(const Grid &grid) {
  return "rondo.grid @ranks = [" +
         join(grid,
              [](const Axis &axis) {
                return quote(axis.name) + " = " + (axis.size ? std::to_string(axis.size) : "?");
              }) +
         "]\n";
}

std::string rondo::test::printTensor(const std::vector<int64_t> &sizes, Element element) {
  std::string text = "tensor<";
  for (int64_t size : sizes)
    text += (size == dynamic ? "?" : std::to_string(size)) + "x";
  return text + name(element) + ">";
}

std::string rondo::test::printSharding(const Sharding &sharding) {
  return "{rondo.sharding = #rondo.sharding<@ranks, [" +
         join(sharding, [](const std::vector<std::string> &axes) { return "{" + join(axes, quote) + "}"; }) + "]>}";
}
