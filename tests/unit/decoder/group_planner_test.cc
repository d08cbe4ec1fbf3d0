#include "decoder/group_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr std::int64_t kFrame = 40'000;  // 25 a second

// Pictures of one group in order, from `start` on.
std::vector<PacketFacts> Group(std::int64_t start, int pictures) {
  std::vector<PacketFacts> group;
  for (int i = 0; i < pictures; ++i)
    group.push_back({.stated = start + i * kFrame, .duration = microseconds(kFrame), .key = i == 0});
  return group;
}

struct Outcome {
  std::vector<microseconds> wanted;
  int decoded = 0;
  int packets = 0;
};

// A stream of groups of `pictures` each.
Outcome StreamOf(GroupPlanner planner, int groups, int pictures) {
  Outcome outcome;
  for (int g = 0; g < groups; ++g) {
    const auto group = Group(g * pictures * kFrame, pictures);
    GroupEnd end;
    if (g + 1 < groups) {
      end.next_key = (g + 1) * pictures * kFrame;
    } else {
      end.at_end = true;
    }
    for (const PacketOrder& order : planner.Plan(group, end)) {
      if (order.wanted) outcome.wanted.push_back(order.time);
      outcome.decoded += order.decode ? 1 : 0;
      ++outcome.packets;
    }
  }
  return outcome;
}

microseconds WidestGap(const std::vector<microseconds>& times) {
  microseconds widest{0};
  for (std::size_t i = 1; i < times.size(); ++i) widest = std::max(widest, times[i] - times[i - 1]);
  return widest;
}

TEST(GroupPlanner, ExactTakesTheMultiplesAndDecodesEverything) {
  const Outcome outcome = StreamOf({{.interval = 1s}, {.exact = true}, 1000}, 4, 60);
  ASSERT_EQ(outcome.wanted.size(), 10u);
  for (std::size_t i = 0; i < outcome.wanted.size(); ++i) {
    EXPECT_EQ(outcome.wanted[i], std::chrono::seconds(static_cast<std::int64_t>(i)));
  }
  EXPECT_EQ(outcome.decoded, outcome.packets);
}

TEST(GroupPlanner, ExactTakesOfIntraCodecsOnlyWhatIsWanted) {
  const Outcome outcome = StreamOf({{.interval = 1s}, {.exact = true, .intra_only = true}, 1000}, 240, 1);
  EXPECT_EQ(outcome.wanted.size(), 10u);
  EXPECT_EQ(outcome.decoded, 10);
}

TEST(GroupPlanner, AdaptiveLeavesTheEndsOfGroupsAndNoHoles) {
  // Groups of 4.28 s, as libvpx makes them.
  const Outcome outcome = StreamOf({{.interval = 1s}, {.exact = false}, 1000}, 10, 107);
  EXPECT_LT(outcome.decoded, outcome.packets * 8 / 10);
  EXPECT_LE(WidestGap(outcome.wanted), 1750ms);
  EXPECT_GE(outcome.wanted.size(), 38u);
}

TEST(GroupPlanner, AdaptiveDecodesKeyFramesOnlyWhereTheyAreClose) {
  // Groups of 0.48 s.
  const Outcome outcome = StreamOf({{.interval = 1s}, {.exact = false}, 1000}, 50, 12);
  EXPECT_LE(outcome.decoded, 30);
  EXPECT_LE(WidestGap(outcome.wanted), 1750ms);
  EXPECT_GE(outcome.wanted.size(), 20u);
}

