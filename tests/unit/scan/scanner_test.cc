#include "core/scan/scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <barrier>
#include <thread>

#include "core/scan/closer_look.h"
#include "tests/unit/scan/fakes.h"

namespace tamiz::scan {
namespace {

using match::Verdict;
using media::IncompleteCode;
using std::chrono::microseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kJpeg = std::string("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", 12) + std::string(100, 'x');

class ScannerTest : public ::testing::Test {
 protected:
  ScannerTest() : store_(OpenStore(dir_)), lists_(store_, clock_) {
    EXPECT_TRUE(lists_.LoadAll().ok());
    Configure(Config());
  }

  void Configure(const Config& config) {
    scanner_ = std::make_unique<Scanner>(
        config, Scanner::Parts{frames_, fetcher_, lists_, store_, compute_, metrics_, clock_});
  }

  source::Upload Bytes(const std::string& bytes, source::DigestMode mode = source::DigestMode::kNow) {
    auto upload = source::SealBytes(
        source_, budget_, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, mode);
    EXPECT_TRUE(upload.ok());
    return *std::move(upload);
  }

  ScanInput Input(const std::string& bytes = kJpeg) {
    ScanInput input;
    input.upload = Bytes(bytes);
    return input;
  }

  StatusOr<ScanOutput> Scan(ScanInput input, const CallContext& context = {}) {
    return scanner_->Scan(std::move(input), context, clock_.Now());
  }

  // A list with one picture entry.
  void AddList(const std::string& name, unsigned seed, lists::ListMode mode = lists::ListMode::kEnforce,
               lists::ListKind kind = lists::ListKind::kBlock) {
    lists::ListInfo info;
    info.name = name;
    info.kind = kind;
    info.policy.mode = mode;
    info.policy.action_hint = "block";
    ASSERT_TRUE(lists_.CreateList(info).ok());
    lists::Entry entry;
    entry.id = name + "-entry";
    lists::EntryHash hash;
    const auto bytes = Picture(seed).pdq().hashes[0].ToBytes();
    hash.value.assign(bytes.begin(), bytes.end());
    entry.hashes = {hash};
    store::ChangeCounts counts;
    const auto applied = lists_.Apply(name, {.what = "add", .upserts = {entry}}, false, counts);
    ASSERT_TRUE(applied.ok()) << Message(applied.status());
  }

  // Value of a counter; 0 if it was never counted.
  double Count(const std::string& name, const std::map<std::string, std::string>& labels) {
    for (const auto& family : metrics_.registry()->Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        std::map<std::string, std::string> has;
        for (const auto& label : metric.label) has[label.name] = label.value;
        if (has == labels) return metric.counter.value;
      }
    }
    return 0;
  }

  static std::vector<IncompleteCode> Codes(const ScanOutput& output) {
    std::vector<IncompleteCode> codes;
    for (const auto& reason : output.conclusion.reasons) codes.push_back(reason.code);
    return codes;
  }

  TempDir dir_;
  FakeClock clock_;
  source::Config source_;
  source::ByteBudget budget_{64 << 20};
  FakeFrameSource frames_;
  FakeFetcher fetcher_;
  RecordingStore store_;
  store::ListRegistry lists_;
  work::ComputePool compute_{2};
  metrics::Metrics metrics_;
  std::unique_ptr<Scanner> scanner_;
};

TEST_F(ScannerTest, PictureOnNoListIsNoKnownMatch) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(output->format, "jpeg");
  EXPECT_EQ(output->size_bytes, kJpeg.size());
  EXPECT_EQ(output->digests.sha256,
            hash::Sha256({reinterpret_cast<const std::uint8_t*>(kJpeg.data()), kJpeg.size()}));
  EXPECT_EQ(output->time_covered, 1);
  EXPECT_THAT(output->hashes, IsEmpty());
  EXPECT_THAT(store_.records, IsEmpty());
  EXPECT_EQ(Count("tamiz_scans_total", {{"verdict", "NO_KNOWN_MATCH"}}), 1);
  EXPECT_EQ(budget_.in_use(), 0u);
}

TEST_F(ScannerTest, KnownPictureIsAMatchAndIsRecordedBeforeTheAnswer) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7}};
  ScanInput input = Input();
  input.request_id = "r-1";
  input.labels = {{"room", "4"}};
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(output->conclusion.matches, SizeIs(1));
  EXPECT_EQ(output->conclusion.matches[0].entry_id, "block-entry");
  EXPECT_EQ(output->conclusion.matches[0].action_hint, "block");
  ASSERT_THAT(store_.records, SizeIs(1));
  EXPECT_EQ(store_.records[0].scan_id, output->scan_id);
  EXPECT_EQ(store_.records[0].request_id, "r-1");
  EXPECT_EQ(store_.records[0].labels.at("room"), "4");
  ASSERT_THAT(store_.records[0].hits, SizeIs(1));
  EXPECT_EQ(store_.records[0].hits[0].entry_id, "block-entry");
  EXPECT_EQ(Count("tamiz_matches_total", {{"list", "block"}, {"mode", "enforce"}}), 1);
}

TEST_F(ScannerTest, MatchThatCannotBeRecordedIsStillAnsweredAndCounted) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7}};
  store_.record_status = MakeError(StatusCode::kUnavailable, "disk full");
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(Count("tamiz_scan_errors_total", {{"code", "RECORD_LOST"}}), 1);
}

