// Damaged files: always a frame or a reason, never a crash; what is cut short says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using media::IncompleteCode;

// One of each parser; together with their mutations a few hundred decodes.
constexpr const char* kSubjects[] = {
    "baseline.jpg",        "progressive.jpg", "cmyk.jpg",    "palette.png", "grey16.png",
    "alpha.png",           "moving.gif",      "rgb.bmp",     "lzw.tiff",    "pages.tiff",
    "lossy.webp",          "lossless.webp",   "moving.webp", "still.heic",  "grid.avif",
    "moving.avif",         "h264.mp4",        "h264.mkv",    "h264.ts",     "h264.flv",
    "h264_fragmented.mp4", "hevc.mp4",        "vp8.webm",    "vp9.webm",    "av1.mkv",
    "mpeg2.mpg",           "mpeg4.avi",       "theora.ogv",  "wmv2.asf",    "prores.mov",
    "cover.mp3",           "moving_png.apng"};

class Damaged : public testing::TestWithParam<const char*> {};

void ExpectFrameOrReason(const std::vector<std::uint8_t>& content, media::FileFormat format,
                         const std::string& what) {
  DecodeJob job = MakeJob(content);
  job.format = format;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_TRUE(!sink.frames.empty() || !sink.codes.empty()) << what;
  EXPECT_FALSE(sink.padding_written) << what;
}

TEST_P(Damaged, AnythingGivesAFrameOrAReason) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  const media::FileFormat format = media::DetectFormat(content);
  std::mt19937 random(7);
  for (const std::size_t length :
       {content.size() / 50, content.size() / 4, content.size() / 2, content.size() - 1}) {
    ExpectFrameOrReason({content.begin(), content.begin() + static_cast<std::ptrdiff_t>(length)}, format,
                        "first " + std::to_string(length));
  }
  for (int round = 0; round < 6; ++round) {
    std::vector<std::uint8_t> mutated = content;
    const int flips = 1 << round;
    // The first rounds aim at headers, the others anywhere.
    const std::size_t range = round < 3 ? std::min<std::size_t>(mutated.size(), 600) : mutated.size();
    for (int i = 0; i < flips; ++i)
      mutated[random() % range] ^= static_cast<std::uint8_t>(1U << random() % 8);
    ExpectFrameOrReason(mutated, format, "round " + std::to_string(round));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Damaged, testing::ValuesIn(kSubjects));

class Truncated : public testing::TestWithParam<const char*> {};

TEST_P(Truncated, IsSaidAndStillShowsItsBeginning) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  const std::size_t length = content.size() * 7 / 10 / 188 * 188 + 90;
  const RecordingSink sink = DecodeBytes(std::span(content).first(length));
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
  EXPECT_FALSE(sink.frames.empty()) << sink.Reasons();
}

INSTANTIATE_TEST_SUITE_P(Formats, Truncated,
                         testing::Values("baseline.jpg", "progressive.jpg", "interlaced.png", "original.png",
                                         "moving_png.apng", "moving.gif", "still.gif", "lossy.webp",
                                         "lossless.webp", "moving.webp", "h264_faststart.mov",
                                         "h264_fragmented.mp4", "h264.mkv", "h264.flv", "h264.ts", "h264.avi",
                                         "vp8.webm", "vp9.webm", "av1.mkv", "mpeg4.avi", "mjpeg.avi",
                                         "theora.ogv", "rgb.bmp"));

// Its directory lies behind its pictures.
TEST(Damage, TiffWithoutItsDirectorySaysThatItIsCut) {
  TAMIZ_LOAD_OR_SKIP(content, "none.tiff");
  const RecordingSink sink = DecodeBytes(std::span(content).first(content.size() / 2));
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeFailed)) << sink.Reasons();
}

// The index of an MP4 file lies behind its pictures unless its writer moved it.
TEST(Damage, Mp4WithoutItsIndexSaysThatItIsCut) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  const RecordingSink sink = DecodeBytes(std::span(content).first(content.size() / 2));
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeFailed)) << sink.Reasons();
}

TEST(Damage, BytesLostInTheMiddleOfAVideoAreSaid) {
  TAMIZ_LOAD_OR_SKIP(content, "h264_faststart.mov");
  std::vector<std::uint8_t> mutated = content;
  for (std::size_t i = mutated.size() / 2; i < mutated.size() / 2 + 4000; ++i) mutated[i] = 0x55;
  const RecordingSink sink = DecodeBytes(mutated);
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
  EXPECT_FALSE(sink.frames.empty());
}

TEST(Damage, PngShowsItsRowsBeforeAnError) {
  TAMIZ_LOAD_OR_SKIP(content, "original.png");
  std::vector<std::uint8_t> mutated = content;
  for (std::size_t i = mutated.size() * 3 / 4; i < mutated.size() * 3 / 4 + 200; ++i) mutated[i] ^= 0xA5;
  const RecordingSink sink = DecodeBytes(mutated);
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
  ASSERT_EQ(sink.frames.size(), 1U) << sink.Reasons();
  const RecordingSink whole = DecodeBytes(content);
  const auto rows = static_cast<std::ptrdiff_t>(640 * 240);
  EXPECT_TRUE(std::equal(sink.frames[0].luma.begin(), sink.frames[0].luma.begin() + rows,
                         whole.frames.at(0).luma.begin()));
}

TEST(Damage, WrongPngChecksumIsSaid) {
  TAMIZ_LOAD_OR_SKIP(content, "original.png");
  std::vector<std::uint8_t> mutated = content;
  mutated[mutated.size() - 14] ^= 1;  // checksum of the last IDAT
  const RecordingSink sink = DecodeBytes(mutated);
  EXPECT_EQ(sink.frames.size(), 1U);
  EXPECT_TRUE(sink.Has(IncompleteCode::kDecodeTruncated)) << sink.Reasons();
}

}  // namespace
}  // namespace tamiz::decoder
