// Clips that are not as one expects: each is looked at as far as it goes, and what was not seen is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;
using Content = std::vector<std::uint8_t>;
using media::IncompleteCode;

// Sets the duration in the header box `name` of an MP4 file: 32 bits at `offset` from the name.
void SetBigEndian(Content& content, std::string_view name, std::size_t offset, std::uint32_t value) {
  auto at = content.begin();
  int found = 0;
  while ((at = std::search(at, content.end(), name.begin(), name.end())) != content.end()) {
    ++found;
    for (int byte = 0; byte < 4; ++byte) {
      *(at + static_cast<std::ptrdiff_t>(offset) + byte) =
          static_cast<std::uint8_t>(value >> (24 - 8 * byte));
    }
    ++at;
  }
  ASSERT_GT(found, 0) << name;
}

RecordingSink DecodeBy(const Content& content, const media::SamplingPlan& plan) {
  DecodeJob job = MakeJob(content);
  job.plan = plan;
  RecordingSink sink;
  Decode(job, sink);
  return sink;
}

media::SamplingPlan Preset(media::SamplingPreset preset) {
  media::SamplingRequest request;
  request.preset = preset;
  return media::PlanOf(request, {});
}

TEST(HardClips, AWrongDurationChangesNothing) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  for (const std::uint32_t duration : {0U, 1U, 0x7FFF'FFFFU}) {
    Content wrong = content;
    SetBigEndian(wrong, "mvhd", 20, duration);
    SetBigEndian(wrong, "tkhd", 24, duration);
    SetBigEndian(wrong, "mdhd", 20, duration);
    for (const auto preset : {media::SamplingPreset::kExact, media::SamplingPreset::kAdaptive}) {
      const RecordingSink sink = DecodeBy(wrong, Preset(preset));
      EXPECT_GE(sink.frames.size(), 3U) << duration << " " << sink.Reasons();
      EXPECT_EQ(sink.counts.rejected, 0U);
      EXPECT_LE(sink.frames.back().time, 3s);
    }
    // Spread over hours that are not there, the first frame is taken all the same.
    media::SamplingPlan budget;
    budget.spread = true;
    budget.max_frames = 5;
    EXPECT_GE(DecodeBy(wrong, budget).frames.size(), 1U) << duration;
  }
}

struct Offset {
  const char* file;
  std::size_t frames;
};
void PrintTo(const Offset& c, std::ostream* out) { *out << c.file; }

class LateStart : public testing::TestWithParam<Offset> {};

TEST_P(LateStart, TimesCountFromTheFirstPicture) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam().file);
  TAMIZ_LOAD_OR_SKIP(reference, "bframes.mp4");
  const RecordingSink sink = DecodeBytes(content);
  const RecordingSink expected = DecodeBytes(reference);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.frames.size(), GetParam().frames);
  EXPECT_EQ(sink.frames[0].time, 0s);
  for (std::size_t i = 0; i < sink.frames.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(sink.frames[i].time.count()), 1e6 * static_cast<double>(i), 2e4);
    EXPECT_LE(hash::Distance(sink.frames[i].Pdq().hash, expected.frames.at(i).Pdq().hash), 2U) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, LateStart,
                         testing::Values(Offset{"late_start.mp4", 3}, Offset{"late_start.mkv", 3},
                                         Offset{"late_start.ts", 3}, Offset{"no_index.mkv", 3}));

TEST(HardClips, WhatAnEditListCutsAwayIsNotShown) {
  TAMIZ_LOAD_OR_SKIP(content, "edited.mp4");
  TAMIZ_LOAD_OR_SKIP(reference, "reference.mkv");
  media::SamplingPlan plan;
  plan.every_frame = true;
  const RecordingSink all = DecodeBy(reference, plan);
  ASSERT_EQ(all.frames.size(), 75U);
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.frames.size(), 2U);
  // The edit list begins 1.2 s into the clip: at frame 30 of 25 a second.
  EXPECT_LE(hash::Distance(sink.frames[0].Pdq().hash, all.frames[30].Pdq().hash), 10U);
  EXPECT_LE(hash::Distance(sink.frames[1].Pdq().hash, all.frames[55].Pdq().hash), 10U);
}