TEST_F(ScannerTest, ShadowListReportsWithoutInfluenceOnTheVerdict) {
  AddList("shadow", 7, lists::ListMode::kShadow);
  frames_.frames = {{.seed = 7}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kNoKnownMatch);
  ASSERT_THAT(output->conclusion.matches, SizeIs(1));
  EXPECT_TRUE(output->conclusion.matches[0].shadow);
  EXPECT_EQ(Count("tamiz_matches_total", {{"list", "shadow"}, {"mode", "shadow"}}), 1);
}

TEST_F(ScannerTest, AllowListSuppressesAndCounts) {
  AddList("block", 7);
  AddList("allow", 7, lists::ListMode::kEnforce, lists::ListKind::kAllow);
  frames_.frames = {{.seed = 7}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(output->conclusion.suppressed, 1u);
  EXPECT_EQ(Count("tamiz_matches_suppressed_total", {}), 1);
  // Nothing was found, and yet it is on record why.
  ASSERT_THAT(store_.records, SizeIs(1));
  const auto& hits = store_.records[0].hits;
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_NE(hits[0].allow_list_id, "");
  EXPECT_NE(hits[0].allow_entry_id, "");
}

TEST_F(ScannerTest, OnlyTheListsNamedAreConsulted) {
  AddList("block", 7);
  AddList("other", 8);
  frames_.frames = {{.seed = 7}};
  ScanInput input = Input();
  input.lists = {"other"};
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kNoKnownMatch);
  ASSERT_THAT(output->conclusion.lists, SizeIs(1));
  EXPECT_EQ(output->conclusion.lists[0].list_name, "other");
}

TEST_F(ScannerTest, UnknownListIsRefusedBeforeAnythingIsDecoded) {
  frames_.frames = {{.seed = 7}};
  ScanInput input = Input();
  input.lists = {"nosuch"};
  const auto output = Scan(std::move(input));
  EXPECT_EQ(output.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Field(output.status()), "lists");
  EXPECT_EQ(frames_.calls, 0);
  EXPECT_EQ(Count("tamiz_scan_errors_total", {{"code", "NOT_FOUND"}}), 1);
}

TEST_F(ScannerTest, UnknownFormatIsIncompleteAndNeverReachesADecoder) {
  const auto output = Scan(Input("just some text, surely no picture"));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kFormatUnknown));
  EXPECT_NE(output->digests, hash::Digests{});
  EXPECT_EQ(frames_.calls, 0);
  EXPECT_EQ(Count("tamiz_incomplete_total", {{"reason", "FORMAT_UNKNOWN"}}), 1);
}

TEST_F(ScannerTest, EmptyUploadIsIncomplete) {
  const auto output = Scan(Input(""));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kFormatUnknown));
}

TEST_F(ScannerTest, DisabledFormatIsIncompleteUntilItIsSwitchedOnAgain) {
  Config config;
  config.disabled_formats = {"jpeg"};
  Configure(config);
  frames_.frames = {{.seed = 7}};
  EXPECT_NE(scanner_->WhyDisabled(media::FileFormat::kJpeg), "");
  const auto off = Scan(Input());
  ASSERT_TRUE(off.ok());
  EXPECT_EQ(off->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*off), Contains(IncompleteCode::kFormatDisabled));
  EXPECT_EQ(frames_.calls, 0);
  scanner_->Reconfigure(Config());
  EXPECT_EQ(scanner_->WhyDisabled(media::FileFormat::kJpeg), "");
  const auto on = Scan(Input());
  ASSERT_TRUE(on.ok());
  EXPECT_EQ(frames_.calls, 1);
}

TEST_F(ScannerTest, DigestMatchesEvenIfNothingCanBeDecoded) {
  AddList("block", 7);
  lists::Entry entry;
  entry.id = "by-digest";
  const std::string text = "no picture at all";
  const auto digest = hash::Sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  lists::EntryHash hash;
  hash.type = lists::HashType::kSha256;
  hash.value.assign(digest.begin(), digest.end());
  entry.hashes = {hash};
  store::ChangeCounts counts;
  ASSERT_TRUE(lists_.Apply("block", {.what = "add", .upserts = {entry}}, false, counts).ok());
  for (const auto mode : {source::DigestMode::kNow, source::DigestMode::kLater}) {
    ScanInput input;
    input.upload = Bytes(text, mode);
    const auto output = Scan(std::move(input));
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
    EXPECT_EQ(output->conclusion.confidence, 1);
    EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kFormatUnknown));
  }
}

TEST_F(ScannerTest, WhatTheDecoderCouldNotDoStandsInTheVerdict) {
  AddList("block", 7);
  for (const IncompleteCode code : media::kAllIncompleteCodes) {
    frames_.frames = {};
    frames_.outcome = {};
    frames_.outcome.reasons = {{code, "said the decoder"}};
    const auto output = Scan(Input());
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete) << media::ToString(code);
    EXPECT_THAT(Codes(*output), Contains(code));
    EXPECT_EQ(output->time_covered, 0);
  }
}

TEST_F(ScannerTest, FlatPictureIsIncomplete) {
  AddList("block", 7);
  frames_.frames = {{.seed = 0}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kLowQuality));
}

TEST_F(ScannerTest, EmptyHandedDecoderIsNeverClean) {
  AddList("block", 7);
  frames_.frames = {};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), ::testing::Not(IsEmpty()));
}

