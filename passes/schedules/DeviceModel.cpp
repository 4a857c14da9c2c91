//===- DeviceModel.cpp - How fast a device and its link are, about ---------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/DeviceModel.h"

#include <algorithm>

using namespace mlir::rondo;

/// An H100 SXM, among others that NVLink joins: what kernels of attention reach, and what one neighbour is sent. Measured
/// on two: a hop of 1 MB that nothing hid made a run 27 us longer, and a second launch 7 us.
static constexpr DeviceModel kModels[] = {{"h100", /*multiplyAdds=*/350e6, /*memoryBytes=*/2.8e6, /*linkBytes=*/0.35e6,
                                           /*linkLatency=*/20, /*launch=*/7}};

double DeviceModel::getWorkTime(int64_t work, int64_t bytes) const {
  return std::max(static_cast<double>(work) / multiplyAdds, static_cast<double>(bytes) / memoryBytes);
}

double DeviceModel::getTransferTime(int64_t bytes) const {
  return bytes > 0 ? linkLatency + static_cast<double>(bytes) / linkBytes : 0;
}

const DeviceModel *mlir::rondo::lookupDeviceModel(llvm::StringRef name) {
  const DeviceModel *found = std::find_if(std::begin(kModels), std::end(kModels),
                                          [&](const DeviceModel &model) { return model.name == name; });
  return found == std::end(kModels) ? nullptr : found;
}
