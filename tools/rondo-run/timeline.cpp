// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/timeline.h"

#include "tools/rondo-run/svg.h"
#include "tools/rondo-run/text.h"

#include <algorithm>
#include <set>

namespace rondo::run {

namespace {

constexpr int32_t mostRanks = 16;

// The layout, in pixels.
constexpr double pictureWidth = 1200, margin = 24;
constexpr double plotLeft = 176, plotRight = pictureWidth - margin, plotTop = 82;
constexpr double laneHeight = 24, laneGap = 3, stepRow = 16, rankGap = 12;
constexpr double rankHeight = stepRow + 2 * laneHeight + laneGap + rankGap;
constexpr double axisHeight = 36, legendRow = 24, smallText = 11;

constexpr const char *grey = "#57606a", *faint = "#d0d7de", *ground = "#f3f5f7";
constexpr const char *kernelColours[] = {"#2f6db3", "#63a8dc", "#1b998b", "#7a6fc0", "#90c5a9", "#4b5d8a"};
constexpr const char *transferColours[] = {"#e8893a", "#f2c14e", "#d1495b", "#b5838d", "#a47148", "#f4a999"};

/// What a number of nanoseconds is shown in.
struct TimeUnit {
  int64_t nanoseconds;
  const char *name;
};

/// The distance between the axis' ticks: 1, 2 or 5 times a power of ten, for a dozen ticks at most.
int64_t tickDistance(int64_t duration) {
  for (int64_t power = 1;; power *= 10)
    for (int64_t factor : {1, 2, 5})
      if (duration / (power * factor) <= 12)
        return power * factor;
}

TimeUnit unitOf(int64_t tick) {
  if (tick >= 100'000'000)
    return {1'000'000'000, "s"};
  return tick >= 100'000 ? TimeUnit{1'000'000, "ms"} : TimeUnit{1'000, "us"};
}

class Drawing {
public:
  explicit Drawing(const Timeline &timeline);
  std::string draw();

private:
  void drawTitle();
  void drawAxis();
  void drawRank(int32_t rank);
  void drawSteps(int32_t rank);
  void drawEvent(const TimelineEvent &event);
  double drawLegend();

  double plotBottom() const { return plotTop + shownRanks * rankHeight - rankGap; }
  double xOf(int64_t time) const {
    return plotLeft + (plotRight - plotLeft) * double(time - origin) / double(duration);
  }
  static double yOf(int32_t rank, Lane lane) {
    return plotTop + rank * rankHeight + stepRow + (lane == Lane::Compute ? 0 : laneHeight + laneGap);
  }
  std::string colourOf(const TimelineEvent &event) const;