TEST_F(ScannerTest, TruncatedVideoMatchesWhatItShowsAndSaysWhatWasNotSeen) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3, .index = 0, .time = seconds(0)}, {.seed = 7, .index = 1, .time = seconds(1)}};
  frames_.outcome.media.duration = seconds(10);
  frames_.outcome.media.animated = true;
  frames_.outcome.frames_planned = 10;
  frames_.outcome.last_time = seconds(2);
  frames_.outcome.reasons = {{IncompleteCode::kDecodeTruncated, "bytes are missing"}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kDecodeTruncated));
  EXPECT_DOUBLE_EQ(output->time_covered, 0.2);
  EXPECT_THAT(output->unseen, ElementsAre(match::TimeRange{seconds(2), seconds(10)}));
  EXPECT_EQ(output->frames_planned, 10u);
  EXPECT_EQ(output->frames_decoded, 2u);
}

// 400 frames, one a second; the one numbered `at` shows the picture `seed`.
std::vector<FakeFrameSource::Item> LongVideo(std::uint32_t at, unsigned seed) {
  std::vector<FakeFrameSource::Item> frames;
  for (std::uint32_t i = 0; i < 400; ++i) {
    frames.push_back({.seed = i == at ? seed : 1000 + i, .index = i, .time = seconds(i)});
  }
  return frames;
}

TEST_F(ScannerTest, StopOnMatchEndsDecodingAndSaysWhatWasNotSeen) {
  AddList("block", 7);
  frames_.frames = LongVideo(5, 7);
  frames_.outcome.media.duration = seconds(400);
  frames_.outcome.media.animated = true;
  frames_.outcome.last_time = seconds(40);
  frames_.before_frame = [this](std::size_t) { clock_.Advance(std::chrono::milliseconds(300)); };
  ScanInput input = Input();
  input.stop_on_match = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(Codes(*output), IsEmpty());
  EXPECT_TRUE(output->stopped_on_match);
  EXPECT_GE(output->frames_decoded, 6u);
  EXPECT_LT(output->frames_decoded, 400u);
  EXPECT_DOUBLE_EQ(output->time_covered, 0.1);
  EXPECT_THAT(output->unseen, ElementsAre(match::TimeRange{seconds(40), seconds(400)}));

  const auto whole = Scan(Input());
  ASSERT_TRUE(whole.ok());
  EXPECT_FALSE(whole->stopped_on_match);
  EXPECT_EQ(whole->frames_decoded, 400u);
  EXPECT_EQ(whole->conclusion.frames_hashed, 400u);
}

TEST_F(ScannerTest, StopOnMatchGoesOnWhileTheVerdictCouldChange) {
  frames_.frames = LongVideo(5, 7);
  frames_.outcome.media.duration = seconds(400);
  frames_.outcome.media.animated = true;
  frames_.before_frame = [this](std::size_t) { clock_.Advance(std::chrono::milliseconds(300)); };
  const auto stops = [this] {
    ScanInput input = Input();
    input.stop_on_match = true;
    const auto output = Scan(std::move(input));
    EXPECT_TRUE(output.ok());
    return output.ok() && output->stopped_on_match;
  };
  // In shadow it makes no verdict.
  AddList("shadow", 7, lists::ListMode::kShadow);
  EXPECT_FALSE(stops());
  // Frames to come would lower the share of the upload.
  AddList("share", 7);
  ASSERT_TRUE(lists_
                  .ChangeList("share",
                              [](lists::ListInfo& info) {
                                info.policy.min_query_coverage = 0.001;
                                return OkStatus();
                              })
                  .ok());
  EXPECT_FALSE(stops());
  // An allowed look-alike takes that frame away.
  AddList("allow", 7, lists::ListMode::kEnforce, lists::ListKind::kAllow);
  AddList("block", 7);
  EXPECT_FALSE(stops());
  ASSERT_TRUE(lists_.DeleteList("allow").ok());
  EXPECT_TRUE(stops());
}

TEST_F(ScannerTest, StopOnMatchDecodesNothingOfAFileKnownByItsDigest) {
  AddList("block", 7);
  lists::Entry entry;
  entry.id = "file";
  lists::EntryHash hash;
  hash.type = lists::HashType::kSha256;
  const source::Upload known = Bytes(kJpeg);
  hash.value.assign(known.digests.sha256.begin(), known.digests.sha256.end());
  entry.hashes = {hash};
  store::ChangeCounts counts;
  ASSERT_TRUE(lists_.Apply("block", {.what = "add", .upserts = {entry}}, false, counts).ok());
  ScanInput input = Input();
  input.stop_on_match = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(output->conclusion.confidence, 1);
  EXPECT_THAT(Codes(*output), IsEmpty());
  EXPECT_TRUE(output->stopped_on_match);
  EXPECT_EQ(frames_.calls, 0);
}

class Listener final : public ScanObserver {
 public:
  void OnProgress(const ScanProgress& progress) override { progresses.push_back(progress); }
  void OnMatch(const match::Match& match) override {
    matches.push_back(match);
    frames_at_match.push_back(progresses.empty() ? 0 : progresses.back().frames_decoded);
  }
  std::vector<ScanProgress> progresses;
  std::vector<match::Match> matches;
  std::vector<std::uint64_t> frames_at_match;
};

