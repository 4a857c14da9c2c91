// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/device_tensors.h"

namespace rondo::run {

Status DeviceTensors::check(rondo_status status) const {
  if (status == RONDO_OK)
    return Success{};
  return Error{rondo_last_error(context)};
}

DeviceTensors::~DeviceTensors() {
  for (DLTensor &view : views)
    rondo_device_free(context, communicator, rank, view.data);
}

Status DeviceTensors::allocate(std::vector<HostTensor> &tensors) {
  int32_t device = 0;
  if (Status found = check(rondo_communicator_device(context, communicator, rank, &device)); !found)
    return found;
  for (size_t i = views.size(); i < tensors.size(); ++i) {
    DLTensor view = tensors[i].view();
    shapes.push_back(tensors[i].shape());
    view.shape = shapes.back().data();
    view.device = {kDLCUDA, device};
    view.data = nullptr;
    if (Status got = check(rondo_device_allocate(context, communicator, rank, tensors[i].bytes(), &view.data)); !got)
      return got;
    views.push_back(view);
  }
  pointers.clear();
  for (DLTensor &view : views)
    pointers.push_back(&view);
  return Success{};
}

Status DeviceTensors::upload(std::vector<HostTensor> &tensors) {
  if (Status allocated = allocate(tensors); !allocated)
    return allocated;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (Status copied = check(
            rondo_device_upload(context, communicator, rank, views[i].data, tensors[i].data(), tensors[i].bytes()));
        !copied)
      return copied;
  return Success{};
}

Status DeviceTensors::download(std::vector<HostTensor> &tensors) {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (Status copied = check(
            rondo_device_download(context, communicator, rank, tensors[i].data(), views[i].data, tensors[i].bytes()));
        !copied)
      return copied;
  return Success{};
}

} // namespace rondo::run