TEST(HardClips, WithoutAnyKeyFrame) {
  TAMIZ_LOAD_OR_SKIP(content, "no_keys.mkv");
  for (const auto preset :
       {media::SamplingPreset::kExact, media::SamplingPreset::kAdaptive, media::SamplingPreset::kFast}) {
    const RecordingSink sink = DecodeBy(content, Preset(preset));
    EXPECT_TRUE(!sink.codes.empty()) << static_cast<int>(preset) << ": " << sink.frames.size() << " frames";
  }
}

TEST(HardClips, WithoutSomeKeyFrames) {
  TAMIZ_LOAD_OR_SKIP(content, "lost_keys.mkv");
  for (const auto preset :
       {media::SamplingPreset::kExact, media::SamplingPreset::kAdaptive, media::SamplingPreset::kFast}) {
    const RecordingSink sink = DecodeBy(content, Preset(preset));
    EXPECT_GE(sink.frames.size(), 1U) << sink.Reasons();
    EXPECT_LE(sink.frames.back().time, 3s);
  }
}

TEST(HardClips, ThatChangeTheirSize) {
  TAMIZ_LOAD_OR_SKIP(content, "changes_size.ts");
  for (const auto preset :
       {media::SamplingPreset::kExact, media::SamplingPreset::kAdaptive, media::SamplingPreset::kFast}) {
    const RecordingSink sink = DecodeBy(content, Preset(preset));
    std::map<std::uint32_t, int> widths;
    for (const RecordedFrame& frame : sink.frames) ++widths[frame.width];
    EXPECT_GE(widths[320], 1) << static_cast<int>(preset) << sink.Reasons();
    EXPECT_GE(widths[160], 1) << static_cast<int>(preset) << sink.Reasons();
  }
}

TEST(HardClips, ThatChangeTheirCodecAreSeenOrSaid) {
  TAMIZ_LOAD_OR_SKIP(content, "changes_codec.ts");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_GE(sink.frames.size(), 3U) << sink.Reasons();
  // Both halves were seen, or there is a reason.
  EXPECT_TRUE(sink.frames.size() >= 6 || !sink.codes.empty()) << sink.frames.size();
}

TEST(HardClips, FragmentsWithoutTheirHeader) {
  TAMIZ_LOAD_OR_SKIP(content, "h264_fragmented.mp4");
  constexpr std::string_view kMoov = "moov";
  Content headless = content;
  const auto moov = std::search(headless.begin(), headless.end(), kMoov.begin(), kMoov.end());
  ASSERT_NE(moov, headless.end());
  const auto begin = moov - 4;
  const std::size_t size =
      std::size_t{begin[0]} << 24 | std::size_t{begin[1]} << 16 | std::size_t{begin[2]} << 8 | begin[3];
  headless.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
  const RecordingSink sink = DecodeBytes(headless);
  EXPECT_TRUE(sink.frames.empty());
  EXPECT_FALSE(sink.codes.empty());
}

TEST(HardClips, MoreTracksThanAreLookedAt) {
  TAMIZ_LOAD_OR_SKIP(content, "five_tracks.mkv");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_TRUE(sink.Has(IncompleteCode::kFrameLimit)) << sink.Reasons();
  EXPECT_EQ(sink.frames.size(), 12U);
}

TEST(HardClips, AnEncryptedTrackBehindAPicture) {
  TAMIZ_LOAD_OR_SKIP(host, "baseline.jpg");
  TAMIZ_LOAD_OR_SKIP(clip, "encrypted.mp4");
  Content content = host;
  content.insert(content.end(), clip.begin(), clip.end());
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.frames.size(), 1U);
  EXPECT_TRUE(sink.Has(IncompleteCode::kEncrypted)) << sink.Reasons();
}

TEST(HardClips, EncryptedFragments) {
  TAMIZ_LOAD_OR_SKIP(content, "encrypted_fragments.mp4");
  for (const auto preset : {media::SamplingPreset::kExact, media::SamplingPreset::kFast}) {
    const RecordingSink sink = DecodeBy(content, Preset(preset));
    EXPECT_TRUE(sink.Has(IncompleteCode::kEncrypted)) << sink.Reasons();
  }
}