TEST_F(ScannerTest, ObserverIsToldOfProgressAndOfMatchesAsTheyAreFound) {
  AddList("block", 7);
  AddList("late", 8);
  frames_.frames = LongVideo(5, 7);
  frames_.frames.back().seed = 8;
  frames_.outcome.media.duration = seconds(400);
  frames_.outcome.media.animated = true;
  frames_.before_frame = [this](std::size_t) { clock_.Advance(std::chrono::milliseconds(300)); };
  Listener listener;
  const auto output = scanner_->Scan(Input(), {}, clock_.Now(), &listener);
  ASSERT_TRUE(output.ok());
  ASSERT_THAT(listener.matches, SizeIs(2));
  EXPECT_EQ(listener.matches[0].entry_id, "block-entry");
  EXPECT_LT(listener.frames_at_match[0], 400u);
  EXPECT_EQ(listener.matches[1].entry_id, "late-entry");
  EXPECT_THAT(output->conclusion.matches, SizeIs(2));
  // Every half second by default: the clock moved 120 seconds.
  EXPECT_GT(listener.progresses.size(), 100u);
  EXPECT_LT(listener.progresses.size(), 250u);
  EXPECT_GT(listener.progresses.back().frames_decoded, 390u);
  EXPECT_EQ(listener.progresses.back().size_bytes, kJpeg.size());
}

TEST_F(ScannerTest, FramesThatRepeatAnotherAreNotHashedAndKeepTheirPlace) {
  AddList("block", 7);
  // Were the repeats hashed, they would show something else.
  frames_.frames = {{.seed = 7, .index = 0, .time = seconds(0)},
                    {.seed = 0, .index = 1, .time = seconds(1), .repeat = true},
                    {.seed = 0, .index = 2, .time = seconds(2), .repeat = true},
                    {.seed = 3, .index = 3, .time = seconds(3)}};
  frames_.outcome.media.duration = seconds(4);
  ScanInput input = Input();
  input.return_hashes = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  ASSERT_EQ(output->conclusion.matches.size(), 1u);
  EXPECT_EQ(output->conclusion.matches[0].corroborating_frames, 3u);
  EXPECT_EQ(output->frames_repeated, 2u);
  ASSERT_EQ(output->hashes.size(), 4u);
  EXPECT_EQ(output->hashes[0].span, seconds(2));
  EXPECT_TRUE(output->hashes[2].repeated);
  EXPECT_EQ(output->hashes[2].time, seconds(2));
  EXPECT_EQ(output->hashes[2].pdq.hashes[0], output->hashes[0].pdq.hashes[0]);
  EXPECT_FALSE(output->hashes[3].repeated);
}

TEST_F(ScannerTest, SpansThatCouldNotBeDecodedAreUnseen) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3, .index = 0, .time = seconds(0)}, {.seed = 3, .index = 1, .time = seconds(6)}};
  frames_.outcome.media.duration = seconds(10);
  frames_.outcome.last_time = seconds(10);
  frames_.outcome.unseen = {{seconds(1), seconds(6)}};
  frames_.outcome.reasons = {{IncompleteCode::kDecodeTruncated, "packets could not be decoded"}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_THAT(output->unseen, ElementsAre(match::TimeRange{seconds(1), seconds(6)}));
  EXPECT_DOUBLE_EQ(output->time_covered, 0.5);
}

media::MediaPart PartAt(std::uint32_t index, microseconds start, microseconds duration,
                        std::uint64_t frames) {
  media::MediaPart part;
  part.index = index;
  part.start = start;
  part.duration = duration;
  part.frames = frames;
  return part;
}

TEST_F(ScannerTest, AMatchInAPartSaysWhich) {
  AddList("block", 7);
  ScanInput input = Input();
  input.return_hashes = true;
  frames_.frames = {{.seed = 3, .still = true},
                    {.seed = 4, .index = 1, .part = 1},
                    {.seed = 7, .index = 2, .time = seconds(1), .part = 1}};
  frames_.outcome.parts = {PartAt(1, seconds(0), seconds(2), 2)};
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(output->conclusion.matches, SizeIs(1));
  EXPECT_THAT(output->conclusion.matches[0].parts, ElementsAre(1U));
  EXPECT_THAT(output->conclusion.matches[0].query_ranges,
              ElementsAre(match::TimeRange{seconds(1), seconds(2)}));
  ASSERT_THAT(output->hashes, SizeIs(3));
  EXPECT_EQ(output->hashes[0].part, 0U);
  EXPECT_EQ(output->hashes[2].part, 1U);
  ASSERT_THAT(output->parts, SizeIs(1));
}

TEST_F(ScannerTest, WhatGoesWrongInAPartIsNoHoleInTheUpload) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3}, {.seed = 4, .index = 1, .time = seconds(9)}};
  frames_.outcome.media.duration = seconds(10);
  frames_.outcome.last_time = seconds(9);
  frames_.outcome.parts = {PartAt(1, seconds(11), seconds(0), 0)};
  frames_.outcome.reasons = {{IncompleteCode::kDecodeFailed, "part 1 (jpeg): no picture", 1}};
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_DOUBLE_EQ(output->time_covered, 1);
  EXPECT_TRUE(output->unseen.empty());
}

