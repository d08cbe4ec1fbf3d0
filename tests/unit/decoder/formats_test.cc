// Every format decodes to the right size and the right picture, and an intact file gives no reason.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "decoder/warm_up.h"
#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;

// Mean absolute difference of two planes of one size.
double MeanDifference(const RecordedFrame& a, const RecordedFrame& b) {
  if (a.luma.size() != b.luma.size() || a.luma.empty()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.luma.size(); ++i) sum += std::abs(int{a.luma[i]} - int{b.luma[i]});
  return sum / static_cast<double>(a.luma.size());
}

struct StillCase {
  const char* file;
  const char* reference;
  double max_difference;       // mean, in grey levels
  hash::HammingDistance bits;  // at most
};

void PrintTo(const StillCase& c, std::ostream* out) { *out << c.file; }

class Still : public testing::TestWithParam<StillCase> {};

TEST_P(Still, ShowsTheReference) {
  const StillCase& c = GetParam();
  TAMIZ_LOAD_OR_SKIP(content, c.file);
  TAMIZ_LOAD_OR_SKIP(reference, c.reference);
  const RecordingSink sink = DecodeBytes(content);
  const RecordingSink expected = DecodeBytes(reference);
  ASSERT_EQ(expected.frames.size(), 1U);
  ASSERT_FALSE(sink.frames.empty()) << sink.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_FALSE(sink.padding_written);
  const RecordedFrame& frame = sink.frames.front();
  EXPECT_EQ(frame.width, expected.frames[0].width);
  EXPECT_EQ(frame.height, expected.frames[0].height);
  EXPECT_EQ(sink.media.width, frame.width);
  EXPECT_EQ(sink.media.height, frame.height);
  EXPECT_FALSE(sink.media.codec.empty());
  EXPECT_FALSE(sink.media.animated && std::string(c.file) != "still.gif");
  EXPECT_LE(MeanDifference(frame, expected.frames[0]), c.max_difference);
  const hash::PdqHash ours = frame.Pdq();
  const hash::PdqHash theirs = expected.frames[0].Pdq();
  EXPECT_GE(theirs.quality, 50);
  EXPECT_LE(hash::Distance(ours.hash, theirs.hash), c.bits);
}

// Palettes and bilevel pictures are coarser pictures; lossy ones differ by their coding.
INSTANTIATE_TEST_SUITE_P(
    Formats, Still,
    testing::Values(
        StillCase{"baseline.jpg", "original.png", 2, 6}, StillCase{"jpeg444.jpg", "original.png", 2, 6},
        StillCase{"progressive.jpg", "original.png", 2, 6}, StillCase{"grey.jpg", "original.png", 3, 8},
        StillCase{"cmyk.jpg", "original.png", 4, 10}, StillCase{"odd.jpg", "odd.png", 2, 6},
        StillCase{"truecolour16.png", "original.png", 0.6, 2},
        StillCase{"palette.png", "original.png", 6, 20}, StillCase{"grey.png", "original.png", 1.5, 6},
        StillCase{"grey16.png", "original.png", 1.5, 6}, StillCase{"bilevel.png", "original.png", 128, 30},
        StillCase{"interlaced.png", "original.png", 0, 0},
        StillCase{"opaque_alpha.png", "original.png", 0, 0}, StillCase{"still.gif", "original.png", 8, 20},
        StillCase{"rgb.bmp", "original.png", 0, 0}, StillCase{"palette.bmp", "original.png", 6, 20},
        StillCase{"none.tiff", "original.png", 0, 0}, StillCase{"lzw.tiff", "original.png", 0, 0},
        StillCase{"zip.tiff", "original.png", 0, 0}, StillCase{"rgb16.tiff", "original.png", 0.6, 2},
        StillCase{"grey.tiff", "original.png", 1.5, 6}, StillCase{"stored_6.tiff", "original.png", 0, 0},
        StillCase{"lossy.webp", "original.png", 2.5, 10}, StillCase{"lossless.webp", "original.png", 0, 0},
        StillCase{"odd.webp", "odd.png", 2.5, 10}, StillCase{"still.heic", "original.png", 2.5, 10},
        StillCase{"odd.heic", "odd.png", 2.5, 10}, StillCase{"still.avif", "original.png", 2.5, 10},
        StillCase{"limited.avif", "original.png", 2.5, 10}, StillCase{"deep.avif", "original.png", 2.5, 10},
        StillCase{"turned.avif", "original.png", 2.5, 10},
        StillCase{"identity.avif", "original.png", 2.5, 10}, StillCase{"grid.avif", "original.png", 2.5, 10},
        StillCase{"alpha.png", "alpha_reference.png", 0.6, 2},
        StillCase{"alpha.webp", "alpha_reference.png", 3, 10},
        StillCase{"alpha.avif", "alpha_reference.png", 3, 10},
        StillCase{"alpha.heic", "alpha_reference.png", 3, 10}));

