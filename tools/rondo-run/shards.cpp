// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/shards.h"

#include <algorithm>
#include <cstring>

namespace rondo::run {

std::vector<Axis> boundAxes(const Grid &grid, int32_t ranks) {
  std::vector<Axis> axes = grid.axes;
  int64_t others = 1;
  for (const Axis &axis : axes)
    others *= axis.size.value_or(1);
  for (Axis &axis : axes)
    if (!axis.size)
      axis.size = ranks / others;
  return axes;
}

namespace {

/// Of one dimension.
struct Range {
  int64_t offset, size;
};

} // namespace

/// The rank's part of a dimension that `names` shard, the major axis first. Ranks are numbered in row-major order.
static Range rangeOf(int64_t extent, const std::vector<std::string> &names, const std::vector<Axis> &axes,
                     int32_t rank) {
  int64_t parts = 1, part = 0;
  for (const std::string &name : names) {
    int64_t stride = 1;
    for (auto axis = axes.rbegin(); axis != axes.rend() && axis->name != name; ++axis)
      stride *= *axis->size;
    auto axis = std::find_if(axes.begin(), axes.end(), [&](const Axis &other) { return other.name == name; });
    int64_t size = axis == axes.end() ? 1 : *axis->size;
    parts *= size;
    part = part * size + rank / stride % size;
  }
  int64_t block = (extent + parts - 1) / parts;
  int64_t begin = std::min(part * block, extent);
  return {begin, std::min(begin + block, extent) - begin};
}

static std::vector<Range> rangesOf(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes,
                                   int32_t rank) {
  std::vector<Range> ranges;
  for (size_t d = 0; d < whole.shape().size(); ++d)
    ranges.push_back(rangeOf(whole.shape()[d], spec.sharding[d], axes, rank));
  return ranges;
}

Result<HostTensor> makeShard(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes,
                             int32_t rank) {
  std::vector<int64_t> shape;
  for (const Range &range : rangesOf(whole, spec, axes, rank))
    shape.push_back(range.size);
  return HostTensor::create(spec.name, whole.type(), std::move(shape));
}

/// Calls `copy` with the byte offsets, in the whole tensor and in the shard, of each run of `bytes` bytes that lies
/// together in both.
template <typename Copy>
static void forEachRow(const HostTensor &whole, const HostTensor &shard, const std::vector<Range> &ranges, Copy copy) {
  size_t element = elementSize(whole.type());
  if (shard.count() == 0)
    return;
  if (ranges.empty()) {
    copy(size_t(0), size_t(0), element);
    return;
  }
  int64_t row = ranges.back().size;
  for (int64_t first = 0; first < shard.count(); first += row) {
    int64_t index = first, stride = 1, at = 0;
    for (size_t d = ranges.size(); d-- > 0;) {
      at += (ranges[d].offset + index % ranges[d].size) * stride;
      index /= ranges[d].size;
      stride *= whole.shape()[d];
    }
    copy(size_t(at) * element, size_t(first) * element, size_t(row) * element);
  }
}

void copyFromWhole(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes, int32_t rank,
                   HostTensor &shard) {
  forEachRow(whole, shard, rangesOf(whole, spec, axes, rank), [&](size_t from, size_t to, size_t bytes) {
    std::memcpy(static_cast<char *>(shard.data()) + to, static_cast<const char *>(whole.data()) + from, bytes);
  });
}

void copyToWhole(const HostTensor &shard, const TensorSpec &spec, const std::vector<Axis> &axes, int32_t rank,
                 HostTensor &whole) {
  forEachRow(whole, shard, rangesOf(whole, spec, axes, rank), [&](size_t to, size_t from, size_t bytes) {
    std::memcpy(static_cast<char *>(whole.data()) + to, static_cast<const char *>(shard.data()) + from, bytes);
  });
}

} // namespace rondo::run
