// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/device_shards.h"

namespace rondo::run {

DeviceShards::DeviceShards(rondo_context *context, rondo_communicator *communicator, int32_t count,
                           std::vector<Axis> axes)
    : axes(std::move(axes)) {
  for (int32_t rank = 0; rank < count; ++rank)
    ranks.push_back(std::make_unique<DeviceTensors>(context, communicator, rank));
}

/// Room for a rank's shards.
static Result<std::vector<HostTensor>> makeShards(const std::vector<HostTensor> &whole,
                                                  const std::vector<TensorSpec> &specs, const std::vector<Axis> &axes,
                                                  int32_t rank) {
  std::vector<HostTensor> shards;
  for (size_t i = 0; i < whole.size(); ++i) {
    Result<HostTensor> shard = makeShard(whole[i], specs[i], axes, rank);
    if (!shard)
      return shard.error();
    shards.push_back(std::move(*shard));
  }
  return shards;
}

Status DeviceShards::upload(const std::vector<HostTensor> &whole, const std::vector<TensorSpec> &specs) {
  pointers.clear();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    Result<std::vector<HostTensor>> shards = makeShards(whole, specs, axes, int32_t(rank));
    if (!shards)
      return shards.error();
    for (size_t i = 0; i < whole.size(); ++i)
      copyFromWhole(whole[i], specs[i], axes, int32_t(rank), (*shards)[i]);
    if (Status uploaded = ranks[rank]->upload(*shards); !uploaded)
      return uploaded;
    pointers.insert(pointers.end(), ranks[rank]->data(), ranks[rank]->data() + whole.size());
  }
  return Success{};
}

Status DeviceShards::download(std::vector<HostTensor> &whole, const std::vector<TensorSpec> &specs) {
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    Result<std::vector<HostTensor>> shards = makeShards(whole, specs, axes, int32_t(rank));
    if (!shards)
      return shards.error();
    if (Status downloaded = ranks[rank]->download(*shards); !downloaded)
      return downloaded;
    for (size_t i = 0; i < whole.size(); ++i)
      copyToWhole((*shards)[i], specs[i], axes, int32_t(rank), whole[i]);
  }
  return Success{};
}

} // namespace rondo::run
