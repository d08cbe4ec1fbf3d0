#include "core/match/closer_look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <random>

#include "core/match/matcher.h"

namespace tamiz::match {
namespace {

using namespace std::chrono_literals;
using hash::Hash256;
using media::TimeSpan;
using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kNow = WallTime(std::chrono::hours(24) * 20000);
constexpr CloserLookLimits kAmple{120s, 4s};

Hash256 Picture(std::uint64_t seed) {
  std::mt19937_64 random(seed * 7919 + 1);
  Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

// A known video whose picture at a moment is Picture(from + the moment in milliseconds): what lies beside it
// shows something else.
lists::Entry KnownOf(const std::string& id, std::uint64_t from, int seconds) {
  lists::Entry entry;
  entry.id = id;
  for (int second = 0; second < seconds; ++second) {
    lists::EntryHash hash;
    const auto bytes = Picture(from + 1000 * static_cast<std::uint64_t>(second)).ToBytes();
    hash.value.assign(bytes.begin(), bytes.end());
    hash.time_ms = 1000 * static_cast<std::uint64_t>(second);
    entry.hashes.push_back(std::move(hash));
  }
  lists::Canonicalise(entry);
  return entry;
}

// A known video that a long upload shows from `begin` on, at `speed`.
struct Shown {
  std::uint64_t from;
  microseconds begin;
  microseconds lasts;  // of the known video
  double speed = 1;
  bool reversed = false;
};

class CloserLookTest : public ::testing::Test {
 protected:
  Matching Start() {
    auto snapshot = lists::BuildListSnapshot(info_, entries_, kNow);
    EXPECT_TRUE(snapshot.ok());
    catalogs_.emplace_back().lists = {*snapshot};
    auto matching = Matching::Start(catalogs_.back(), {}, kNow);
    EXPECT_TRUE(matching.ok());
    return *std::move(matching);
  }

  // What the upload's frame at `time` looks like.
  FrameEvidence FrameAt(std::uint32_t index, microseconds time) const {
    FrameEvidence look;
    look.index = index;
    look.time = time;
    look.pdq.quality = 100;
    std::uint64_t seed = 1'000'000'000 + static_cast<std::uint64_t>(time.count());
    for (const Shown& one : shown_) {
      const auto into = static_cast<double>((time - one.begin).count()) * one.speed;
      if (into < 0 || into > static_cast<double>(one.lasts.count())) continue;
      const double at = one.reversed ? static_cast<double>(one.lasts.count()) - into : into;
      // So near to a known moment it shows that: what a quarter of a second at the highest speed comes to.
      const auto milliseconds = static_cast<std::uint64_t>(at / 1000);
      const std::uint64_t known = (milliseconds + 500) / 1000 * 1000;
      const std::uint64_t off = std::max(milliseconds, known) - std::min(milliseconds, known);
      seed = one.from + (off <= 190 ? known : milliseconds / 250 * 250 + 1);
    }
    for (int t = 0; t < hash::kTransforms; ++t)
      look.pdq.hashes[static_cast<std::size_t>(t)] =
          Picture(2'000'000'000 + 8 * seed + static_cast<unsigned>(t));
    look.pdq.hashes[0] = Picture(seed);
    return look;
  }

  void AddAt(Matching& matching, const std::vector<microseconds>& times) const {
    std::vector<FrameEvidence> looks;
    for (std::uint32_t i = 0; i < times.size(); ++i) looks.push_back(FrameAt(i, times[i]));
    matching.AddFrames(looks);
  }

  // A frame a second, beside the full second by `beside`.
  std::vector<microseconds> Plan(microseconds beside = 0us) const {
    std::vector<microseconds> times;
    for (microseconds time = 0s; time < duration_; time += 1s) times.push_back(time + beside);
    return times;
  }

  static std::vector<microseconds> Closely(const std::vector<TimeSpan>& spans) {
    std::vector<microseconds> times;
    for (const TimeSpan& span : spans) {
      for (microseconds time = (span.start + 249'999us) / 250'000us * 250'000us; time < span.end;
           time += 250ms)
        times.push_back(time);
    }
    return times;
  }

  UploadEnd End() const { return {.duration = duration_, .frame_interval = 1s}; }

  // With and without a closer look.
  std::pair<Conclusion, Conclusion> Both(const std::vector<microseconds>& plan) {
    Matching without = Start();
    AddAt(without, plan);
    Matching with = Start();
    AddAt(with, plan);
    spans_ = with.WorthACloserLook(End(), kAmple);
    if (!spans_.empty()) {
      with.BeginCloserLook();
      AddAt(with, Closely(spans_));
    }
    return {without.Finish(End()), with.Finish(End())};
  }

  static microseconds Total(const std::vector<TimeSpan>& spans) {
    return std::accumulate(spans.begin(), spans.end(), 0us, [](microseconds sum, const TimeSpan& span) {
      return sum + span.end - span.start;
    });
  }

  lists::ListInfo info_{.name = "known"};
  std::vector<lists::Entry> entries_;
  std::deque<lists::Catalog> catalogs_;  // each matching looks at its own
  std::vector<Shown> shown_;
  microseconds duration_ = 3600s;
  std::vector<TimeSpan> spans_;  // of Both
};

// The plan's frames lie half a second beside the known ones, but for two.
std::vector<microseconds> TwoOfSix(std::vector<microseconds> plan) {
  plan[1801] += 500ms;
  plan[1804] += 500ms;
  return plan;
}

TEST_F(CloserLookTest, FiveSecondsInAnHourBecomeAMatch) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s + 500ms, 5s}};
  const auto [without, with] = Both(TwoOfSix(Plan()));
  EXPECT_EQ(without.verdict, Verdict::kPossibleMatch);
  EXPECT_LT(without.matches.at(0).reference_coverage, 0.5);
  ASSERT_THAT(spans_, SizeIs(1));
  EXPECT_LE(spans_[0].start, 1800s);
  EXPECT_GE(spans_[0].end, 1806s);
  EXPECT_LT(Total(spans_), 25s);
  EXPECT_EQ(with.verdict, Verdict::kMatch);
  EXPECT_EQ(with.matches.at(0).reference_coverage, 1);
  ASSERT_THAT(with.matches.at(0).segments, SizeIs(1));
  EXPECT_NEAR(with.matches.at(0).segments[0].speed, 1, 0.02);
  ASSERT_THAT(with.matches.at(0).query_ranges, SizeIs(1));
  EXPECT_EQ(with.matches.at(0).query_ranges[0].start, 1800s + 500ms);
  EXPECT_LE(with.matches.at(0).query_ranges[0].end, 1806s);
}

TEST_F(CloserLookTest, FramesOfItAreNotMoreOfTheUpload) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s + 500ms, 5s}};
  const auto [without, with] = Both(TwoOfSix(Plan()));
  EXPECT_EQ(with.frames_hashed, 3600u);
  EXPECT_EQ(with.frames_low_quality, 0u);
  // The frames of the plan that lie within: at most the six seconds of an hour.
  EXPECT_GE(with.matches.at(0).query_coverage, without.matches.at(0).query_coverage);
  EXPECT_LE(with.matches.at(0).query_coverage, 6.0 / 3600);
}