class Transparent : public testing::TestWithParam<const char*> {};

TEST_P(Transparent, ComesAsShownAndAsStored) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  TAMIZ_LOAD_OR_SKIP(original, "original.png");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 2U) << sink.Reasons();
  EXPECT_EQ(sink.frames[0].variant, FrameVariant::kAsShown);
  EXPECT_EQ(sink.frames[1].variant, FrameVariant::kAlphaIgnored);
  EXPECT_EQ(sink.frames[0].index, sink.frames[1].index);
  const RecordingSink stored = DecodeBytes(original);
  EXPECT_LE(hash::Distance(sink.frames[1].Pdq().hash, stored.frames[0].Pdq().hash), 10U);
  EXPECT_GT(MeanDifference(sink.frames[0], sink.frames[1]), 20);
}

INSTANTIATE_TEST_SUITE_P(Formats, Transparent,
                         testing::Values("alpha.png", "alpha.webp", "alpha.heic", "alpha.avif"));

TEST(Stills, TransparentPaletteIsWhite) {
  TAMIZ_LOAD_OR_SKIP(content, "palette_alpha.png");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 2U) << sink.Reasons();
  EXPECT_EQ(sink.frames[0].luma[640 * 60 + 320], 255);
  EXPECT_LT(sink.frames[0].luma[640 * 300 + 320], 255);
}

TEST(Stills, EveryPageOfATiffIsAFrame) {
  TAMIZ_LOAD_OR_SKIP(content, "pages.tiff");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 2U) << sink.Reasons();
  EXPECT_EQ(sink.frames[0].width, 333U);
  EXPECT_EQ(sink.frames[1].width, 640U);
  EXPECT_EQ(sink.Reasons(), "");
}

TEST(Stills, EveryTopLevelPictureOfAHeicIsAFrame) {
  TAMIZ_LOAD_OR_SKIP(content, "two.heic");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 2U) << sink.Reasons();
  EXPECT_NE(sink.frames[0].width, sink.frames[1].width);
}

struct VideoCase {
  const char* file;
  const char* codec;
  hash::HammingDistance bits;
};

void PrintTo(const VideoCase& c, std::ostream* out) { *out << c.file; }

class Video : public testing::TestWithParam<VideoCase> {};

TEST_P(Video, IsSampledOnceASecond) {
  const VideoCase& c = GetParam();
  TAMIZ_LOAD_OR_SKIP(content, c.file);
  TAMIZ_LOAD_OR_SKIP(reference, "reference.mkv");
  const RecordingSink sink = DecodeBytes(content);
  const RecordingSink expected = DecodeBytes(reference);
  ASSERT_EQ(expected.frames.size(), 3U) << expected.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_EQ(sink.media.codec, c.codec);
  EXPECT_FALSE(sink.media.animated);
  EXPECT_NEAR(static_cast<double>(sink.media.duration.count()), 3e6, 0.2e6);
  ASSERT_EQ(sink.frames.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sink.frames[i].width, 320U);
    EXPECT_EQ(sink.frames[i].height, 240U);
    EXPECT_EQ(sink.frames[i].index, i);
    EXPECT_NEAR(static_cast<double>(sink.frames[i].time.count()), 1e6 * static_cast<double>(i), 2e4);
    const hash::PdqHash theirs = expected.frames[i].Pdq();
    EXPECT_GE(theirs.quality, 50);
    EXPECT_LE(hash::Distance(sink.frames[i].Pdq().hash, theirs.hash), c.bits) << "frame " << i;
  }
  EXPECT_GE(sink.progress, std::chrono::milliseconds(2900));
}

