// Media behind and inside other media. The clip is one of the test media; whether it was looked at is told by
// the hash of its first frame.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "decoder/container_check.h"
#include "decoder/parts.h"
#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;
using Content = std::vector<std::uint8_t>;
using media::FileFormat;
using media::IncompleteCode;
using media::PartKind;

Content Bytes(std::string_view text) { return {text.begin(), text.end()}; }

Content operator+(Content a, const Content& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Content Box(std::string_view name, const Content& payload) {
  const std::size_t size = payload.size() + 8;
  Content box;
  for (const int shift : {24, 16, 8, 0}) box.push_back(static_cast<std::uint8_t>(size >> shift));
  return box + Bytes(name) + payload;
}

// Bytes of which nothing can be made.
Content Noise(std::size_t bytes) {
  Content noise(bytes);
  std::uint32_t state = 7;
  for (std::uint8_t& byte : noise) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return noise;
}

// Distance of the nearest frame of a part to the first frame of `content`.
hash::HammingDistance Nearest(const RecordingSink& sink, std::uint32_t part, const Content& content) {
  const hash::Hash256 wanted = DecodeBytes(content).frames.at(0).Pdq().hash;
  hash::HammingDistance nearest = 256;
  for (const RecordedFrame& frame : sink.frames) {
    if (frame.part == part) nearest = std::min(nearest, hash::Distance(frame.Pdq().hash, wanted));
  }
  return nearest;
}

class Hosts : public testing::TestWithParam<const char*> {};

TEST_P(Hosts, AClipBehindThemIsLookedAt) {
  TAMIZ_LOAD_OR_SKIP(host, GetParam());
  TAMIZ_LOAD_OR_SKIP(clip, "h264.mp4");
  const RecordingSink alone = DecodeBytes(host);
  const RecordingSink sink = DecodeBytes(host + clip);
  EXPECT_EQ(sink.Reasons(), alone.Reasons());
  ASSERT_EQ(sink.parts.size(), alone.parts.size() + 1);
  const media::MediaPart& part = sink.parts.back();
  EXPECT_EQ(part.kind, PartKind::kAppended);
  EXPECT_EQ(part.format, FileFormat::kMp4);
  EXPECT_EQ(part.offset, host.size());
  EXPECT_EQ(part.bytes, clip.size());
  EXPECT_EQ(part.codec, "h264");
  EXPECT_NEAR(static_cast<double>(part.duration.count()), 3e6, 0.2e6);
  EXPECT_EQ(sink.unrecognised, 0U);
  EXPECT_EQ(sink.frames.size(), alone.frames.size() + 3);
  EXPECT_LE(Nearest(sink, part.index, clip), 4U);
  EXPECT_LE(Nearest(sink, 0, host), 0U);
  EXPECT_TRUE(std::ranges::is_sorted(sink.frames, {}, &RecordedFrame::time));
  // Times go on behind what moves, and begin at zero behind a still.
  const auto first = std::ranges::find(sink.frames, part.index, &RecordedFrame::part);
  ASSERT_NE(first, sink.frames.end());
  EXPECT_EQ(first->time, part.start);
  if (alone.media.duration > 0us) {
    EXPECT_GE(part.start, alone.media.duration);
  } else {
    EXPECT_EQ(part.start, 0us);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Hosts,
                         testing::Values("baseline.jpg", "progressive.jpg", "original.png", "still.gif",
                                         "rgb.bmp", "lossy.webp", "still.heic", "still.avif", "moving.gif",
                                         "moving.webp", "moving_png.apng", "reference.mkv", "h264.avi"));

class Hidden : public testing::TestWithParam<const char*> {};

TEST_P(Hidden, IsFoundBehindAPicture) {
  TAMIZ_LOAD_OR_SKIP(host, "odd.jpg");
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  // At once, behind padding, and behind bytes that mean nothing.
  for (const Content& gap : {Content(), Content(5000, 0), Bytes("\x01\x02trailer") + Noise(70'000)}) {
    const RecordingSink sink = DecodeBytes(host + gap + content + Noise(100));
    ASSERT_EQ(sink.parts.size(), 1U) << gap.size() << " " << sink.Reasons();
    EXPECT_EQ(sink.parts[0].offset, host.size() + gap.size());
    EXPECT_LE(Nearest(sink, 1, content), 4U) << gap.size();
    EXPECT_EQ(sink.Reasons(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Hidden,
                         testing::Values("baseline.jpg", "original.png", "moving.gif", "lossy.webp",
                                         "still.heic", "still.avif", "h264.mp4", "reference.mkv",
                                         "h264.avi"));

TEST(Parts, SamsungsTrailerWithAClip) {
  TAMIZ_LOAD_OR_SKIP(host, "baseline.jpg");
  TAMIZ_LOAD_OR_SKIP(clip, "h264.mp4");
  const Content before = Content{0, 0, 0x30, 0x0A, 0x10, 0, 0, 0} + Bytes("MotionPhoto_Data");
  const Content after = Bytes("SEFHk") + Content(32, 3) + Bytes("SEFT");
  const RecordingSink sink = DecodeBytes(host + before + clip + after);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 1U);
  EXPECT_EQ(sink.parts[0].format, FileFormat::kMp4);
  EXPECT_LE(Nearest(sink, 1, clip), 4U);
  EXPECT_GT(sink.unrecognised, 30U);
  EXPECT_LT(sink.unrecognised, before.size() + after.size());
}

TEST(Parts, HeicWithAClipInABox) {
  TAMIZ_LOAD_OR_SKIP(host, "still.heic");
  TAMIZ_LOAD_OR_SKIP(clip, "h264.mp4");
  const RecordingSink sink = DecodeBytes(host + Box("mpvd", clip));
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 1U);
  EXPECT_EQ(sink.parts[0].kind, PartKind::kEmbedded);
  EXPECT_LE(Nearest(sink, 1, clip), 4U);
  EXPECT_LE(Nearest(sink, 0, host), 0U);
}

TEST(Parts, PictureInFreeSpaceOfAVideo) {
  TAMIZ_LOAD_OR_SKIP(video, "h264.mp4");
  TAMIZ_LOAD_OR_SKIP(picture, "baseline.jpg");
  const RecordingSink sink = DecodeBytes(video + Box("free", Content(64, 0) + picture));
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 1U);
  EXPECT_EQ(sink.parts[0].format, FileFormat::kJpeg);
  EXPECT_LE(Nearest(sink, 1, picture), 0U);
  // A still behind a video has its place on the time line behind it.
  EXPECT_GE(sink.parts[0].start, 3s);
}

TEST(Parts, SeveralInARow) {
  TAMIZ_LOAD_OR_SKIP(host, "odd.jpg");
  TAMIZ_LOAD_OR_SKIP(second, "baseline.jpg");
  TAMIZ_LOAD_OR_SKIP(clip, "h264.mp4");
  const RecordingSink sink = DecodeBytes(host + second + clip + second);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 3U);
  EXPECT_LE(Nearest(sink, 1, second), 0U);
  EXPECT_LE(Nearest(sink, 2, clip), 4U);
  EXPECT_LE(Nearest(sink, 3, second), 0U);
  EXPECT_EQ(sink.planned, sink.frames.size());
}

TEST(Parts, TooManyAreToldAndTheFirstLookedAt) {
  TAMIZ_LOAD_OR_SKIP(host, "odd.jpg");
  TAMIZ_LOAD_OR_SKIP(second, "baseline.jpg");
  Content content = host;
  for (std::uint32_t i = 0; i < media::kMaxParts; ++i) content = content + second;
  EXPECT_EQ(DecodeBytes(content).Reasons(), "");
  const RecordingSink sink = DecodeBytes(content + second);
  EXPECT_TRUE(sink.Has(IncompleteCode::kFrameLimit)) << sink.Reasons();
  EXPECT_EQ(sink.parts.size(), media::kMaxParts);
  EXPECT_EQ(sink.frames.size(), media::kMaxParts + 1);
}

TEST(Parts, WhatCannotBeDecodedIsAReason) {
  TAMIZ_LOAD_OR_SKIP(host, "baseline.jpg");
  TAMIZ_LOAD_OR_SKIP(clip, "h264.mp4");
  const RecordingSink cut = DecodeBytes(host + Content(clip.begin(), clip.begin() + 200));
  EXPECT_TRUE(cut.Has(IncompleteCode::kDecodeTruncated) || cut.Has(IncompleteCode::kDecodeFailed))
      << cut.Reasons();
  EXPECT_NE(cut.Reasons().find("part 1 (mp4 at byte"), std::string::npos) << cut.Reasons();
  EXPECT_EQ(cut.frames.size(), 1U);

  const Content content = host + clip;
  DecodeJob job = MakeJob(content);
  job.formats_off = std::uint64_t{1} << static_cast<unsigned>(FileFormat::kMp4);
  RecordingSink off;
  Decode(job, off);
  EXPECT_TRUE(off.Has(IncompleteCode::kFormatDisabled)) << off.Reasons();
  EXPECT_EQ(off.frames.size(), 1U);
}

TEST(Parts, BytesOfNoFormatAreCountedAndNoReason) {
  TAMIZ_LOAD_OR_SKIP(host, "original.png");
  const RecordingSink padded = DecodeBytes(host + Content(10'000, 0));
  EXPECT_EQ(padded.unrecognised, 0U);
  EXPECT_EQ(padded.Reasons(), "");
  const RecordingSink noisy = DecodeBytes(host + Bytes("\x01") + Noise(3'000'000) + Bytes("\x01"));
  EXPECT_EQ(noisy.unrecognised, 3'000'002U);
  EXPECT_EQ(noisy.Reasons(), "");
  EXPECT_TRUE(noisy.parts.empty());
}

TEST(Parts, SoundBehindAPictureTakesNothingAway) {
  TAMIZ_LOAD_OR_SKIP(host, "baseline.jpg");
  TAMIZ_LOAD_OR_SKIP(sound, "tone.ogg");
  const RecordingSink sink = DecodeBytes(host + sound);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 1U);
  EXPECT_EQ(sink.parts[0].format, FileFormat::kOgg);
}

TEST(Parts, MadeToLookLikeBeginningsAtEveryTurn) {
  TAMIZ_LOAD_OR_SKIP(host, "baseline.jpg");
  Content content = host;
  const Content begin = Bytes(std::string_view("\xFF\xD8\xFF\xE0\0\2\xFF", 7));
  for (int i = 0; i < 100'000; ++i) content.insert(content.end(), begin.begin(), begin.end());
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_TRUE(sink.Has(IncompleteCode::kTimeBudget)) << sink.Reasons();
  EXPECT_EQ(sink.frames.size(), 1U);  // what it is by its format was looked at first
}

class Covers : public testing::TestWithParam<const char*> {};

TEST_P(Covers, AreLookedAtAsPictures) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  TAMIZ_LOAD_OR_SKIP(picture, "baseline.jpg");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.Reasons(), "");
  ASSERT_EQ(sink.parts.size(), 1U);
  EXPECT_EQ(sink.parts[0].kind, PartKind::kAttached);
  EXPECT_EQ(sink.parts[0].format, FileFormat::kJpeg);
  EXPECT_LE(Nearest(sink, 1, picture), 4U);
}

INSTANTIATE_TEST_SUITE_P(Files, Covers,
                         testing::Values("cover.mp3", "cover.m4a", "cover.mp4", "cover.flac", "cover.ogg",
                                         "cover.mkv"));

TEST(Parts, TheBudgetLeavesFramesForThem) {
  TAMIZ_LOAD_OR_SKIP(content, "cover.mp4");
  TAMIZ_LOAD_OR_SKIP(picture, "baseline.jpg");
  DecodeJob job = MakeJob(content + picture);
  const Content both = content + picture;
  job.content = both;
  job.plan.spread = true;
  job.plan.interval = 100ms;
  job.plan.max_frames = 10;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_EQ(sink.parts.size(), 2U);
  EXPECT_LE(sink.frames.size(), 10U);
  EXPECT_LE(Nearest(sink, 2, picture), 0U);
}

}  // namespace
}  // namespace tamiz::decoder
