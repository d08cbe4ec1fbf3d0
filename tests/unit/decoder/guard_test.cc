// Small files that would cost a decoder much: each ends fast and says what it was not given.
#include <gtest/gtest.h>

#include <zlib.h>

#include <ctime>
#include <functional>

extern "C" {
#include <libavutil/crc.h>
}

#include "decoder/jpeg_guard.h"
#include "decoder/png_guard.h"
#include "decoder/tiff_guard.h"
#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using media::IncompleteCode;
using Bytes = std::vector<std::uint8_t>;

double CpuSeconds(const std::function<void()>& work) {
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  work();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  return static_cast<double>(after.tv_sec - before.tv_sec) +
         1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
}

void Append32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void AppendChunk(Bytes& out, const char* type, const Bytes& body) {
  Append32(out, static_cast<std::uint32_t>(body.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type, type + 4);
  out.insert(out.end(), body.begin(), body.end());
  Append32(out,
           ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0xFFFFFFFFU, out.data() + begin, out.size() - begin));
}

Bytes PngHeader(std::uint32_t width, std::uint32_t height) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Bytes header;
  Append32(header, width);
  Append32(header, height);
  header.insert(header.end(), {8, 2, 0, 0, 0});
  AppendChunk(png, "IHDR", header);
  return png;
}

TEST(PngGuard, DropsWhatNoPictureNeeds) {
  TAMIZ_LOAD_OR_SKIP(content, "original.png");
  // Compressed text behind the header, far larger than the picture.
  Bytes bomb(content.begin(), content.begin() + 33);
  for (int i = 0; i < 20; ++i) AppendChunk(bomb, "zTXt", Bytes(1'000'000, 0x78));
  bomb.insert(bomb.end(), content.begin() + 33, content.end());
  const PngOutline outline = OutlinePng(bomb);
  EXPECT_LE(outline.bytes, content.size());
  EXPECT_FALSE(outline.damaged);
  RecordingSink sink;
  EXPECT_LT(CpuSeconds([&] { Decode(MakeJob(bomb), sink); }), 2.0);
  ASSERT_EQ(sink.frames.size(), 1U);
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_EQ(sink.frames[0].luma, DecodeBytes(content).frames.at(0).luma);
}

TEST(PngGuard, PixelsBehindTheLastRowAreNotInflated) {
  // 16 pixels in a square, then some gigabytes of zeros.
  z_stream deflater{};
  ASSERT_EQ(deflateInit(&deflater, 9), Z_OK);
  Bytes compressed(4'000'000);
  Bytes zeros(16'000'000);
  deflater.next_out = compressed.data();
  deflater.avail_out = static_cast<uInt>(compressed.size());
  for (int i = 0; i < 200; ++i) {
    deflater.next_in = zeros.data();
    deflater.avail_in = static_cast<uInt>(zeros.size());
    ASSERT_EQ(deflate(&deflater, i == 199 ? Z_FINISH : Z_NO_FLUSH), i == 199 ? Z_STREAM_END : Z_OK);
  }
  compressed.erase(compressed.begin() + static_cast<std::ptrdiff_t>(deflater.total_out), compressed.end());
  deflateEnd(&deflater);
  ASSERT_GT(compressed.size(), 2'000'000U);
  Bytes png = PngHeader(16, 16);
  AppendChunk(png, "IDAT", compressed);
  AppendChunk(png, "IEND", {});
  RecordingSink sink;
  EXPECT_LT(CpuSeconds([&] { Decode(MakeJob(png), sink); }), 0.5);
  ASSERT_EQ(sink.frames.size(), 1U) << sink.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
}

TEST(PngGuard, SizeIsRefusedBeforeMemoryIsAskedFor) {
  for (const auto& [width, height] : {std::pair{30000U, 30000U}, {1'000'000U, 90U}, {90U, 1'000'000U}}) {
    Bytes png = PngHeader(width, height);
    AppendChunk(png, "IDAT", Bytes(1000, 0));
    RecordingSink sink;
    EXPECT_LT(CpuSeconds([&] { Decode(MakeJob(png), sink); }), 0.5);
    EXPECT_TRUE(sink.frames.empty());
    EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit)) << sink.Reasons();
  }
}

TEST(GifGuard, SizeIsRefused) {
  const Bytes gif = {'G', 'I', 'F', '8',  '9',  'a',  0xFF, 0xFF, 0xFF, 0xFF, 0,    0, 0, 0x2C, 0,
                     0,   0,   0,   0xFF, 0xFF, 0xFF, 0xFF, 0,    2,    2,    0x44, 1, 0, 0x3B};
  const RecordingSink sink = DecodeBytes(gif);
  EXPECT_TRUE(sink.frames.empty());
  EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit)) << sink.Reasons();
}

TEST(BmpGuard, SizeIsRefused) {
  Bytes bmp(54, 0);
  bmp[0] = 'B';
  bmp[1] = 'M';
  bmp[10] = 54;
  bmp[14] = 40;
  bmp[20] = 0x10;  // width 2^20
  bmp[22] = 1;
  bmp[26] = 1;
  bmp[28] = 24;
  const RecordingSink sink = DecodeBytes(bmp);
  EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit)) << sink.Reasons();
}

