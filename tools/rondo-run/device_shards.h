// Shards of tensors in the memory of the ranks' GPUs, where the ranks of one process have several.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_DEVICE_SHARDS_H
#define RONDO_RUN_DEVICE_SHARDS_H

#include "tools/rondo-run/device_tensors.h"
#include "tools/rondo-run/shards.h"

#include <memory>

namespace rondo::run {

/// The shards of each rank on its GPU; what no axis shards is on all.
class DeviceShards {
public:
  DeviceShards(rondo_context *context, rondo_communicator *communicator, int32_t ranks, std::vector<Axis> axes);

  /// Cuts whole tensors, and allocates what is not there yet. The tensors must be the same in each call.
  Status upload(const std::vector<HostTensor> &whole, const std::vector<TensorSpec> &specs);
  /// Puts them together again.
  Status download(std::vector<HostTensor> &whole, const std::vector<TensorSpec> &specs);

  /// Those of rank r are at [r * their number].
  DLTensor *const *data() { return pointers.data(); }

private:
  std::vector<std::unique_ptr<DeviceTensors>> ranks;
  std::vector<Axis> axes;
  std::vector<DLTensor *> pointers;
};

} // namespace rondo::run
#endif // RONDO_RUN_DEVICE_SHARDS_H
