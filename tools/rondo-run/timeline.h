// A picture of what the ranks did when: for each rank a lane of compute and one of communication.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_TIMELINE_H
#define RONDO_RUN_TIMELINE_H

#include <cstdint>
#include <string>
#include <vector>

namespace rondo::run {

enum class TimelineKind { Kernel, Transfer, Wait };
enum class Lane { Compute, Communication };

struct TimelineEvent {
  TimelineKind kind;
  std::string name;
  int32_t rank;
  Lane lane;
  int64_t step;
  int64_t begin, end; // nanoseconds
  int64_t bytes;      // that a transfer sent
};

struct Timeline {
  std::string title;
  std::string subtitle;
  int32_t ranks; // whose events there are
  std::vector<TimelineEvent> events;
};

/// The picture as SVG. Of many ranks it shows the first 16, and says so.
std::string timelineSvg(const Timeline &timeline);

} // namespace rondo::run
#endif // RONDO_RUN_TIMELINE_H
