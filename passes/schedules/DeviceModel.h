//===- DeviceModel.h - How fast a device and its link are, about -----------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_SCHEDULES_DEVICEMODEL_H
#define RONDO_PASSES_SCHEDULES_DEVICEMODEL_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace mlir::rondo {

/// Enough to tell whether a transfer hides behind work. Times are in microseconds.
struct DeviceModel {
  llvm::StringLiteral name;
  double multiplyAdds; // a microsecond
  double memoryBytes;  // read in a microsecond
  double linkBytes;    // sent in a microsecond
  double linkLatency;  // of a transfer
  double launch;       // what work costs more if it is done in two launches: the second one's begin and end

  double getWorkTime(int64_t work, int64_t bytes) const;
  double getTransferTime(int64_t bytes) const;
};

/// The model of that name; null if there is none.
const DeviceModel *lookupDeviceModel(llvm::StringRef name);

} // namespace mlir::rondo

#endif // RONDO_PASSES_SCHEDULES_DEVICEMODEL_H