TEST_F(CloserLookTest, SpedUpAndReversedCopiesAreFoundAlong) {
  duration_ = 200s;
  for (const double speed : {0.75, 1.25, 1.4}) {
    for (const bool reversed : {false, true}) {
      entries_ = {KnownOf("v", 0, 18)};
      shown_ = {{0, 60s + 380ms, 17s, speed, reversed}};
      const auto [without, with] = Both(Plan());
      if (without.matches.empty()) continue;  // nothing pointed there
      EXPECT_EQ(with.verdict, Verdict::kMatch) << speed << reversed;
      EXPECT_GE(with.matches.at(0).reference_coverage, without.matches.at(0).reference_coverage);
      ASSERT_FALSE(with.matches.at(0).segments.empty());
      EXPECT_NEAR(with.matches.at(0).segments[0].speed, speed, 0.1);
      EXPECT_EQ(with.matches.at(0).segments[0].reversed, reversed);
    }
  }
}

TEST_F(CloserLookTest, NothingIsNamedWhereNothingWasHitOrEnoughWasFound) {
  entries_ = {KnownOf("v", 0, 6)};
  Matching strange = Start();
  AddAt(strange, Plan());
  EXPECT_THAT(strange.WorthACloserLook(End(), kAmple), IsEmpty());

  shown_ = {{0, 1800s, 5s}};
  Matching found = Start();
  AddAt(found, Plan());
  EXPECT_THAT(found.WorthACloserLook(End(), kAmple), IsEmpty());
  EXPECT_EQ(found.Finish(End()).verdict, Verdict::kMatch);
}

