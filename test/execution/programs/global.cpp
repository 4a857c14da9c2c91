//===- global.cpp - Tensors of the global program, and who holds which part of them ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "global.h"

#include <algorithm>
#include <cstdlib>

using namespace rondo::test;

Global::Global(std::vector<int64_t> sizes, double value) : extents(std::move(sizes)) {
  size_t count = 1;
  for (int64_t extent : extents)
    count *= extent;
  elements.assign(count, value);
}

Global Global::random(Element element, std::vector<int64_t> sizes, std::mt19937 &generator, double deviation) {
  Global global(std::move(sizes));
  std::normal_distribution<double> normal(0, deviation);
  for (double &value : global.elements)
    value = rounded(element, normal(generator));
  return global;
}

size_t Global::offset(const std::vector<int64_t> &indices) const {
  size_t offset = 0;
  for (size_t i = 0; i < extents.size(); ++i)
    offset = offset * extents[i] + indices[i];
  return offset;
}

double rondo::test::rounded(Element element, double value) {
  thread_local Shard scalars[] = {{Element::F32, {}}, {Element::F16, {}}, {Element::BF16, {}}};
  for (Shard &scalar : scalars)
    if (scalar.element() == element) {
      scalar.set({}, value);
      return scalar.get({});
    }
  std::abort();
}

Grid rondo::test::bind(Grid grid, int64_t ranks) {
  for (Axis &axis : grid)
    if (axis.size)
      ranks /= axis.size;
  for (Axis &axis : grid)
    if (!axis.size)
      axis.size = ranks;
  return grid;
}

/// Ranks are numbered in row-major order: the last axis varies fastest.
static int64_t coordinate(const Grid &grid, size_t axis, int64_t rank) {
  for (size_t faster = grid.size() - 1; faster > axis; --faster)
    rank /= grid[faster].size;
  return rank % grid[axis].size;
}

Part rondo::test::partOf(const std::vector<int64_t> &sizes, const Sharding &sharding, const Grid &grid, int64_t rank) {
  Part part;
  for (size_t dimension = 0; dimension < sizes.size(); ++dimension) {
    int64_t parts = 1, number = 0;
    for (const std::string &name : sharding[dimension]) {
      size_t axis = 0;
      while (grid.at(axis).name != name)
        ++axis;
      parts *= grid[axis].size;
      number = number * grid[axis].size + coordinate(grid, axis, rank);
    }
    int64_t length = sizes[dimension], block = (length + parts - 1) / parts;
    part.offsets.push_back(std::min(number * block, length));
    part.sizes.push_back(std::min((number + 1) * block, length) - part.offsets.back());
  }
  return part;
}