TEST_F(ScannerTest, ListsAskForFramesWhereTheRequestDoesNot) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3}};
  ASSERT_TRUE(Scan(Input()).ok());
  EXPECT_FALSE(frames_.last_plan.exact);
  ASSERT_TRUE(lists_
                  .ChangeList("block",
                              [](lists::ListInfo& info) {
                                info.policy.sampling.preset = media::SamplingPreset::kExact;
                                return OkStatus();
                              })
                  .ok());
  ASSERT_TRUE(Scan(Input()).ok());
  EXPECT_TRUE(frames_.last_plan.exact);
  ScanInput fast = Input();
  fast.sampling.preset = media::SamplingPreset::kFast;
  ASSERT_TRUE(Scan(std::move(fast)).ok());
  EXPECT_FALSE(frames_.last_plan.exact);
  EXPECT_TRUE(frames_.last_plan.key_frames);
}

TEST_F(ScannerTest, AlphaIgnoredLookMatchesToo) {
  AddList("block", 7);
  frames_.frames = {{.seed = 3}, {.seed = 7, .variant = media::FrameVariant::kAlphaIgnored}};
  frames_.outcome.frames_delivered = 1;
  ScanInput input = Input();
  input.return_hashes = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(output->frames_decoded, 1u);
  ASSERT_THAT(output->hashes, SizeIs(1));
  EXPECT_EQ(output->hashes[0].pdq.hashes[0], Picture(3).pdq().hashes[0]);
}

TEST_F(ScannerTest, PictureInABorderIsFoundInsideIt) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7, .framed = true}};
  ScanInput input = Input();
  input.return_hashes = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(output->conclusion.matches, SizeIs(1));
  EXPECT_TRUE(output->conclusion.matches[0].border_removed);
  // The hash that is returned is that of the frame as it is.
  ASSERT_THAT(output->hashes, SizeIs(1));
  EXPECT_EQ(output->hashes[0].pdq.hashes[0], Picture(7).Framed().pdq().hashes[0]);
}

TEST_F(ScannerTest, HashesComeInOrderOfFrames) {
  for (std::uint32_t i = 0; i < 40; ++i)
    frames_.frames.push_back({.seed = i + 1, .index = i, .time = seconds(i)});
  frames_.outcome.media.duration = seconds(40);
  ScanInput input = Input();
  input.return_hashes = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  ASSERT_THAT(output->hashes, SizeIs(40));
  for (std::uint32_t i = 0; i < 40; ++i) {
    EXPECT_EQ(output->hashes[i].index, i);
    EXPECT_EQ(output->hashes[i].time, seconds(i));
    EXPECT_EQ(output->hashes[i].pdq.hashes[0], Picture(i + 1).pdq().hashes[0]);
  }
}

TEST_F(ScannerTest, OwnTimeBudgetIsIncompleteWithWhatWasSeen) {
  AddList("block", 7);
  Config config;
  config.time_budget = seconds(10);
  Configure(config);
  frames_.frames = {{.seed = 7, .index = 0},
                    {.seed = 3, .index = 1, .time = seconds(1)},
                    {.seed = 4, .index = 2, .time = seconds(2)}};
  frames_.outcome.media.duration = seconds(60);
  frames_.outcome.last_time = seconds(1);
  frames_.before_frame = [&](std::size_t given) {
    if (given == 1) clock_.Advance(seconds(11));
  };
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->frames_decoded, 2u);
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kTimeBudget));
  EXPECT_FALSE(output->unseen.empty());
}

// Somebody sets the clock while scans run: ten years on or back, budgets and deadlines are what they were.
TEST_F(ScannerTest, AClockThatIsSetNeitherEndsNorProlongsAScan) {
  AddList("block", 9);
  for (const auto jump : {std::chrono::hours(24 * 3650), std::chrono::hours(-24 * 3650)}) {
    Config config;
    config.time_budget = seconds(10);
    Configure(config);
    CallContext context;
    context.deadline = clock_.Now() + seconds(60);
    frames_.frames = {{.seed = 7, .index = 0}, {.seed = 3, .index = 1, .time = seconds(1)}};
    frames_.outcome.media.duration = seconds(2);
    frames_.before_frame = [&](std::size_t given) {
      if (given == 1) clock_.SetWall(jump);
      clock_.Advance(seconds(1));
    };
    const auto whole = Scan(Input(), context);
    ASSERT_TRUE(whole.ok()) << Message(whole.status());
    EXPECT_THAT(Codes(*whole), IsEmpty());
    EXPECT_EQ(whole->frames_decoded, 2u);
    EXPECT_EQ(whole->timings.total, seconds(2));

    frames_.before_frame = [&](std::size_t given) {
      if (given == 1) clock_.SetWall(-jump);
      clock_.Advance(seconds(6));
    };
    const auto over_budget = Scan(Input(), context);
    ASSERT_TRUE(over_budget.ok());
    EXPECT_THAT(Codes(*over_budget), Contains(IncompleteCode::kTimeBudget));

    context.deadline = clock_.Now() + seconds(3);
    frames_.status = MakeError(StatusCode::kDeadlineExceeded, "the deadline passed");
    EXPECT_EQ(Scan(Input(), context).status().code(), StatusCode::kDeadlineExceeded);
    frames_.status = OkStatus();
  }
}

TEST_F(ScannerTest, DecoderStoppedByTheOwnBudgetIsIncomplete) {
  frames_.status = MakeError(StatusCode::kDeadlineExceeded, "the deadline passed");
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kTimeBudget));
}

