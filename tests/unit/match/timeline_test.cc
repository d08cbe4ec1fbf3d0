#include "core/match/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/match/printers.h"

namespace tamiz::match {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Times = std::vector<std::chrono::microseconds>;

TimeRange Range(std::chrono::microseconds start, std::chrono::microseconds end) { return {start, end}; }

TEST(Timeline, NothingMatchedIsNoRange) { EXPECT_THAT(Timeline({0s, 1s}, 1s, 2s).Ranges({}), IsEmpty()); }

TEST(Timeline, NeighboursAreJoinedAndGapsSplit) {
  const Timeline timeline({0s, 1s, 2s, 3s, 4s, 5s}, 1s, 6s);
  EXPECT_THAT(timeline.Ranges({1s, 2s, 4s}), ElementsAre(Range(1s, 3s), Range(4s, 5s)));
  EXPECT_THAT(timeline.Ranges({4s, 2s, 1s, 1s}), ElementsAre(Range(1s, 3s), Range(4s, 5s)));
}

TEST(Timeline, LastFrameEndsWithTheVideo) {
  EXPECT_THAT(Timeline({0s, 1s, 2s}, 1s, 2400ms).Ranges({2s}), ElementsAre(Range(2s, 2400ms)));
  EXPECT_THAT(Timeline({0s, 1s, 2s}, 1s, 0s).Ranges({2s}), ElementsAre(Range(2s, 3s)));
}

TEST(Timeline, UnevenSamplesStillTouch) {
  const Timeline timeline({0ms, 1033ms, 2000ms, 3001ms}, 1s, 0s);
  EXPECT_THAT(timeline.Ranges({0ms, 1033ms, 2000ms}), ElementsAre(Range(0ms, 3001ms)));
}

TEST(Timeline, MissingFramesAreNotClaimed) {
  EXPECT_THAT(Timeline({0s, 1s, 9s}, 1s, 0s).Ranges({1s, 9s}), ElementsAre(Range(1s, 2s), Range(9s, 10s)));
}

TEST(Timeline, IntervalIsTheMedianGapWhereUnknown) {
  EXPECT_THAT(Timeline({0s, 2s, 4s, 6s, 20s}, 0s, 0s).Ranges({6s}), ElementsAre(Range(6s, 8s)));
  EXPECT_THAT(Timeline({5s}, 0s, 0s).Ranges({5s}), ElementsAre(Range(5s, 6s)));
}

}  // namespace
}  // namespace tamiz::match