INSTANTIATE_TEST_SUITE_P(
    Formats, Video,
    testing::Values(VideoCase{"h264.mp4", "h264", 10}, VideoCase{"h264_faststart.mov", "h264", 10},
                    VideoCase{"h264_fragmented.mp4", "h264", 10}, VideoCase{"h264_10bit.mkv", "h264", 10},
                    VideoCase{"h264_full.mp4", "h264", 10}, VideoCase{"h264.mkv", "h264", 10},
                    VideoCase{"h264.flv", "h264", 10}, VideoCase{"h264.ts", "h264", 10},
                    VideoCase{"h264.avi", "h264", 10}, VideoCase{"hevc.mp4", "hevc", 12},
                    VideoCase{"hevc.ts", "hevc", 12}, VideoCase{"vp8.webm", "vp8", 16},
                    VideoCase{"vp9.webm", "vp9", 16}, VideoCase{"av1.mkv", "av1", 16},
                    VideoCase{"av1.mp4", "av1", 16}, VideoCase{"mpeg2.ts", "mpeg2video", 12},
                    VideoCase{"mpeg2.mpg", "mpeg2video", 12}, VideoCase{"mpeg1.mpg", "mpeg1video", 12},
                    VideoCase{"mpeg4.avi", "mpeg4", 12}, VideoCase{"mpeg4.mp4", "mpeg4", 12},
                    VideoCase{"prores.mov", "prores", 10}, VideoCase{"dnxhd.mov", "dnxhd", 10},
                    VideoCase{"mjpeg.avi", "mjpeg", 10}, VideoCase{"theora.ogv", "theora", 12},
                    VideoCase{"flv1.flv", "flv1", 12}, VideoCase{"wmv2.asf", "wmv2", 12},
                    VideoCase{"rgb.avi", "ffvhuff", 10}, VideoCase{"with_sound.mp4", "h264", 10},
                    VideoCase{"h264_422.mp4", "h264", 10}, VideoCase{"h264_444.mp4", "h264", 10},
                    VideoCase{"h264_422_10bit.mkv", "h264", 10}, VideoCase{"hevc_10bit.mp4", "hevc", 12},
                    VideoCase{"vp9_444.webm", "vp9", 16}, VideoCase{"bframes.mp4", "h264", 10},
                    VideoCase{"interlaced.ts", "mpeg2video", 12},
                    VideoCase{"interlaced_h264.mp4", "h264", 10}, VideoCase{"wide_pixels.mp4", "h264", 10}));

TEST(Videos, BareMpegVideoIsDecoded) {
  TAMIZ_LOAD_OR_SKIP(content, "bare.m2v");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.frames.size(), 3U) << sink.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
}

TEST(Videos, RotationIsToldButNotApplied) {
  TAMIZ_LOAD_OR_SKIP(content, "turned.mp4");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_FALSE(sink.frames.empty()) << sink.Reasons();
  EXPECT_EQ(sink.media.width, 240U);
  EXPECT_EQ(sink.media.height, 320U);
  EXPECT_EQ(sink.frames[0].width, 320U);
  EXPECT_EQ(sink.frames[0].height, 240U);
}

TEST(Videos, EveryVideoTrackIsSampled) {
  TAMIZ_LOAD_OR_SKIP(content, "two_tracks.mkv");
  const RecordingSink sink = DecodeBytes(content);
  std::map<std::uint32_t, int> widths;
  for (const RecordedFrame& frame : sink.frames) ++widths[frame.width];
  EXPECT_EQ(widths[320], 3) << sink.Reasons();
  EXPECT_EQ(widths[333], 3);
  EXPECT_EQ(sink.Reasons(), "");
}

