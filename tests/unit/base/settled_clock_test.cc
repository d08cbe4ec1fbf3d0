#include "core/base/settled_clock.h"

#include <gtest/gtest.h>

namespace tamiz {
namespace {

using namespace std::chrono_literals;

class FakeClock final : public Clock {
 public:
  SteadyTime Now() const override { return steady; }
  WallTime WallNow() const override { return wall; }
  void Advance(std::chrono::nanoseconds by) {
    steady += by;
    wall += std::chrono::duration_cast<WallTime::duration>(by);
  }
  SteadyTime steady{1000h};
  WallTime wall{400'000h};
};

TEST(SettledClockTest, FollowsTheWallClockAndWhatPutsItRight) {
  FakeClock clock;
  SettledClock settled(clock);
  clock.Advance(5h);
  EXPECT_EQ(settled.WallNow(), clock.wall);
  clock.wall += 2min;
  EXPECT_EQ(settled.WallNow(), clock.wall);
  clock.wall -= 1000h;  // less is deleted, nothing more
  EXPECT_EQ(settled.WallNow(), clock.wall);
  EXPECT_FALSE(settled.Leapt());
}

TEST(SettledClockTest, BelievesALeapAheadAfterADay) {
  FakeClock clock;
  SettledClock settled(clock);
  const WallTime before = clock.wall;
  clock.wall += 10'000h;
  for (int hour = 0; hour < 24; ++hour) {
    EXPECT_EQ(settled.WallNow(), before + hour * 1h);
    EXPECT_TRUE(settled.Leapt());
    clock.Advance(1h);
  }
  EXPECT_EQ(settled.WallNow(), clock.wall);
  EXPECT_FALSE(settled.Leapt());
}

TEST(SettledClockTest, ALeapThatIsTakenBackWasNone) {
  FakeClock clock;
  SettledClock settled(clock);
  clock.wall += 10'000h;
  EXPECT_NE(settled.WallNow(), clock.wall);
  clock.Advance(23h);
  clock.wall -= 10'000h;
  EXPECT_EQ(settled.WallNow(), clock.wall);
  clock.wall += 10'000h;
  EXPECT_NE(settled.WallNow(), clock.wall) << "its day begins anew";
  clock.Advance(2h);
  clock.wall += 10'000h;  // another leap, another day
  (void)settled.WallNow();
  clock.Advance(23h);
  EXPECT_NE(settled.WallNow(), clock.wall);
  clock.Advance(1h);
  EXPECT_EQ(settled.WallNow(), clock.wall);
}

}  // namespace
}  // namespace tamiz
