#include "core/match/alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/match/matcher.h"

namespace tamiz::match {
namespace {

using namespace std::chrono_literals;
using hash::Hash256;
using hash::Transform;
using ::testing::DoubleNear;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const WallTime kNow = WallTime(std::chrono::hours(24) * 20000);

Hash256 Picture(std::uint64_t seed) {
  std::mt19937_64 random(seed * 7919 + 1);
  Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

// A known video of one frame a second.
lists::Entry KnownOf(const std::string& id, const std::vector<Hash256>& frames) {
  lists::Entry entry;
  entry.id = id;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    lists::EntryHash hash;
    const auto bytes = frames[i].ToBytes();
    hash.value.assign(bytes.begin(), bytes.end());
    hash.time_ms = 1000 * i;
    entry.hashes.push_back(std::move(hash));
  }
  lists::Canonicalise(entry);
  return entry;
}

// Pictures `first` to `last`, each a different one.
std::vector<Hash256> Pictures(std::uint64_t first, std::uint64_t last) {
  std::vector<Hash256> pictures;
  for (std::uint64_t seed = first; seed <= last; ++seed) pictures.push_back(Picture(seed));
  return pictures;
}

// `bits` of it are others.
Hash256 Changed(Hash256 hash, int bits) {
  for (int bit = 0; bit < bits; ++bit) hash.words[static_cast<std::size_t>(bit % 4)] ^= 1ull << (bit / 4 * 2);
  return hash;
}

// A video with a frame every `interval`; the other orientations look like nothing known.
Evidence Upload(const std::vector<Hash256>& frames, std::chrono::microseconds interval = 1s,
                Transform turned = Transform::kIdentity) {
  Evidence evidence;
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    FrameEvidence& look = evidence.frames.emplace_back();
    look.index = i;
    look.time = i * interval;
    for (int t = 0; t < hash::kTransforms; ++t) {
      look.pdq.hashes[static_cast<std::size_t>(t)] =
          Picture(0x10000000ull + 100 * i + static_cast<unsigned>(t));
    }
    look.pdq.hashes[static_cast<std::size_t>(turned)] = frames[i];
    look.pdq.quality = 100;
  }
  evidence.duration = static_cast<std::int64_t>(frames.size()) * interval;
  evidence.frame_interval = interval;
  return evidence;
}

class AlignmentTest : public ::testing::Test {
 protected:
  Conclusion Ask(const Evidence& evidence) {
    lists::ListInfo info;
    info.name = "known";
    auto snapshot = lists::BuildListSnapshot(info, entries_, kNow);
    EXPECT_TRUE(snapshot.ok());
    lists::Catalog catalog;
    catalog.lists = {*snapshot};
    auto conclusion = Conclude(evidence, catalog, {}, {}, kNow);
    EXPECT_TRUE(conclusion.ok());
    return *std::move(conclusion);
  }
  Match AskForOne(const Evidence& evidence) {
    const Conclusion conclusion = Ask(evidence);
    EXPECT_THAT(conclusion.matches, SizeIs(1));
    return conclusion.matches.empty() ? Match{} : conclusion.matches[0];
  }