TEST_F(ScannerTest, CallersDeadlineIsAnError) {
  CallContext context;
  context.deadline = clock_.Now() + seconds(1);
  frames_.frames = {{.seed = 7}};
  frames_.before_frame = [&](std::size_t) { clock_.Advance(seconds(2)); };
  frames_.status = MakeError(StatusCode::kDeadlineExceeded, "the deadline passed");
  const auto output = Scan(Input(), context);
  EXPECT_EQ(output.status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(ScannerTest, CancelledScanStopsTheDecoderAndRecordsNothing) {
  AddList("block", 7);
  std::stop_source stop;
  CallContext context;
  context.stop = stop.get_token();
  frames_.frames = {{.seed = 7, .index = 0}, {.seed = 7, .index = 1}};
  frames_.before_frame = [&](std::size_t given) {
    if (given == 1) stop.request_stop();
  };
  const auto output = Scan(Input(), context);
  EXPECT_EQ(output.status().code(), StatusCode::kCancelled);
  EXPECT_THAT(store_.records, IsEmpty());
  EXPECT_EQ(budget_.in_use(), 0u);
}

TEST_F(ScannerTest, ScanThatNobodyWantsIsNotBegun) {
  CallContext context;
  context.deadline = clock_.Now() - seconds(1);
  EXPECT_EQ(Scan(Input(), context).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(frames_.calls, 0);
}

TEST_F(ScannerTest, DecoderThatCannotStartIsAnError) {
  frames_.status = MakeError(StatusCode::kUnavailable, "no decoder");
  EXPECT_EQ(Scan(Input()).status().code(), StatusCode::kUnavailable);
}

TEST_F(ScannerTest, SourceErrorsAreErrorsButTooManyBytesAreAVerdict) {
  ScanInput input;
  input.uri = "file:///x";
  fetcher_.fetch = [](std::string_view) {
    return MakeError(StatusCode::kPermissionDenied, "outside the roots");
  };
  EXPECT_EQ(Scan(std::move(input)).status().code(), StatusCode::kPermissionDenied);

  fetcher_.fetch = [](std::string_view) {
    return MakeError(StatusCode::kOutOfRange, "more than 1 MiB", "BYTE_LIMIT");
  };
  ScanInput large;
  large.uri = "file:///x";
  const auto output = Scan(std::move(large));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(Codes(*output), Contains(IncompleteCode::kByteLimit));

  ScanInput streamed;
  streamed.not_brought_in = media::IncompleteReason{IncompleteCode::kByteLimit, "more than 1 MiB"};
  const auto second = Scan(std::move(streamed));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->conclusion.verdict, Verdict::kIncomplete);
}

TEST_F(ScannerTest, PlanComesFromTheRequestWithinTheLimits) {
  frames_.frames = {{.seed = 3}};
  ScanInput input = Input();
  input.sampling.interval = std::chrono::milliseconds(250);
  input.sampling.max_frames = 5;
  input.sampling.mode = media::SamplingMode::kEveryFrame;
  ASSERT_TRUE(Scan(std::move(input)).ok());
  EXPECT_EQ(frames_.last_plan.interval, std::chrono::milliseconds(250));
  EXPECT_EQ(frames_.last_plan.max_frames, 5u);
  EXPECT_TRUE(frames_.last_plan.every_frame);
  ASSERT_TRUE(Scan(Input()).ok());
  EXPECT_EQ(frames_.last_plan.interval, seconds(1));
  EXPECT_EQ(frames_.last_plan.max_frames, Config().max_frames);
}

TEST_F(ScannerTest, ValidateNamesTheField) {
  const auto field_of = [&](const std::function<void(ScanInput&)>& change) {
    ScanInput input;
    change(input);
    const Status status = scanner_->Validate(input);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return Field(status);
  };
  EXPECT_TRUE(scanner_->Validate(ScanInput()).ok());
  EXPECT_EQ(field_of([](ScanInput& i) { i.request_id = std::string(129, 'a'); }), "request_id");
  EXPECT_EQ(field_of([](ScanInput& i) { i.lists.assign(101, "l"); }), "lists");
  EXPECT_EQ(field_of([](ScanInput& i) { i.labels["k"] = std::string(129, 'a'); }), "labels");
  EXPECT_EQ(field_of([](ScanInput& i) {
              for (int n = 0; n < 17; ++n) i.labels[std::to_string(n)] = "v";
            }),
            "labels");
  EXPECT_EQ(field_of([](ScanInput& i) { i.sampling.interval = std::chrono::milliseconds(9); }),
            "sampling.interval");
  EXPECT_EQ(field_of([](ScanInput& i) { i.sampling.max_frames = 7201; }), "sampling.max_frames");
}

TEST_F(ScannerTest, SameRequestGetsTheSameAnswerWithoutASecondScan) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7}};
  const auto scan = [&](const std::string& bytes, const std::string& lists = "") {
    ScanInput input;
    input.upload = Bytes(bytes, source::DigestMode::kLater);
    input.request_id = "same";
    if (!lists.empty()) input.lists = {lists};
    auto output = Scan(std::move(input));
    EXPECT_TRUE(output.ok());
    return output->scan_id;
  };
  const std::string first = scan(kJpeg);
  EXPECT_EQ(scan(kJpeg), first);
  EXPECT_EQ(frames_.calls, 1);
  EXPECT_THAT(store_.records, SizeIs(1));
  // Other bytes, other options, other lists: scanned anew.
  const std::string other = scan(kJpeg + "more");
  EXPECT_NE(other, first);
  EXPECT_NE(scan(kJpeg + "more", "block"), other);
  const std::string before_change = scan(kJpeg);
  AddList("second", 8);
  EXPECT_NE(scan(kJpeg), before_change);
  // And after the time is up.
  const std::string before_expiry = scan(kJpeg);
  clock_.Advance(std::chrono::minutes(11));
  EXPECT_NE(scan(kJpeg), before_expiry);
}

