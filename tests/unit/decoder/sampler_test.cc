#include "decoder/sampler.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// Times of the frames taken.
std::vector<microseconds> Take(FrameSampler sampler, const std::vector<microseconds>& times,
                               microseconds last = 0us) {
  std::vector<microseconds> taken;
  microseconds held = -1us;
  for (const microseconds time : times) {
    const FrameSampler::Choice choice = sampler.Next(time);
    EXPECT_FALSE(choice.take && choice.hold);
    if (choice.take_held) taken.push_back(held);
    if (choice.take) taken.push_back(time);
    if (choice.hold) held = time;
  }
  if (sampler.TakeHeldAtEnd(last)) taken.push_back(held);
  return taken;
}

std::vector<microseconds> Constant(int frames, double rate) {
  std::vector<microseconds> times;
  for (int i = 0; i < frames; ++i) times.emplace_back(static_cast<std::int64_t>(i * 1e6 / rate));
  return times;
}

TEST(FrameSampler, TakesTheFirstFrameAtOrAfterEachMultiple) {
  EXPECT_EQ(Take({1s, 1000}, Constant(76, 25)), (std::vector<microseconds>{0s, 1s, 2s, 3s}));
  const auto taken = Take({1s, 1000}, Constant(300, 30000.0 / 1001));
  ASSERT_EQ(taken.size(), 10U);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const microseconds late = taken[i] - std::chrono::seconds(static_cast<std::int64_t>(i));
    EXPECT_GE(late, -500us);
    EXPECT_LT(late, 34ms);
  }
}

TEST(FrameSampler, TimesRoundedToMillisecondsHitTheSameFrames) {
  EXPECT_EQ(Take({1s, 1000}, {0ms, 333ms, 667ms, 999600us, 1333ms}),
            (std::vector<microseconds>{0ms, 999600us}));
}

TEST(FrameSampler, TakesWhatStaysOnScreen) {
  // The frame at 0.5 s stays until 4.6 s: no multiple of a second begins with it.
  EXPECT_EQ(Take({1s, 1000}, {0ms, 400ms, 500ms, 4600ms, 4700ms}),
            (std::vector<microseconds>{0ms, 500ms, 4600ms}));
  EXPECT_EQ(Take({1s, 1000}, {0ms, 500ms}, 3s), (std::vector<microseconds>{0ms, 500ms}));
  EXPECT_EQ(Take({1s, 1000}, {0ms, 500ms}, 40ms), (std::vector<microseconds>{0ms}));
}

TEST(FrameSampler, AJumpInTimeIsOneFrame) {
  EXPECT_EQ(Take({1s, 1000}, {0s, 1s, std::chrono::hours(100000), std::chrono::hours(100000) + 40ms}).size(),
            3U);
}

TEST(FrameSampler, EveryFrameWithoutAnInterval) { EXPECT_EQ(Take({0s, 1}, Constant(10, 25)).size(), 10U); }

TEST(FrameSampler, TimesThatStandStillDoNotHideFrames) {
  const std::vector<microseconds> still(1000, 0us);
  EXPECT_EQ(Take({1s, 100}, still).size(), 10U);
}

TEST(PresentationClock, CountsFromTheFirstFrame) {
  PresentationClock clock;
  EXPECT_EQ(clock.Next(5'000'000, 40ms), 0s);
  EXPECT_EQ(clock.Next(5'040'000, 40ms), 40ms);
  EXPECT_EQ(clock.Next(6'040'000, 40ms), 1040ms);
}

TEST(PresentationClock, MissingTimesGoOnByTheFrameDuration) {
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
  PresentationClock clock;
  EXPECT_EQ(clock.Next(kNone, 40ms), 0s);
  EXPECT_EQ(clock.Next(kNone, 40ms), 40ms);
  EXPECT_EQ(clock.Next(kNone, 0ms), 80ms);
}

TEST(PresentationClock, NeverGoesBack) {
  PresentationClock clock;
  (void)clock.Next(0, 40ms);
  (void)clock.Next(10'000'000, 40ms);
  EXPECT_EQ(clock.Next(9'990'000, 40ms), 10s);  // a little: jitter
  EXPECT_EQ(clock.Next(0, 40ms), 10'040ms);     // far: the stream's clock was set back
  EXPECT_EQ(clock.Next(40'000, 40ms), 10'080ms);
}

TEST(PresentationClock, AbsurdTimesAreNoTimes) {
  PresentationClock clock;
  (void)clock.Next(0, 40ms);
  EXPECT_EQ(clock.Next(std::numeric_limits<std::int64_t>::max(), 40ms), 40ms);
  EXPECT_EQ(clock.Next(std::numeric_limits<std::int64_t>::max() - 1, std::chrono::hours(1000)), 80ms);
  EXPECT_EQ(clock.Next(std::numeric_limits<std::int64_t>::min() + 1, 40ms), 10'080ms);
}

}  // namespace
}  // namespace tamiz::decoder