  const Timeline &timeline;
  int32_t shownRanks;
  int64_t origin, duration;
  std::vector<std::string> kernels, transfers; // the names, in the order of their colours
  Svg svg;
};

/// The names of `kind`, sorted, so that the pictures of similar programs have the same colours.
std::vector<std::string> namesOf(const std::vector<TimelineEvent> &events, TimelineKind kind) {
  std::set<std::string> names;
  for (const TimelineEvent &event : events)
    if (event.kind == kind)
      names.insert(event.name);
  return {names.begin(), names.end()};
}

} // namespace

Drawing::Drawing(const Timeline &timeline)
    : timeline(timeline), shownRanks(std::min(timeline.ranks, mostRanks)), origin(0), duration(1) {
  if (timeline.events.empty())
    return;
  int64_t last = 0;
  origin = INT64_MAX;
  for (const TimelineEvent &event : timeline.events) {
    origin = std::min(origin, event.begin);
    last = std::max(last, event.end);
  }
  duration = std::max<int64_t>(last - origin, 1);
  kernels = namesOf(timeline.events, TimelineKind::Kernel);
  transfers = namesOf(timeline.events, TimelineKind::Transfer);
}

template <size_t count>
static std::string colourAmong(const std::vector<std::string> &names, const std::string &name,
                               const char *const (&colours)[count]) {
  size_t index = std::find(names.begin(), names.end(), name) - names.begin();
  return colours[index % count];
}

std::string Drawing::colourOf(const TimelineEvent &event) const {
  if (event.kind == TimelineKind::Wait)
    return "url(#wait)";
  return event.kind == TimelineKind::Kernel ? colourAmong(kernels, event.name, kernelColours)
                                            : colourAmong(transfers, event.name, transferColours);
}

void Drawing::drawTitle() {
  constexpr double largest = 18, room = pictureWidth - 2 * margin;
  double size = std::min(largest, largest * room / std::max(textWidth(timeline.title, largest), 1.0));
  svg.text(margin, 38, timeline.title, {size, Anchor::Start, "#24292f", true});
  std::string subtitle = timeline.subtitle;
  if (shownRanks < timeline.ranks)
    subtitle += concat(subtitle.empty() ? "" : "; ", "ranks 0 to ", shownRanks - 1, " of ", timeline.ranks);
  svg.text(margin, 60, subtitle, {13, Anchor::Start, grey});
}

void Drawing::drawAxis() {
  int64_t distance = tickDistance(duration);
  TimeUnit unit = unitOf(distance);
  double bottom = plotBottom() + 6;
  for (int64_t time = 0; time <= duration; time += distance) {
    double x = xOf(origin + time);
    for (int32_t rank = 0; rank < shownRanks; ++rank) // not across the numbers of steps
      svg.line(x, yOf(rank, Lane::Compute), x, yOf(rank, Lane::Communication) + laneHeight, faint);
    svg.line(x, bottom, x, bottom + 4, grey);
    svg.text(x, bottom + 16, concat(double(time) / double(unit.nanoseconds)), {smallText, Anchor::Middle, grey});
  }
  svg.line(plotLeft, bottom, plotRight, bottom, grey);
  svg.text(plotLeft - 14, bottom + 16, unit.name, {smallText, Anchor::End, grey});
}

/// Where the compute lane goes on to another step: a dashed line, and the number if there is room for it.
void Drawing::drawSteps(int32_t rank) {
  std::vector<std::pair<int64_t, int64_t>> starts; // step, time
  for (const TimelineEvent &event : timeline.events)
    if (event.rank == rank && event.lane == Lane::Compute && (starts.empty() || starts.back().first != event.step))
      starts.push_back({event.step, event.begin});
  double y = yOf(rank, Lane::Compute);
  for (size_t i = 0; i < starts.size(); ++i) {
    double x = xOf(starts[i].second);
    double next = i + 1 < starts.size() ? xOf(starts[i + 1].second) : plotRight + margin / 2;
    svg.line(x, y - stepRow + 3, x, y + laneHeight, grey, "2 2");
    for (const std::string &label : {concat("step ", starts[i].first), concat(starts[i].first)}) {
      if (x + 7 + textWidth(label, smallText) > next)
        continue;
      svg.text(x + 4, y - 4, label, {smallText, Anchor::Start, grey});
      break;
    }
  }
}

void Drawing::drawEvent(const TimelineEvent &event) {
  double x = xOf(event.begin), width = std::max(xOf(event.end) - x, 0.75), y = yOf(event.rank, event.lane);
  std::string tooltip =
      concat(event.name, ", step ", event.step, ": ", timeText(double(event.end - event.begin) * 1e-9));
  if (event.kind == TimelineKind::Transfer)
    tooltip += concat(", ", bytesText(double(event.bytes)));
  svg.rectangle(x, y, width, laneHeight, colourOf(event), tooltip);
  if (event.kind == TimelineKind::Wait || textWidth(event.name, smallText) + 8 > width)
    return;
  std::string_view fill = event.kind == TimelineKind::Kernel ? "#ffffff" : "#24292f";
  svg.text(x + width / 2, y + laneHeight / 2 + 4, event.name, {smallText, Anchor::Middle, fill});
}

void Drawing::drawRank(int32_t rank) {
  double compute = yOf(rank, Lane::Compute), communication = yOf(rank, Lane::Communication);
  double baseline = laneHeight / 2 + 4;
  svg.text(margin, compute + baseline, concat("rank ", rank), {12, Anchor::Start, "#24292f", true});
  svg.text(plotLeft - 8, compute + baseline, "compute", {smallText, Anchor::End, grey});
  svg.text(plotLeft - 8, communication + baseline, "communication", {smallText, Anchor::End, grey});
}

double Drawing::drawLegend() {
  double x = plotLeft, y = plotBottom() + axisHeight;
  auto entry = [&](const std::string &label, auto drawSample) {
    double width = 22 + textWidth(label, 12) + 18;
    if (x > plotLeft && x + width > plotRight) {
      x = plotLeft;
      y += legendRow;
    }
    drawSample();
    svg.text(x + 22, y + 12, label, {12});
    x += width;
  };
  auto colours = [&](const char *heading, const std::vector<std::string> &names, const auto &colour) {
    svg.text(plotLeft - 8, y + 12, heading, {smallText, Anchor::End, grey});
    for (const std::string &name : names)
      entry(name, [&] { svg.rectangle(x, y, 15, 15, colourAmong(names, name, colour)); });
    x = plotLeft;
    y += legendRow;
  };
  if (!kernels.empty())
    colours("kernels", kernels, kernelColours);
  if (!transfers.empty())
    colours("transfers", transfers, transferColours);
  entry("compute waits for communication", [&] { svg.rectangle(x, y, 15, 15, "url(#wait)"); });
  entry("a step begins", [&] { svg.line(x + 8, y, x + 8, y + 15, grey, "2 2"); });
  return y + legendRow;
}

std::string Drawing::draw() {
  svg.defineHatching("wait", "#c9302c", "#fbe3e1");
  drawTitle();
  for (int32_t rank = 0; rank < shownRanks; ++rank)
    for (Lane lane : {Lane::Compute, Lane::Communication})
      svg.rectangle(plotLeft, yOf(rank, lane), plotRight - plotLeft, laneHeight, ground);
  drawAxis();
  for (int32_t rank = 0; rank < shownRanks; ++rank)
    drawRank(rank);
  for (const TimelineEvent &event : timeline.events)
    if (event.rank < shownRanks)
      drawEvent(event);
  for (int32_t rank = 0; rank < shownRanks; ++rank)
    drawSteps(rank);
  double bottom = drawLegend();
  return svg.document(pictureWidth, bottom + margin / 2);
}

std::string timelineSvg(const Timeline &timeline) { return Drawing(timeline).draw(); }

} // namespace rondo::run