TEST_F(ScannerTest, AnswerThatMayPassIsNotGivenAgain) {
  frames_.outcome.reasons = {{IncompleteCode::kDecoderCrashed, "crashed"}};
  for (int i = 1; i <= 2; ++i) {
    ScanInput input = Input();
    input.request_id = "same";
    ASSERT_TRUE(Scan(std::move(input)).ok());
    EXPECT_EQ(frames_.calls, i);
  }
}

TEST_F(ScannerTest, ConcurrentDuplicateWaitsForTheFirst) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7}};
  std::barrier both(2);
  frames_.before_frame = [&](std::size_t) { both.arrive_and_wait(); };
  std::string ids[2];
  std::jthread first([&] {
    ScanInput input = Input();
    input.request_id = "same";
    ids[0] = Scan(std::move(input))->scan_id;
  });
  std::jthread second([&] {
    both.arrive_and_wait();  // the first is decoding now
    ScanInput input = Input();
    input.request_id = "same";
    ids[1] = Scan(std::move(input))->scan_id;
  });
  first.join();
  second.join();
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(frames_.calls, 1);
}

TEST_F(ScannerTest, HashLooksNothingUpAndKeepsPoorFrames) {
  AddList("block", 7);
  frames_.frames = {{.seed = 0, .index = 0}, {.seed = 7, .index = 1, .time = seconds(1)}};
  frames_.outcome.media.duration = seconds(2);
  const auto output = scanner_->Hash(Input(), CallContext(), clock_.Now());
  ASSERT_TRUE(output.ok());
  ASSERT_THAT(output->hashes, SizeIs(2));
  EXPECT_LT(output->hashes[0].pdq.quality, 50);
  EXPECT_EQ(output->hashes[1].pdq.hashes, Picture(7).pdq().hashes);
  EXPECT_THAT(output->conclusion.matches, IsEmpty());
  EXPECT_THAT(store_.records, IsEmpty());
  EXPECT_EQ(output->conclusion.frames_low_quality, 1u);
}

TEST_F(ScannerTest, LookupOfForeignHash) {
  AddList("block", 7);
  match::Evidence evidence;
  match::FrameEvidence frame;
  frame.pdq.hashes[0] = Picture(7).pdq().hashes[0];
  frame.pdq.quality = 100;
  frame.orientations = hash::OrientationSet::kUpright;
  evidence.frames = {frame};
  const auto conclusion = scanner_->Lookup(evidence, {});
  ASSERT_TRUE(conclusion.ok());
  EXPECT_EQ(conclusion->verdict, Verdict::kMatch);
  EXPECT_EQ(scanner_->Lookup(evidence, {"nosuch"}).status().code(), StatusCode::kNotFound);
}

// A clip of six seconds, known by its full seconds, in a video of a minute. What is between known moments
// shows something else, and of the plan's frames two lie at known moments.
class CloserLookScanTest : public ScannerTest {
 protected:
  CloserLookScanTest() {
    lists::ListInfo info;
    info.name = "block";
    EXPECT_TRUE(lists_.CreateList(info).ok());
    lists::Entry entry;
    entry.id = "clip";
    for (unsigned second = 0; second < 6; ++second) {
      lists::EntryHash hash;
      const auto bytes = Picture(1000 + 4 * second).pdq().hashes[0].ToBytes();
      hash.value.assign(bytes.begin(), bytes.end());
      hash.time_ms = 1000 * second;
      entry.hashes.push_back(hash);
    }
    store::ChangeCounts counts;
    EXPECT_TRUE(lists_.Apply("block", {.what = "add", .upserts = {entry}}, false, counts).ok());
    for (unsigned second = 0; second < 60; ++second) {
      const bool beside = second == 31 || second == 34;
      frames_.frames.push_back(At(second, 4 * second + (beside ? 2 : 0)));
    }
    for (unsigned quarter = 0; quarter < 240; ++quarter)
      frames_.closer_frames.push_back(At(quarter, quarter));
    frames_.outcome.media.duration = seconds(60);
    frames_.outcome.counts.seen = 1500;
    frames_.outcome.last_time = seconds(60);
  }

  // The video's picture in its `quarter` of a second: the clip begins at half past thirty.
  static FakeFrameSource::Item At(std::uint32_t index, unsigned quarter) {
    const unsigned clip = 30 * 4 + 2;
    const bool inside = quarter >= clip && quarter < clip + 24;
    return {.seed = inside ? 1000 + quarter - clip : 5000 + quarter,
            .index = index,
            .time = quarter * std::chrono::milliseconds(250)};
  }
};

TEST_F(CloserLookScanTest, MakesAMatchOfWhatWasFoundInPart) {
  ScanInput input = Input();
  input.return_hashes = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(output->conclusion.matches, SizeIs(1));
  EXPECT_EQ(output->conclusion.matches[0].reference_coverage, 1);
  EXPECT_EQ(frames_.calls, 2);
  EXPECT_EQ(frames_.last_plan.interval, kCloserInterval);
  ASSERT_THAT(output->closer.spans, SizeIs(1));
  EXPECT_EQ(frames_.last_plan.spans, output->closer.spans);
  EXPECT_EQ(output->closer.outcome, "finished");
  EXPECT_GT(output->closer.frames, 24u);
  EXPECT_EQ(Count("tamiz_closer_looks_total", {{"outcome", "finished"}}), 1);
  // What the plan asked for is what the answer tells of and gives.
  EXPECT_EQ(output->frames_decoded, 60u);
  EXPECT_EQ(output->conclusion.frames_hashed, 60u);
  EXPECT_THAT(output->hashes, SizeIs(60));
  EXPECT_EQ(output->plan->interval, seconds(1));
  EXPECT_EQ(output->time_covered, 1);
}