// One frame of the plan shows a known picture with 36 bits changed: too many for a match.
TEST_F(CloserLookTest, AFrameThatOnlyComesNearLeadsToTheRest) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s + 500ms, 5s}};
  const auto with_one_near = [&](int bits) {
    std::vector<FrameEvidence> looks;
    const std::vector<microseconds> plan = Plan();
    for (std::uint32_t i = 0; i < plan.size(); ++i) looks.push_back(FrameAt(i, plan[i]));
    looks[1802].pdq.hashes[0] = Picture(2000);  // the known one
    for (int bit = 0; bit < bits; ++bit)
      looks[1802].pdq.hashes[0].words[bit / 64] ^= std::uint64_t{1} << bit % 64;
    return looks;
  };
  Matching without = Start();
  without.AddFrames(with_one_near(36));
  EXPECT_EQ(without.Finish(End()).verdict, Verdict::kNoKnownMatch);

  Matching with = Start();
  with.AddFrames(with_one_near(36));
  const std::vector<TimeSpan> spans = with.WorthACloserLook(End(), kAmple);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_LE(spans[0].start, 1800s);
  EXPECT_GE(spans[0].end, 1806s);
  with.BeginCloserLook();
  AddAt(with, Closely(spans));
  const Conclusion found = with.Finish(End());
  EXPECT_EQ(found.verdict, Verdict::kMatch);
  EXPECT_GE(found.matches.at(0).reference_coverage, 0.8);

  // Beyond that it is a stranger.
  Matching far = Start();
  far.AddFrames(with_one_near(static_cast<int>(kLeadRadius) + 1));
  EXPECT_THAT(far.WorthACloserLook(End(), kAmple), IsEmpty());
  // A frame without structure leads nowhere.
  std::vector<FrameEvidence> flat = with_one_near(36);
  flat[1802].pdq.quality = 10;
  Matching dull = Start();
  dull.AddFrames(flat);
  EXPECT_THAT(dull.WorthACloserLook(End(), kAmple), IsEmpty());
}