TEST(Videos, WhatStaysOnScreenForLongIsTaken) {
  TAMIZ_LOAD_OR_SKIP(content, "slides.mkv");
  TAMIZ_LOAD_OR_SKIP(slide, "frame_9.png");
  const RecordingSink sink = DecodeBytes(content);
  const hash::Hash256 wanted = DecodeBytes(slide).frames.at(0).Pdq().hash;
  bool found = false;
  for (const RecordedFrame& frame : sink.frames)
    found = found || hash::Distance(frame.Pdq().hash, wanted) <= 16;
  EXPECT_TRUE(found);
}

TEST(Videos, EncryptedIsSaid) {
  TAMIZ_LOAD_OR_SKIP(content, "encrypted.mp4");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_TRUE(sink.frames.empty());
  EXPECT_TRUE(sink.Has(IncompleteCode::kEncrypted)) << sink.Reasons();
}

TEST(Videos, EveryFrameIfThePlanAsks) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  DecodeJob job = MakeJob(content);
  job.plan.every_frame = true;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_EQ(sink.frames.size(), 75U) << sink.Reasons();
}

TEST(Videos, MostFramesIsALimitThatIsSaid) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  DecodeJob job = MakeJob(content);
  job.plan.max_frames = 2;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_EQ(sink.frames.size(), 2U);
  EXPECT_TRUE(sink.Has(IncompleteCode::kFrameLimit)) << sink.Reasons();
}

TEST(Videos, ExactlyAsManyFramesAsAllowedIsComplete) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  DecodeJob job = MakeJob(content);
  job.plan.max_frames = 3;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_EQ(sink.frames.size(), 3U);
  EXPECT_EQ(sink.Reasons(), "");
}

TEST(Videos, StopsWhenNoMoreIsWanted) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  RecordingSink sink;
  sink.stop_after = 1;
  Decode(MakeJob(content), sink);
  EXPECT_EQ(sink.frames.size(), 1U);
  EXPECT_EQ(sink.Reasons(), "");
}

class Sound : public testing::TestWithParam<const char*> {};

TEST_P(Sound, HasNoVisualContent) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_TRUE(sink.frames.empty());
  ASSERT_EQ(sink.codes.size(), 1U) << sink.Reasons();
  EXPECT_EQ(sink.codes[0], IncompleteCode::kNoVisualContent);
}

INSTANTIATE_TEST_SUITE_P(Formats, Sound,
                         testing::Values("tone.mp3", "tone.wav", "tone.flac", "tone.aac", "tone.m4a",
                                         "tone.ogg", "tone.mka"));

TEST(Sounds, CoverPictureIsLookedAt) {
  TAMIZ_LOAD_OR_SKIP(content, "cover.mp3");
  TAMIZ_LOAD_OR_SKIP(original, "original.png");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 1U) << sink.Reasons();
  EXPECT_LE(hash::Distance(sink.frames[0].Pdq().hash, DecodeBytes(original).frames.at(0).Pdq().hash), 8U);
}

TEST(Formats, UnknownAndDisabledOnesAreSaid) {
  const std::vector<std::uint8_t> text(100, 'x');
  const RecordingSink unknown = DecodeBytes(text);
  EXPECT_TRUE(unknown.Has(IncompleteCode::kFormatUnknown));
  DecodeJob job = MakeJob(text);
  job.format = media::FileFormat::kJpegXl;
  RecordingSink disabled;
  Decode(job, disabled);
  EXPECT_TRUE(disabled.Has(IncompleteCode::kFormatDisabled));
  job.format = static_cast<media::FileFormat>(4711);
  RecordingSink nonsense;
  Decode(job, nonsense);
  EXPECT_TRUE(nonsense.Has(IncompleteCode::kFormatUnknown));
}

TEST(Formats, WarmUpSamplesDecode) {
  for (const WarmUpSample& sample : WarmUpSamples()) {
    const RecordingSink sink = DecodeBytes(sample.content);
    EXPECT_EQ(media::DetectFormat(sample.content), sample.format);
    EXPECT_FALSE(sink.frames.empty());
    EXPECT_EQ(sink.Reasons(), "");
  }
  WarmUp();
}

}  // namespace
}  // namespace tamiz::decoder