TEST_F(CloserLookScanTest, CanBeSwitchedOff) {
  Config config;
  config.closer_look = false;
  Configure(config);
  const auto output = Scan(Input());
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kPossibleMatch);
  EXPECT_EQ(frames_.calls, 1);
}

TEST_F(CloserLookScanTest, IsNotTakenWhereNothingWasHitOrNothingMoves) {
  for (auto& frame : frames_.frames) frame.seed += 10'000;
  ASSERT_TRUE(Scan(Input()).ok());
  EXPECT_EQ(frames_.calls, 1);
  EXPECT_EQ(Count("tamiz_closer_looks_total", {{"outcome", "finished"}}), 0);
  for (auto& frame : frames_.frames) frame.seed -= 10'000;
  frames_.outcome.media.animated = true;
  ASSERT_TRUE(Scan(Input()).ok());
  EXPECT_EQ(frames_.calls, 2);
}

TEST_F(CloserLookScanTest, ADecoderThatDiesInItLeavesTheAnswerAsItWas) {
  const auto closer_frames = frames_.closer_frames;
  for (const bool cannot_start : {true, false}) {
    SCOPED_TRACE(cannot_start);
    frames_.closer_frames.clear();
    frames_.closer_status =
        cannot_start ? MakeError(StatusCode::kUnavailable, "no decoder could be started") : OkStatus();
    if (!cannot_start) {
      frames_.closer_outcome.reasons = {{IncompleteCode::kDecoderCrashed, "the decoder crashed"}};
      frames_.closer_frames = {closer_frames.begin(), closer_frames.begin() + 122};
    }
    const auto output = Scan(Input());
    ASSERT_TRUE(output.ok());
    EXPECT_EQ(output->conclusion.verdict, Verdict::kPossibleMatch);
    ASSERT_THAT(output->conclusion.matches, SizeIs(1));
    EXPECT_THAT(Codes(*output), IsEmpty());
    EXPECT_EQ(output->closer.outcome, "failed");
    EXPECT_EQ(output->frames_decoded, 60u);
    EXPECT_EQ(output->time_covered, 1);
  }
  EXPECT_EQ(Count("tamiz_closer_looks_total", {{"outcome", "failed"}}), 2);
}

TEST_F(CloserLookScanTest, IsCutOffWhenHalfOfTheTimeLeftIsOver) {
  Config config;
  config.time_budget = seconds(10);
  Configure(config);
  CallContext context;
  context.deadline = clock_.Now() + seconds(4);
  frames_.before_frame = [this](std::size_t) {
    if (frames_.calls == 2) clock_.Advance(std::chrono::milliseconds(600));
  };
  const auto output = Scan(Input(), context);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->closer.outcome, "cut_off");
  EXPECT_LE(output->closer.frames, 4u);
  EXPECT_THAT(Codes(*output), IsEmpty());
  EXPECT_THAT(output->conclusion.matches, SizeIs(1));
}

TEST_F(CloserLookScanTest, TheCallerWhoGoesAwayEndsIt) {
  std::stop_source caller;
  CallContext context;
  context.stop = caller.get_token();
  frames_.before_frame = [&](std::size_t) {
    if (frames_.calls == 2) caller.request_stop();
  };
  const auto output = Scan(Input(), context);
  EXPECT_EQ(output.status().code(), StatusCode::kCancelled);
}

TEST_F(CloserLookScanTest, StopsOnMatchAndTellsOfWhatComesToCount) {
  ScanInput input = Input();
  input.stop_on_match = true;
  frames_.before_frame = [this](std::size_t) { clock_.Advance(std::chrono::milliseconds(300)); };
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  // The upload itself was looked at to its end.
  EXPECT_FALSE(output->stopped_on_match);
  EXPECT_EQ(output->time_covered, 1);
}

TEST(CloserLimits, FollowTheUploadsPixels) {
  media::SampleOutcome first;
  first.media.duration = seconds(3600);
  first.counts.seen = 100;
  EXPECT_EQ(CloserLimits(first).most, kMostCloserTime);
  first.media.width = 1920;
  first.media.height = 1080;
  first.counts.skipped = 3600 * 30 - 100;
  EXPECT_NEAR(std::chrono::duration<double>(CloserLimits(first).most).count(), 32.1, 0.1);
  first.media.width = first.media.height = 256;
  EXPECT_EQ(CloserLimits(first).most, kMostCloserTime);
}

TEST_F(ScannerTest, OwnScansAreNotCountedOrRecorded) {
  AddList("block", 7);
  frames_.frames = {{.seed = 7}};
  ScanInput input = Input();
  input.internal = true;
  const auto output = Scan(std::move(input));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(store_.records, IsEmpty());
  EXPECT_EQ(Count("tamiz_scans_total", {{"verdict", "MATCH"}}), 0);
}

}  // namespace
}  // namespace tamiz::scan