TEST(GroupPlanner, FastTakesKeyFramesAndOthersWhereThereAreNone) {
  const SamplingRules rules{.interval = 1s, .regular = false, .key_frames = true, .max_gap = 10s};
  const Outcome near = StreamOf({rules, {.exact = false}, 100'000}, 10, 200);  // 8 s
  EXPECT_EQ(near.decoded, 10);
  EXPECT_EQ(near.wanted.size(), 10u);
  const Outcome far = StreamOf({rules, {.exact = false}, 100'000}, 2, 1000);  // 40 s
  EXPECT_LE(WidestGap(far.wanted), 15s);
  EXPECT_GE(far.wanted.size(), 7u);
  // Key frames closer than the interval are not all taken.
  const Outcome dense = StreamOf({rules, {.exact = false}, 100'000}, 100, 5);  // 0.2 s
  EXPECT_EQ(dense.wanted.size(), 20u);
}

TEST(GroupPlanner, WhatIsShortOrSmallIsLookedAtClosely) {
  const SamplingRules rules{
      .interval = 1s, .regular = false, .key_frames = true, .max_gap = 10s, .allowance = true};
  const GroupPlanner::Traits small{.exact = false, .pixels = 480 * 270};
  const Outcome closely = StreamOf({rules, small, 100'000}, 2, 150);  // 12 s
  const Outcome exact = StreamOf({{.interval = 1s}, {.exact = true}, 100'000}, 2, 150);
  EXPECT_EQ(closely.wanted, exact.wanted);
  EXPECT_EQ(closely.wanted.size(), 12u);
  EXPECT_EQ(StreamOf({{.interval = 1s}, small, 100'000}, 2, 150).wanted, exact.wanted);
  // Of what is larger, not all is; unless it is known that there is no more of it.
  GroupPlanner::Traits large = small;
  large.pixels = kShortPixels / 300;
  EXPECT_LT(StreamOf({rules, large, 100'000}, 2, 150).wanted.size(), exact.wanted.size());
  large.pixels_in_all = kShortPixels;
  EXPECT_EQ(StreamOf({rules, large, 100'000}, 2, 150).wanted, exact.wanted);
  // Of key frames only nothing else is asked for.
  SamplingRules key_frames = rules;
  key_frames.allowance = false;
  EXPECT_EQ(StreamOf({key_frames, small, 100'000}, 2, 150).decoded, 2);
}

TEST(GroupPlanner, FastDecodesAShareOfWhatIsLongAndLarge) {
  const SamplingRules rules{
      .interval = 1s, .regular = false, .key_frames = true, .max_gap = 10s, .allowance = true};
  const GroupPlanner::Traits large{.exact = false, .pixels = 1920 * 1080};
  const Outcome outcome = StreamOf({rules, large, 100'000}, 60, 240);  // 576 s
  EXPECT_LE(outcome.decoded, 60 + outcome.packets / static_cast<int>(kAllowedShare));
  EXPECT_GE(outcome.decoded, 60 + outcome.packets / static_cast<int>(kAllowedShare) * 3 / 4);
  // Behind key frames, all along.
  EXPECT_GE(outcome.wanted.size(), 80u);
  EXPECT_TRUE(std::ranges::any_of(
      outcome.wanted, [](microseconds time) { return time > 480s && time % (240 * kFrame) != 0us; }));
}

TEST(GroupPlanner, AllowanceIsCountedInThePacketsThatPicturesComeFrom) {
  const SamplingRules rules{
      .interval = 1s, .regular = false, .key_frames = true, .max_gap = 10s, .allowance = true};
  // Forty pictures beside key frames; what is shown at one second comes last.
  GroupPlanner planner(rules, {.exact = false, .pixels = kAllowedPixels / 40}, 100'000);
  std::vector<PacketFacts> group = Group(0, 100);
  std::rotate(group.begin() + 25, group.begin() + 26, group.end());
  const auto orders = planner.Plan(group, {.next_key = 100 * kFrame});
  EXPECT_EQ(std::ranges::count_if(orders, [](const PacketOrder& order) { return order.decode; }), 1);
}

TEST(GroupPlanner, PicturesThatReferToADroppedEndAreNotDecoded) {
  GroupPlanner planner({.interval = 1s}, {.exact = false}, 1000);
  const std::int64_t second = 30 * kFrame;
  (void)planner.Plan(Group(0, 30), {.next_key = second});  // 1.2 s: the end after the picture at 0 is dropped
  auto open = Group(second, 30);
  open.insert(open.begin() + 1, {.stated = second - kFrame / 2, .duration = 20ms});
  const auto orders = planner.Plan(open, {.at_end = true});
  EXPECT_TRUE(orders[0].decode);
  EXPECT_FALSE(orders[1].decode);
  EXPECT_FALSE(orders[1].wanted);
  EXPECT_TRUE(orders[2].decode);
}

TEST(GroupPlanner, WhatStaysOnScreenOverTheEndOfAGroupIsTaken) {
  GroupPlanner planner({.interval = 1s}, {.exact = true}, 1000);
  std::vector<PacketFacts> group = Group(0, 10);
  auto orders = planner.Plan(group, {.next_key = 5'000'000});
  EXPECT_TRUE(orders.back().wanted);  // 0.36 s until 5 s
  group = Group(5'000'000, 10);
  orders = planner.Plan(group, {.at_end = true});
  EXPECT_TRUE(orders.front().wanted);
  EXPECT_FALSE(orders.back().wanted);
}

TEST(GroupPlanner, OfSpansOnlyTheGroupsInThemAreDecoded) {
  const std::vector<media::TimeSpan> spans = {{10s, 12s}, {50s, 51s}};
  const SamplingRules rules{.interval = 240ms, .regular = false, .spans = spans};
  // A hundred groups of two seconds, fifty pictures each.
  const Outcome outcome = StreamOf({rules, {.exact = false}, UINT64_MAX}, 100, 50);
  std::vector<microseconds> in_spans;
  for (const microseconds time : outcome.wanted) {
    if (time > 0s) in_spans.push_back(time);
  }
  EXPECT_EQ(outcome.wanted.size(), in_spans.size() + 1);  // and the first frame of all
  ASSERT_EQ(in_spans.size(), 9u + 5u);                    // those at 10 and at 50 seconds begin it
  for (const microseconds time : in_spans) {
    EXPECT_TRUE((time >= 10s && time < 12s) || (time >= 50s && time < 51s)) << time.count();
  }
  EXPECT_LE(WidestGap({in_spans.begin(), in_spans.begin() + 9}), 280ms);
  // Up to the last that is wanted of each group.
  EXPECT_LE(outcome.decoded, 1 + 50 + 25);
  // However close the next key frame is, it stands in for none.
  const Outcome dense = StreamOf({rules, {.exact = false}, UINT64_MAX}, 1000, 5);
  EXPECT_EQ(dense.wanted, outcome.wanted);
}

TEST(GroupPlanner, HiddenPicturesAreDecodedAndNeverTaken) {
  GroupPlanner planner({.interval = 1s}, {.exact = true}, 1000);
  std::vector<PacketFacts> group = Group(-10 * kFrame, 30);
  for (int i = 0; i < 10; ++i) group[static_cast<std::size_t>(i)].hidden = true;
  const auto orders = planner.Plan(group, {.at_end = true});
  EXPECT_FALSE(orders[0].wanted);
  EXPECT_TRUE(orders[0].decode);
  EXPECT_TRUE(orders[10].wanted);
  EXPECT_EQ(orders[10].time, 0us);
}

TEST(GroupPlanner, OrderOfDecodingDoesNotMatter) {
  GroupPlanner planner({.interval = 1s}, {.exact = true}, 1000);
  std::vector<PacketFacts> group = Group(0, 30);
  std::swap(group[24], group[25]);
  const auto orders = planner.Plan(group, {.at_end = true});
  EXPECT_TRUE(orders[24].wanted);  // the picture at 1 s, decoded before its neighbour
  EXPECT_FALSE(orders[25].wanted);
}

}  // namespace
}  // namespace tamiz::decoder