// A progressive picture whose last scan comes again and again.
Bytes ManyScans(const Bytes& progressive, int copies) {
  std::size_t last = 0;
  for (std::size_t i = 0; i + 1 < progressive.size(); ++i) {
    if (progressive[i] == 0xFF && progressive[i + 1] == 0xDA) last = i;
  }
  Bytes out(progressive.begin(), progressive.end() - 2);
  for (int i = 0; i < copies; ++i) {
    out.insert(out.end(), progressive.begin() + static_cast<std::ptrdiff_t>(last), progressive.end() - 2);
  }
  out.insert(out.end(), {0xFF, 0xD9});
  return out;
}

TEST(JpegGuard, ScansAreCounted) {
  TAMIZ_LOAD_OR_SKIP(content, "progressive.jpg");
  const JpegOutline outline = OutlineJpeg(content, 1000);
  EXPECT_TRUE(outline.has_end_marker);
  EXPECT_GT(outline.scans, 3U);
  EXPECT_EQ(outline.decodable_bytes, content.size());
  EXPECT_EQ(outline.width, 640U);
  EXPECT_EQ(outline.height, 480U);
  const JpegOutline more = OutlineJpeg(ManyScans(content, 500), 100);
  EXPECT_EQ(more.scans, outline.scans + 500);
  EXPECT_LT(more.decodable_bytes, content.size() * 200);
}

TEST(JpegGuard, TooManyScansStillShowThePicture) {
  TAMIZ_LOAD_OR_SKIP(content, "progressive.jpg");
  const Bytes bomb = ManyScans(content, 2000);
  RecordingSink sink;
  EXPECT_LT(CpuSeconds([&] { Decode(MakeJob(bomb), sink); }), 3.0);
  EXPECT_TRUE(sink.Has(IncompleteCode::kTimeBudget)) << sink.Reasons();
  ASSERT_EQ(sink.frames.size(), 1U);
  const hash::Hash256 wanted = DecodeBytes(content).frames.at(0).Pdq().hash;
  EXPECT_LE(hash::Distance(sink.frames[0].Pdq().hash, wanted), 31U);
}

TEST(JpegGuard, SizeIsRefused) {
  TAMIZ_LOAD_OR_SKIP(content, "baseline.jpg");
  DecodeJob job = MakeJob(content);
  job.limits.max_frame_pixels = 640 * 480 - 1;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_TRUE(sink.frames.empty());
  EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit));
  EXPECT_NE(sink.Reasons().find("640x480"), std::string::npos);
}

TEST(TiffGuard, LoopOfDirectoriesEnds) {
  const Bytes tiff = {'I', 'I', 42, 0, 8, 0, 0,
                      0,   0,   0,  8, 0, 0, 0};  // the directory names itself as the next
  const TiffOutline outline = OutlineTiff(tiff, 32);
  EXPECT_EQ(outline.pages.size(), 32U);
  EXPECT_TRUE(outline.more_pages);
  EXPECT_FALSE(DecodeBytes(tiff).codes.empty());
}

class Limited : public testing::TestWithParam<const char*> {};

TEST_P(Limited, SizeIsRefusedWhereverItIsStated) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  for (const bool by_side : {false, true}) {
    DecodeJob job = MakeJob(content);
    if (by_side) {
      job.limits.max_dimension = 300;
    } else {
      job.limits.max_frame_pixels = 320 * 240 - 1;
    }
    RecordingSink sink;
    Decode(job, sink);
    EXPECT_TRUE(sink.frames.empty());
    EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit)) << sink.Reasons();
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Limited,
                         testing::Values("h264.mp4", "h264.ts", "hevc.mp4", "vp8.webm", "vp9.webm", "av1.mkv",
                                         "mpeg2.mpg", "mpeg4.avi", "moving.gif", "moving_png.apng",
                                         "moving.webp", "still.heic", "still.avif", "moving.avif",
                                         "lossy.webp", "lzw.tiff"));

TEST(Limits, PixelsInAllEndTheWork) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  DecodeJob job = MakeJob(content);
  job.limits.max_total_pixels = 320 * 240 * 30;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_EQ(sink.frames.size(), 2U);
  EXPECT_TRUE(sink.Has(IncompleteCode::kPixelLimit)) << sink.Reasons();
}

TEST(Limits, PacketsEndTheWork) {
  TAMIZ_LOAD_OR_SKIP(content, "mpeg2.ts");
  DecodeJob job = MakeJob(content);
  job.limits.max_packets = 40;
  RecordingSink sink;
  Decode(job, sink);
  EXPECT_TRUE(sink.Has(IncompleteCode::kFrameLimit)) << sink.Reasons();
  EXPECT_LT(sink.frames.size(), 3U);
}

}  // namespace
}  // namespace tamiz::decoder