  std::vector<lists::Entry> entries_;
};

TEST_F(AlignmentTest, SameSpeedIsOneSegment) {
  entries_ = {KnownOf("v", Pictures(0, 9))};
  const Match match = AskForOne(Upload(Pictures(0, 9)));
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_EQ(match.distinct_pictures, 10u);
  ASSERT_THAT(match.segments, SizeIs(1));
  EXPECT_EQ(match.segments[0].query_range, (TimeRange{0s, 10s}));
  EXPECT_EQ(match.segments[0].reference_range, (TimeRange{0s, 10s}));
  EXPECT_THAT(match.segments[0].speed, DoubleNear(1, 0.001));
  EXPECT_FALSE(match.segments[0].reversed);
  EXPECT_EQ(match.segments[0].frames, 10u);
  EXPECT_EQ(match.segments[0].distinct_pictures, 10u);
  EXPECT_FALSE(match.limited);
}

TEST_F(AlignmentTest, SpeedIsFoundUpToAQuarter) {
  entries_ = {KnownOf("v", Pictures(0, 39))};
  for (const double speed : {0.75, 0.8, 0.9, 1.1, 1.25}) {
    std::vector<Hash256> frames;
    for (int i = 0; i * speed <= 39; ++i)
      frames.push_back(Picture(static_cast<std::uint64_t>(i * speed + 0.5)));
    const Match match = AskForOne(Upload(frames));
    ASSERT_THAT(match.segments, SizeIs(1)) << speed;
    EXPECT_THAT(match.segments[0].speed, DoubleNear(speed, 0.02)) << speed;
    // Pictures that fell between two samples are vouched for by their neighbours.
    EXPECT_GE(match.reference_coverage, 0.97) << speed;
    EXPECT_FALSE(match.review) << speed;
  }
}

TEST_F(AlignmentTest, FramesFarApartVouchForWhatWasNotLookedAt) {
  entries_ = {KnownOf("v", Pictures(0, 39))};
  std::vector<Hash256> frames = {Picture(0), Picture(9), Picture(18), Picture(27), Picture(36)};
  const Match match = AskForOne(Upload(frames, 9s));
  ASSERT_THAT(match.segments, SizeIs(1));
  EXPECT_THAT(match.segments[0].speed, DoubleNear(1, 0.001));
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_EQ(match.distinct_pictures, 5u);
  EXPECT_FALSE(match.review);

  // A budget spread over the whole says less of how far apart they are.
  Evidence spread = Upload(frames, 9s);
  spread.frame_interval = 1s;
  EXPECT_GE(AskForOne(spread).reference_coverage, 0.9);

  // What was looked at and shows something else is vouched for by nobody.
  frames[2] = Picture(1000);
  const Match cut = AskForOne(Upload(frames, 9s));
  EXPECT_LT(cut.reference_coverage, 0.8);
  EXPECT_TRUE(cut.review);
}

TEST_F(AlignmentTest, FramesFarApartVouchForNothingWhereTheSpeedIsNotTheirs) {
  entries_ = {KnownOf("v", Pictures(0, 39))};
  // Twelve seconds of the known video in nine between the third and the fourth: a piece is missing.
  const Match match = AskForOne(Upload({Picture(0), Picture(9), Picture(18), Picture(30), Picture(39)}, 9s));
  EXPECT_LT(match.reference_coverage, 0.8);
  EXPECT_TRUE(match.review);
}

TEST_F(AlignmentTest, TheUploadGoesOnAfterItsLastFrameAsFarAsItLasts) {
  entries_ = {KnownOf("v", Pictures(0, 19))};
  Evidence evidence = Upload({Picture(0), Picture(5), Picture(10)}, 5s);
  evidence.duration = 15s;
  EXPECT_DOUBLE_EQ(AskForOne(evidence).reference_coverage, 0.75);  // pictures 0 to 14
  evidence.duration = 12s;
  EXPECT_DOUBLE_EQ(AskForOne(evidence).reference_coverage, 0.6);
  // Not where looking ended before the upload did.
  auto conclusion = [&] {
    lists::ListInfo info;
    info.name = "known";
    lists::Catalog catalog;
    catalog.lists = {*lists::BuildListSnapshot(info, entries_, kNow)};
    return Conclude(evidence, catalog, {}, {{media::IncompleteCode::kDecodeTruncated, "cut"}}, kNow);
  }();
  ASSERT_TRUE(conclusion.ok());
  EXPECT_DOUBLE_EQ(conclusion->matches.at(0).reference_coverage, 0.55);
}

TEST_F(AlignmentTest, FramesInStepAreFoundWithinTwiceTheRadius) {
  entries_ = {KnownOf("v", Pictures(0, 19))};
  std::vector<Hash256> frames = Pictures(0, 19);
  for (const std::size_t i : {0u, 1u, 2u, 3u, 9u, 10u, 11u, 12u, 13u, 14u, 18u, 19u})
    frames[i] = Changed(frames[i], 60);
  for (const Transform turned : {Transform::kIdentity, Transform::kFlipHorizontal}) {
    const Match match = AskForOne(Upload(frames, 1s, turned));
    EXPECT_EQ(match.reference_coverage, 1);
    EXPECT_EQ(match.query_coverage, 1);
    EXPECT_FALSE(match.review);
    EXPECT_EQ(match.distinct_pictures, 8u);
    EXPECT_THAT(match.query_ranges, testing::ElementsAre(TimeRange{0s, 20s}));
  }

  // At the wrong moment the same pictures are nothing.
  std::vector<Hash256> shuffled = frames;
  std::swap(shuffled[0], shuffled[13]);
  std::swap(shuffled[1], shuffled[12]);
  std::swap(shuffled[2], shuffled[11]);
  std::swap(shuffled[3], shuffled[10]);
  EXPECT_LT(AskForOne(Upload(shuffled)).reference_coverage, 0.8);
  // Further away is something else.
  for (const std::size_t i : {0u, 1u, 2u, 3u, 9u, 10u, 11u, 12u, 13u, 14u, 18u, 19u})
    frames[i] = Changed(Picture(i), 70);
  EXPECT_EQ(AskForOne(Upload(frames)).reference_coverage, 0.4);
}

TEST_F(AlignmentTest, ReversedPlaybackIsSaid) {
  entries_ = {KnownOf("v", Pictures(0, 9))};
  std::vector<Hash256> frames = Pictures(0, 9);
  std::reverse(frames.begin(), frames.end());
  const Match match = AskForOne(Upload(frames));
  ASSERT_THAT(match.segments, SizeIs(1));
  EXPECT_TRUE(match.segments[0].reversed);
  EXPECT_EQ(match.segments[0].reference_range, (TimeRange{0s, 10s}));
  EXPECT_THAT(match.segments[0].speed, DoubleNear(1, 0.001));
}

TEST_F(AlignmentTest, CutAndLoopAreSeveralSegments) {
  entries_ = {KnownOf("v", Pictures(0, 19))};
  std::vector<Hash256> cut = Pictures(0, 4);
  for (const Hash256& hash : Pictures(14, 19)) cut.push_back(hash);
  const Match with_cut = AskForOne(Upload(cut));
  ASSERT_THAT(with_cut.segments, SizeIs(2));
  EXPECT_EQ(with_cut.segments[0].reference_range, (TimeRange{14s, 20s}));
  EXPECT_EQ(with_cut.segments[0].query_range, (TimeRange{5s, 11s}));
  EXPECT_EQ(with_cut.segments[1].reference_range, (TimeRange{0s, 5s}));
  EXPECT_DOUBLE_EQ(with_cut.reference_coverage, 0.55);
  EXPECT_TRUE(with_cut.review);

  entries_ = {KnownOf("v", Pictures(0, 4))};
  std::vector<Hash256> loop;
  for (int turn = 0; turn < 3; ++turn) {
    for (const Hash256& hash : Pictures(0, 4)) loop.push_back(hash);
  }
  const Match looped = AskForOne(Upload(loop));
  EXPECT_THAT(looped.segments, SizeIs(3));
  for (const MatchSegment& segment : looped.segments) {
    EXPECT_EQ(segment.reference_range, (TimeRange{0s, 5s}));
  }
  EXPECT_EQ(looped.distinct_pictures, 5u);
}

TEST_F(AlignmentTest, FramesFoundInStepVouchForThoseBetween) {
  entries_ = {KnownOf("v", Pictures(0, 11))};
  std::vector<Hash256> frames = Pictures(0, 11);
  // Every third frame changed too much to be found.
  for (std::size_t i = 1; i < frames.size(); i += 3) frames[i] = Picture(900 + i);
  const Match in_step = AskForOne(Upload(frames));
  EXPECT_EQ(in_step.distinct_pictures, 8u);
  EXPECT_EQ(in_step.corroborating_frames, 8u);
  EXPECT_EQ(in_step.reference_coverage, 1);
  EXPECT_EQ(in_step.query_coverage, 1);
  EXPECT_FALSE(in_step.review);
  EXPECT_THAT(in_step.reference_ranges, SizeIs(1));

  // The same frames in no order vouch for nothing.
  std::shuffle(frames.begin(), frames.end(), std::mt19937(5));
  const Match shuffled = AskForOne(Upload(frames));
  EXPECT_LT(shuffled.reference_coverage, 0.8);
  EXPECT_TRUE(shuffled.review);
  EXPECT_LT(shuffled.confidence, in_step.confidence);
}

TEST_F(AlignmentTest, ShotThatStandsStillCountsOnce) {
  // Sixteen seconds of one picture, then eight others.
  std::vector<Hash256> frames(16, Picture(100));
  for (const Hash256& hash : Pictures(0, 7)) frames.push_back(hash);
  entries_ = {KnownOf("v", frames)};
  const Match still = AskForOne(Upload(std::vector<Hash256>(20, Picture(100))));
  EXPECT_EQ(still.distinct_pictures, 1u);
  EXPECT_DOUBLE_EQ(still.reference_coverage, 1.0 / 9);
  EXPECT_TRUE(still.review);
  EXPECT_EQ(still.corroborating_frames, 20u);
  const Match once = AskForOne(Upload({Picture(100), Picture(500), Picture(501)}));
  // More frames are more chances to be near something, and nothing more here.
  EXPECT_LE(still.confidence, once.confidence);
  EXPECT_NEAR(still.confidence, once.confidence, 0.001);
  // What moves is nearly all of it.
  const Match moving = AskForOne(Upload(Pictures(0, 7)));
  EXPECT_DOUBLE_EQ(moving.reference_coverage, 8.0 / 9);
  EXPECT_FALSE(moving.review);
}

TEST_F(AlignmentTest, FiveSecondsInAnHour) {
  entries_ = {KnownOf("v", Pictures(0, 4))};
  std::vector<Hash256> hour = Pictures(10'000, 13'599);
  for (std::size_t i = 0; i < 5; ++i) hour[1800 + i] = Picture(i);
  const Conclusion conclusion = Ask(Upload(hour));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_THAT(conclusion.matches[0].query_ranges, ::testing::ElementsAre(TimeRange{1800s, 1805s}));
  EXPECT_THAT(conclusion.matches[0].segments, SizeIs(1));
}

TEST_F(AlignmentTest, CompilationReportsEachPart) {
  entries_ = {KnownOf("a", Pictures(0, 4)), KnownOf("b", Pictures(100, 105)),
              KnownOf("c", Pictures(200, 204)), KnownOf("none", Pictures(300, 310))};
  std::vector<Hash256> frames = Pictures(100, 105);
  for (const Hash256& hash : Pictures(5000, 5003)) frames.push_back(hash);
  for (const Hash256& hash : Pictures(200, 204)) frames.push_back(hash);
  for (const Hash256& hash : Pictures(0, 4)) frames.push_back(hash);
  const Conclusion conclusion = Ask(Upload(frames));
  std::map<std::string, TimeRange> where;
  for (const Match& match : conclusion.matches) {
    EXPECT_FALSE(match.review);
    ASSERT_THAT(match.query_ranges, SizeIs(1));
    where[match.entry_id] = match.query_ranges[0];
  }
  EXPECT_THAT(where,
              UnorderedElementsAre(std::pair("b", TimeRange{0s, 6s}), std::pair("c", TimeRange{10s, 15s}),
                                   std::pair("a", TimeRange{15s, 20s})));
}

TEST_F(AlignmentTest, OrientationIsTheSameThroughoutASegment) {
  entries_ = {KnownOf("v", Pictures(0, 9))};
  const Match match = AskForOne(Upload(Pictures(0, 9), 1s, Transform::kFlipHorizontal));
  ASSERT_THAT(match.segments, SizeIs(1));
  EXPECT_EQ(match.segments[0].transform, Transform::kFlipHorizontal);
  EXPECT_EQ(match.segments[0].distinct_pictures, 10u);

  // Turned differently from frame to frame nothing runs in step.
  Evidence restless = Upload(Pictures(0, 9));
  for (std::size_t i = 0; i < restless.frames.size(); ++i) {
    std::swap(restless.frames[i].pdq.hashes[0], restless.frames[i].pdq.hashes[i % hash::kTransforms]);
  }
  EXPECT_THAT(AskForOne(restless).segments, SizeIs(0));
}

TEST_F(AlignmentTest, DenserSamplingThanTheKnownVideosIsStillInStep) {
  entries_ = {KnownOf("v", Pictures(0, 9))};
  // Ten frames a second, of which only the one at each full second is near to a known frame.
  std::vector<Hash256> frames;
  for (std::uint64_t i = 0; i < 100; ++i) frames.push_back(i % 10 == 0 ? Picture(i / 10) : Picture(7000 + i));
  const Match match = AskForOne(Upload(frames, 100ms));
  EXPECT_EQ(match.reference_coverage, 1);
  ASSERT_THAT(match.segments, SizeIs(1));
  EXPECT_THAT(match.segments[0].speed, DoubleNear(1, 0.001));
  EXPECT_GT(match.query_coverage, 0.9);
}

TEST_F(AlignmentTest, FramesThatLieCloseAreNoSegmentsOfTheirOwn) {
  // Eight frames a second, each of which is near to a known picture.
  entries_ = {KnownOf("v", Pictures(0, 19))};
  std::vector<Hash256> frames;
  for (std::uint64_t i = 0; i < 160; ++i) frames.push_back(Changed(Picture(i / 8), static_cast<int>(i % 8)));
  const Match match = AskForOne(Upload(frames, 125ms));
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_THAT(match.segments, SizeIs(1));
  EXPECT_LE(match.evidence.corroborating, 40u);
}

TEST_F(AlignmentTest, UploadMadeToHitEverythingIsBounded) {
  lists::ListInfo info;
  info.name = "known";
  std::vector<lists::Entry> entries;
  for (int i = 0; i < 50; ++i) entries.push_back(KnownOf("v" + std::to_string(i), {Picture(1), Picture(2)}));
  const auto snapshot = lists::BuildListSnapshot(info, entries, kNow);
  ASSERT_TRUE(snapshot.ok());
  const Evidence evidence = Upload(std::vector<Hash256>(100, Picture(1)));
  std::vector<FrameLook> looks;
  for (const FrameEvidence& look : evidence.frames) looks.push_back({&look, look.index});
  FoldBudget budget{.units = 1000, .entries = 20};
  ListFold fold(**snapshot, kNow);
  fold.Add(looks, {}, budget);
  EXPECT_TRUE(budget.exceeded);
  EXPECT_EQ(fold.entries().size(), 20u);
  std::size_t hits = 0;
  for (const auto& [entry, found] : fold.entries()) hits += found.hits.size();
  EXPECT_LE(hits, 1000u);
  // What was found is still counted.
  EXPECT_EQ(fold.entries().begin()->second.within_radius.frames.size(), 100u);
}

}  // namespace
}  // namespace tamiz::match
