// Pictures of made-up runs: everything is there, inside the picture, and no texts overlap.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/svg.h"
#include "tools/rondo-run/timeline.h"

#include <gtest/gtest.h>

#include <regex>

using namespace rondo::run;

namespace {

/// A ring of `ranks` ranks and as many steps, each with a kernel, a transfer and a wait of growing length.
Timeline ring(int32_t ranks) {
  Timeline timeline{"ring", "made up", ranks, {}};
  for (int32_t rank = 0; rank < ranks; ++rank) {
    int64_t time = 1000 * rank;
    for (int64_t step = 0; step < ranks; ++step) {
      int64_t length = 3000 * (1 + (rank + step) % ranks);
      timeline.events.push_back({TimelineKind::Kernel, "attend", rank, Lane::Compute, step, time, time + length, 0});
      timeline.events.push_back(
          {TimelineKind::Transfer, "key+value", rank, Lane::Communication, step, time, time + length / 2, 4096});
      time += length;
      timeline.events.push_back({TimelineKind::Wait, "wait", rank, Lane::Compute, step, time, time + 500, 0});
      time += 500;
    }
  }
  return timeline;
}

size_t occurrences(const std::string &text, const std::string &part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

struct Text {
  double left, right, baseline;
  std::string content;
};

std::vector<Text> textsOf(const std::string &picture) {
  static const std::regex element("<text x=\"([^\"]*)\" y=\"([^\"]*)\" font-size=\"([^\"]*)\" text-anchor=\"([a-z]*)\""
                                  "[^>]*>([^<]*)</text>");
  std::vector<Text> texts;
  for (std::sregex_iterator match(picture.begin(), picture.end(), element), end; match != end; ++match) {
    double x = std::stod((*match)[1]), width = textWidth((*match)[5].str(), std::stod((*match)[3]));
    double left = (*match)[4] == "start" ? x : (*match)[4] == "end" ? x - width : x - width / 2;
    texts.push_back({left, left + width, std::stod((*match)[2]), (*match)[5]});
  }
  return texts;
}

void expectReadable(const std::string &picture) {
  std::vector<Text> texts = textsOf(picture);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_GE(texts[i].left, 0) << texts[i].content;
    EXPECT_LE(texts[i].right, 1200) << texts[i].content;
    for (size_t j = 0; j < i; ++j)
      EXPECT_TRUE(std::abs(texts[i].baseline - texts[j].baseline) > 10 || texts[i].left >= texts[j].right ||
                  texts[j].left >= texts[i].right)
          << "'" << texts[i].content << "' overlaps '" << texts[j].content << "' at " << texts[i].left << ", "
          << texts[i].baseline;
  }
}

TEST(Timeline, ShowsEveryEvent) {
  std::string picture = timelineSvg(ring(4));
  EXPECT_EQ(occurrences(picture, "<title>attend, step"), 16u);
  EXPECT_EQ(occurrences(picture, "<title>key+value, step"), 16u);
  EXPECT_EQ(occurrences(picture, "<title>wait, step"), 16u);
  EXPECT_EQ(occurrences(picture, "fill=\"url(#wait)\""), 17u); // and in the legend
  EXPECT_EQ(occurrences(picture, ">rank 3</text>"), 1u);
  EXPECT_EQ(occurrences(picture, ">made up</text>"), 1u);
}

TEST(Timeline, TextsDoNotOverlap) {
  for (int32_t ranks : {1, 2, 4, 7, 16})
    expectReadable(timelineSvg(ring(ranks)));
}

TEST(Timeline, ManyNamesAndALongTitleFit) {
  Timeline timeline = ring(2);
  timeline.title = std::string(300, 'W');
  for (int i = 0; i < 40; ++i)
    timeline.events.push_back(
        {TimelineKind::Kernel, "kernel" + std::to_string(i), 0, Lane::Compute, 2, 50000 + 10 * i, 50010 + 10 * i, 0});
  expectReadable(timelineSvg(timeline));
}

TEST(Timeline, ShowsSixteenOfManyRanksAndSaysSo) {
  std::string picture = timelineSvg(ring(17));
  EXPECT_EQ(occurrences(picture, ">rank 15</text>"), 1u);
  EXPECT_EQ(occurrences(picture, ">rank 16</text>"), 0u);
  EXPECT_EQ(occurrences(picture, ">made up; ranks 0 to 15 of 17</text>"), 1u);
}

TEST(Timeline, OfNothingIsAPicture) { expectReadable(timelineSvg({"nothing", "", 1, {}})); }

TEST(Timeline, EscapesNames) {
  Timeline timeline{"a<b & \"c\"", "", 1, {}};
  timeline.events.push_back({TimelineKind::Kernel, "k<\x01>", 0, Lane::Compute, 0, 0, 1000000, 0});
  std::string picture = timelineSvg(timeline);
  EXPECT_NE(picture.find(">a&lt;b &amp; &quot;c&quot;</text>"), std::string::npos);
  EXPECT_NE(picture.find("<title>k&lt;?&gt;, step 0: 1.000 ms</title>"), std::string::npos);
}

TEST(Timeline, IsTheSameForTheSameEvents) { EXPECT_EQ(timelineSvg(ring(5)), timelineSvg(ring(5))); }

TEST(Timeline, TicksAreRoundNumbersOfAUnit) {
  auto withDuration = [](int64_t duration) {
    Timeline timeline{"", "", 1, {}};
    timeline.events.push_back({TimelineKind::Kernel, "k", 0, Lane::Compute, 0, 77, 77 + duration, 0});
    return timelineSvg(timeline);
  };
  std::string micro = withDuration(40'000), milli = withDuration(7'300'000), second = withDuration(3'000'000'000);
  EXPECT_EQ(occurrences(micro, ">us</text>"), 1u);
  EXPECT_EQ(occurrences(micro, ">35</text>"), 1u);
  EXPECT_EQ(occurrences(milli, ">ms</text>"), 1u);
  EXPECT_EQ(occurrences(milli, ">7</text>"), 1u);
  EXPECT_EQ(occurrences(second, ">s</text>"), 1u);
  EXPECT_EQ(occurrences(second, ">2.5</text>"), 1u);
}

} // namespace