TEST(HardClips, OneTrackOfTwoIsEncrypted) {
  TAMIZ_LOAD_OR_SKIP(content, "two_tracks.mp4");
  const RecordingSink both = DecodeBytes(content);
  EXPECT_EQ(both.Reasons(), "");
  // The kind of the second one's samples: the last name of its sort in the file.
  constexpr std::string_view kOpen = "avc1";
  constexpr std::string_view kEncrypted = "encv";
  Content half = content;
  const auto kind = std::find_end(half.begin(), half.end(), kOpen.begin(), kOpen.end());
  ASSERT_NE(kind, half.end());
  std::ranges::copy(kEncrypted, kind);
  const RecordingSink sink = DecodeBytes(half);
  EXPECT_TRUE(sink.Has(IncompleteCode::kEncrypted)) << sink.Reasons();
  EXPECT_EQ(2 * sink.frames.size(), both.frames.size());
}

TEST(HardClips, EncryptedMatroska) {
  TAMIZ_LOAD_OR_SKIP(content, "titled.mkv");
  // ContentEncodings: one, of everything, AES by that key.
  const Content encodings = {0x6D, 0x80, 0xA1, 0x62, 0x40, 0x9E, 0x50, 0x33, 0x81, 0x01, 0x50, 0x35,
                             0x97, 0x47, 0xE1, 0x81, 0x05, 0x47, 0xE2, 0x90, 1,    2,    3,    4,
                             5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,   16};
  constexpr std::string_view kTitle = "abcdefghijklmnopqrstuvwxyz0123456";
  Content encrypted = content;
  const auto title = std::search(encrypted.begin(), encrypted.end(), kTitle.begin(), kTitle.end());
  ASSERT_NE(title, encrypted.end());
  std::ranges::copy(encodings, title - 3);  // behind the element's name and size
  const RecordingSink open = DecodeBytes(content);
  EXPECT_EQ(open.Reasons(), "");
  const RecordingSink sink = DecodeBytes(encrypted);
  EXPECT_TRUE(sink.Has(IncompleteCode::kEncrypted)) << sink.Reasons();
  // Its packets are as they were: what can be looked at is.
  EXPECT_EQ(sink.frames.size(), open.frames.size());
}

TEST(HardClips, HighDynamicRangeIsHashedAsItIsCoded) {
  TAMIZ_LOAD_OR_SKIP(content, "hdr.mp4");
  TAMIZ_LOAD_OR_SKIP(reference, "reference.mkv");
  const RecordingSink sink = DecodeBytes(content);
  const RecordingSink expected = DecodeBytes(reference);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.frames.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LE(hash::Distance(sink.frames[i].Pdq().hash, expected.frames.at(i).Pdq().hash), 16U) << i;
  }
}

TEST(HardClips, PixelsThatAreNotSquareAreHashedAsCoded) {
  TAMIZ_LOAD_OR_SKIP(content, "wide_pixels.mp4");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 3U) << sink.Reasons();
  EXPECT_EQ(sink.frames[0].width, 320U);
}

TEST(SamplingModes, SceneChangesTakeEachSceneOnce) {
  TAMIZ_LOAD_OR_SKIP(content, "scenes.mp4");
  media::SamplingRequest request;
  request.mode = media::SamplingMode::kSceneChanges;
  request.interval = 100ms;
  const RecordingSink sink = DecodeBy(content, media::PlanOf(request, {}));
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.frames.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(static_cast<double>(sink.frames[i].time.count()), 1e6 * static_cast<double>(i), 5e4) << i;
  }
}

TEST(SamplingModes, ABudgetIsSpreadOverTheWhole) {
  TAMIZ_LOAD_OR_SKIP(content, "scenes.mp4");
  media::SamplingRequest request;
  request.mode = media::SamplingMode::kBudget;
  request.interval = 100ms;
  request.max_frames = 8;
  const RecordingSink sink = DecodeBy(content, media::PlanOf(request, {}));
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_GE(sink.frames.size(), 6U);
  EXPECT_LE(sink.frames.size(), 8U);
  EXPECT_GE(sink.frames.back().time, 3s);
}

}  // namespace
}  // namespace tamiz::decoder
