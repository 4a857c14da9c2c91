// Tensors in the memory of a GPU, for programs for CUDA.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_DEVICE_TENSORS_H
#define RONDO_RUN_DEVICE_TENSORS_H

#include "tools/rondo-run/tensor.h"

#include "rondo/rondo.h"

namespace rondo::run {

/// Copies of tensors of the host on the GPU of a rank.
class DeviceTensors {
public:
  DeviceTensors(rondo_context *context, rondo_communicator *communicator, int32_t rank)
      : context(context), communicator(communicator), rank(rank) {}
  ~DeviceTensors();
  DeviceTensors(const DeviceTensors &) = delete;

  /// Allocates what is not there yet. The tensors must be the same in each call.
  Status upload(std::vector<HostTensor> &tensors);
  Status download(std::vector<HostTensor> &tensors);

  DLTensor *const *data() { return pointers.data(); }
  size_t size() const { return pointers.size(); }

private:
  Status allocate(std::vector<HostTensor> &tensors);
  Status check(rondo_status status) const;

  rondo_context *context;
  rondo_communicator *communicator;
  int32_t rank;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<DLTensor> views;
  std::vector<DLTensor *> pointers;
};

} // namespace rondo::run
#endif // RONDO_RUN_DEVICE_TENSORS_H
