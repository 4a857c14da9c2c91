// Shards of whole tensors: every element is in the shard of each rank that holds it, and back in its place.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/shards.h"

#include <gtest/gtest.h>

using namespace rondo::run;

namespace {

HostTensor numbered(std::vector<int64_t> shape) {
  Result<HostTensor> tensor = HostTensor::create("x", ElementType::F32, std::move(shape));
  for (int64_t i = 0; i < tensor->count(); ++i)
    tensor->store(i, float(i));
  return std::move(*tensor);
}

std::vector<float> valuesOf(const HostTensor &tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.count(); ++i)
    values.push_back(float(tensor.load(i)));
  return values;
}

std::vector<float> shardOf(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes,
                           int32_t rank) {
  Result<HostTensor> shard = makeShard(whole, spec, axes, rank);
  copyFromWhole(whole, spec, axes, rank, *shard);
  return valuesOf(*shard);
}

TEST(Shards, BoundAxes) {
  std::vector<Axis> axes = boundAxes({"g", {{"a", 2}, {"b", std::nullopt}}}, 6);
  EXPECT_EQ(axes[0].size, 2);
  EXPECT_EQ(axes[1].size, 3);
}

TEST(Shards, BlocksOfCeilingSize) {
  HostTensor whole = numbered({5});
  TensorSpec spec = {"x", ElementType::F32, {}, {{"seq"}}};
  std::vector<Axis> axes = {{"seq", 4}};
  EXPECT_EQ(shardOf(whole, spec, axes, 0), (std::vector<float>{0, 1}));
  EXPECT_EQ(shardOf(whole, spec, axes, 2), (std::vector<float>{4}));
  EXPECT_EQ(shardOf(whole, spec, axes, 3), (std::vector<float>{}));
}

TEST(Shards, SeveralAxes) {
  HostTensor whole = numbered({2, 4});
  std::vector<Axis> axes = {{"a", 2}, {"b", 2}};
  TensorSpec both = {"x", ElementType::F32, {}, {{}, {"b", "a"}}}; // b is the major one
  EXPECT_EQ(shardOf(whole, both, axes, 1), (std::vector<float>{2, 6}));
  EXPECT_EQ(shardOf(whole, both, axes, 2), (std::vector<float>{1, 5}));
  TensorSpec each = {"x", ElementType::F32, {}, {{"a"}, {"b"}}};
  EXPECT_EQ(shardOf(whole, each, axes, 2), (std::vector<float>{4, 5}));
  TensorSpec replicated = {"x", ElementType::F32, {}, {{}, {"b"}}};
  EXPECT_EQ(shardOf(whole, replicated, axes, 1), shardOf(whole, replicated, axes, 3));
}

TEST(Shards, TogetherTheyAreTheWhole) {
  for (std::vector<int64_t> shape : {std::vector<int64_t>{2, 3, 7, 4}, {1, 1, 3, 1}, {2, 0, 7, 4}}) {
    HostTensor whole = numbered(shape), joined = numbered(shape);
    joined.fillWithNaN();
    TensorSpec spec = {"x", ElementType::F32, {}, {{}, {"b"}, {"a"}, {}}};
    std::vector<Axis> axes = {{"a", 4}, {"b", 2}};
    for (int32_t rank = 0; rank < 8; ++rank) {
      Result<HostTensor> shard = makeShard(whole, spec, axes, rank);
      copyFromWhole(whole, spec, axes, rank, *shard);
      copyToWhole(*shard, spec, axes, rank, joined);
    }
    EXPECT_EQ(valuesOf(joined), valuesOf(whole));
  }
}

TEST(Shards, OfAScalar) {
  HostTensor whole = numbered({});
  TensorSpec spec = {"x", ElementType::F32, {}, {}};
  EXPECT_EQ(shardOf(whole, spec, {{"seq", 4}}, 3), (std::vector<float>{0}));
}

} // namespace
