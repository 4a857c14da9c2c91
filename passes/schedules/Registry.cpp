//===- Registry.cpp - The schedules by name -------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/Builtin.h"
#include "passes/schedules/Schedule.h"

#include "llvm/Support/ErrorHandling.h"

using namespace mlir;
using namespace mlir::rondo;

static std::vector<std::unique_ptr<Schedule>> &getRegistry() {
  static std::vector<std::unique_ptr<Schedule>> schedules = [] {
    std::vector<std::unique_ptr<Schedule>> builtin;
    builtin.push_back(createQueryRing());
    builtin.push_back(createKvRing());
    builtin.push_back(createLocal());
    return builtin;
  }();
  return schedules;
}

void rondo::registerSchedule(std::unique_ptr<Schedule> schedule) {
  if (schedule->getName() == "auto" || lookupSchedule(schedule->getName()))
    llvm::report_fatal_error("a schedule of the name '" + schedule->getName() + "' exists already", false);
  getRegistry().push_back(std::move(schedule));
}

const Schedule *rondo::lookupSchedule(StringRef name) {
  for (const std::unique_ptr<Schedule> &schedule : getRegistry())
    if (schedule->getName() == name)
      return schedule.get();
  return nullptr;
}

SmallVector<const Schedule *> rondo::getSchedules() {
  SmallVector<const Schedule *> schedules;
  for (const std::unique_ptr<Schedule> &schedule : getRegistry())
    schedules.push_back(schedule.get());
  return schedules;
}