TEST_F(CloserLookTest, WhatIsLookedUpSoWideIsBounded) {
  entries_ = {KnownOf("v", 0, 6)};
  auto snapshot = lists::BuildListSnapshot(info_, entries_, kNow);
  ASSERT_TRUE(snapshot.ok());
  KeptLooks looks;
  for (std::uint32_t i = 0; i < 100; ++i) {
    FrameEvidence look = FrameAt(i, i * 1s);
    if (i % 10 == 0) look.pdq.hashes[0] = Picture(2000);
    looks.Add(look, i);
  }
  const auto always = [](std::uint32_t) { return true; };
  const auto found_with = [&](std::uint64_t comparisons) {
    const std::size_t found = FindDistantHits(looks, **snapshot, always, always, comparisons).size();
    return std::pair(found, comparisons);
  };
  // Six hashes, each of a hundred frames upright and mirrored.
  EXPECT_EQ(found_with(2'000), std::pair(std::size_t{1}, std::uint64_t{800}));
  EXPECT_EQ(found_with(120).second, 0u);  // ten frames
  EXPECT_EQ(found_with(11), std::pair(std::size_t{0}, std::uint64_t{11}));
}

TEST_F(CloserLookTest, AMomentOfALongFilmIsNotWorthOne) {
  entries_ = {KnownOf("film", 0, 600)};
  shown_ = {{0, 1800s, 10s}};
  Matching moment = Start();
  AddAt(moment, Plan());
  EXPECT_THAT(moment.WorthACloserLook(End(), kAmple), IsEmpty());
  EXPECT_EQ(moment.Finish(End()).verdict, Verdict::kPossibleMatch);
}

TEST_F(CloserLookTest, ListsThatAskForNoShareAndStillsNeedNone) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s + 500ms, 5s}};
  info_.policy.min_reference_coverage = 0;
  Matching any = Start();
  AddAt(any, TwoOfSix(Plan()));
  EXPECT_THAT(any.WorthACloserLook(End(), kAmple), IsEmpty());
  info_.policy.min_reference_coverage = 0.8;
  Matching still = Start();
  AddAt(still, {1801s + 500ms});
  EXPECT_THAT(still.WorthACloserLook({}, kAmple), IsEmpty());
}

TEST_F(CloserLookTest, WhatTheLookFindsBesideAddsAndTakesNothingAway) {
  // It shows nothing of what it should: as if decoding had gone wrong.
  entries_ = {KnownOf("v", 0, 18)};
  duration_ = 100s;
  shown_ = {{0, 20s, 8s}};
  Matching without = Start();
  AddAt(without, Plan());
  Matching with = Start();
  AddAt(with, Plan());
  const std::vector<TimeSpan> spans = with.WorthACloserLook(End(), kAmple);
  ASSERT_FALSE(spans.empty());
  shown_.clear();
  with.BeginCloserLook();
  AddAt(with, Closely(spans));
  const Conclusion before = without.Finish(End());
  const Conclusion after = with.Finish(End());
  EXPECT_EQ(after.verdict, before.verdict);
  ASSERT_THAT(after.matches, SizeIs(1));
  EXPECT_EQ(after.matches[0].reference_coverage, before.matches.at(0).reference_coverage);
  EXPECT_EQ(after.matches[0].query_coverage, before.matches[0].query_coverage);
  EXPECT_EQ(after.matches[0].confidence, before.matches[0].confidence);
  EXPECT_EQ(after.matches[0].segments.size(), before.matches[0].segments.size());
}

TEST_F(CloserLookTest, FramesBetweenTakeNoBridgeAway) {
  // Every other picture was found; between them, looked at closely, stands what is not near enough.
  entries_ = {KnownOf("v", 0, 10)};
  duration_ = 40s;
  shown_ = {{0, 10s, 9s}};
  std::vector<microseconds> plan = Plan();
  for (std::size_t i = 1; i < plan.size(); i += 2) plan[i] += 380ms;
  Matching matching = Start();
  AddAt(matching, plan);
  matching.BeginCloserLook();
  std::vector<microseconds> beside;
  for (microseconds time = 10s; time < 19s; time += 250ms) {
    if (time % 1000000us != 0us) beside.push_back(time);
  }
  AddAt(matching, beside);
  const Conclusion conclusion = matching.Finish(End());
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(conclusion.matches.at(0).segments, SizeIs(1));
}

TEST_F(CloserLookTest, FramesOfThePlanAreNotTakenTwice) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s, 2s}};
  Matching matching = Start();
  AddAt(matching, Plan());
  matching.BeginCloserLook();
  AddAt(matching, {1800s, 1801s, 1802s});
  const Conclusion conclusion = matching.Finish(End());
  EXPECT_EQ(conclusion.matches.at(0).corroborating_frames, 3u);
}

TEST_F(CloserLookTest, PartsHaveTimesOfTheirOwn) {
  entries_ = {KnownOf("v", 0, 6)};
  shown_ = {{0, 1800s + 500ms, 5s}};
  Matching matching = Start();
  std::vector<FrameEvidence> looks;
  const std::vector<microseconds> plan = TwoOfSix(Plan());
  for (std::uint32_t i = 0; i < plan.size(); ++i) looks.push_back(FrameAt(i, plan[i]));
  FrameEvidence cover = FrameAt(3600, 0s);
  cover.part = 1;
  cover.is_still = true;
  looks.push_back(cover);
  matching.AddFrames(looks);
  const auto spans = matching.WorthACloserLook(End(), kAmple);
  ASSERT_FALSE(spans.empty());
  matching.BeginCloserLook();
  AddAt(matching, Closely(spans));
  const Conclusion conclusion = matching.Finish(End());
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(conclusion.matches.at(0).parts, IsEmpty());
  EXPECT_EQ(conclusion.frames_hashed, 3601u);
}

TEST_F(CloserLookTest, AHostileUploadGetsNoMoreThanTheLimits) {
  // Thousands of entries, each hit here and there all through the hour.
  for (int i = 0; i < 3000; ++i)
    entries_.push_back(KnownOf("v" + std::to_string(i), 1'000'000ull * static_cast<unsigned>(i), 10));
  for (int i = 0; i < 3000; ++i)
    shown_.push_back({1'000'000ull * static_cast<unsigned>(i), std::chrono::seconds(i + 20), 0s});
  Matching matching = Start();
  AddAt(matching, Plan());
  const auto start = std::chrono::steady_clock::now();
  const auto spans = matching.WorthACloserLook(End(), kAmple);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_LE(spans.size(), media::kMaxPlanSpans);
  EXPECT_FALSE(spans.empty());
  EXPECT_LE(Total(spans) + static_cast<std::int64_t>(spans.size()) * kAmple.each, kAmple.most);
  EXPECT_TRUE((media::SamplingPlan{.spans = spans}).HasGoodSpans());
  // And none where there is no room.
  EXPECT_THAT(matching.WorthACloserLook(End(), {1s, 4s}), IsEmpty());
}

TEST_F(CloserLookTest, TheNearestToAMatchComesFirst) {
  entries_ = {KnownOf("far", 10'000'000, 10), KnownOf("near", 20'000'000, 10)};
  shown_ = {{10'000'000, 500s, 0s}, {20'000'000, 1500s, 6s}};
  Matching matching = Start();
  AddAt(matching, Plan());
  const auto spans = matching.WorthACloserLook(End(), {15s, 4s});
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_GT(spans[0].start, 1400s);
}

TEST(CloserSpans, JoinsWhatIsNearAndStaysWithinTheUpload) {
  CloserSpans spans({60s, 4s}, 100s);
  spans.Add({.start = -5s, .end = 3s, .at = 1s});
  spans.Add({.start = 90s, .end = 120s, .at = 95s});
  spans.Add({.start = 6s, .end = 8s, .at = 7s});
  EXPECT_THAT(spans.spans(), ElementsAre(TimeSpan{0s, 8s}, TimeSpan{90s, 100s}));
  // Of what has no room, the middle.
  spans.Add({.start = 20s, .end = 80s, .at = 50s});
  EXPECT_THAT(spans.spans(), ElementsAre(TimeSpan{0s, 8s}, TimeSpan{35s, 65s}, TimeSpan{90s, 100s}));
  spans.Add({.start = 20s, .end = 22s, .at = 21s});
  EXPECT_THAT(spans.spans(), SizeIs(3));
}

}  // namespace
}  // namespace tamiz::match
