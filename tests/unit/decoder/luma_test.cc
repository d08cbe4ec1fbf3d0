#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "decoder/frame_luma.h"
#include "decoder/luma_convert.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;

TEST(Luma, RgbIsWithinHalfALevelOfTheFormula) {
  for (int r = 0; r < 256; r += 5) {
    for (int g = 0; g < 256; g += 5) {
      for (int b = 0; b < 256; b += 5) {
        const double exact = 0.299 * r + 0.587 * g + 0.114 * b;
        const std::uint8_t ours = RgbLuma(static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(g),
                                          static_cast<std::uint32_t>(b));
        ASSERT_LE(std::abs(ours - exact), 0.503) << r << "," << g << "," << b;
      }
    }
  }
  EXPECT_EQ(RgbLuma(255, 255, 255), 255);
}

TEST(Luma, LimitedRangeIsExpandedAndClamped) {
  EXPECT_EQ(ExpandLimited(0), 0);
  EXPECT_EQ(ExpandLimited(16), 0);
  EXPECT_EQ(ExpandLimited(126), 110 * 255 / 219);
  EXPECT_EQ(ExpandLimited(235), 255);
  EXPECT_EQ(ExpandLimited(255), 255);
}

TEST(Luma, OverWhite) {
  std::uint8_t luma[3] = {100, 100, 100};
  const std::uint8_t alpha[3] = {255, 0, 128};
  OverWhiteRow(luma, alpha, 3);
  EXPECT_EQ(luma[0], 100);
  EXPECT_EQ(luma[1], 255);
  EXPECT_EQ(luma[2], std::lround((100 * 128 + 255 * 127) / 255.0));
}

TEST(Luma, CmykBothWays) {
  // No ink is white, full black ink is black, in either notation.
  const std::uint8_t adobe[8] = {255, 255, 255, 255, 255, 255, 255, 0};
  const std::uint8_t plain[8] = {0, 0, 0, 0, 0, 0, 0, 255};
  std::uint8_t out[2];
  CmykRow(adobe, true, out, 2);
  EXPECT_EQ(out[0], 255);
  EXPECT_EQ(out[1], 0);
  CmykRow(plain, false, out, 2);
  EXPECT_EQ(out[0], 255);
  EXPECT_EQ(out[1], 0);
}

FramePtr MakeFrame(AVPixelFormat format, int width, int height) {
  FramePtr frame(av_frame_alloc());
  frame->format = format;
  frame->width = width;
  frame->height = height;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 0), 0);
  for (int plane = 0; plane < AV_NUM_DATA_POINTERS && frame->buf[plane] != nullptr; ++plane) {
    std::fill_n(frame->buf[plane]->data, frame->buf[plane]->size, std::uint8_t{0});
  }
  return frame;
}

std::uint8_t FirstPixel(const AVFrame& frame, FrameVariant variant = FrameVariant::kAsShown) {
  FrameLuma luma;
  if (!luma.Open(frame)) return 0xEE;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(frame.width) *
                                static_cast<std::size_t>(frame.height));
  luma.Write(out.data(), static_cast<std::size_t>(frame.width), variant);
  return out[0];
}

TEST(FrameLumaTest, TenBitLimitedAndFull) {
  const FramePtr frame = MakeFrame(AV_PIX_FMT_YUV420P10LE, 16, 16);
  auto* row = reinterpret_cast<std::uint16_t*>(frame->data[0]);
  row[0] = 504;
  EXPECT_EQ(FirstPixel(*frame), (504 - 64) * 255 / 876);
  frame->color_range = AVCOL_RANGE_JPEG;
  EXPECT_EQ(FirstPixel(*frame), std::lround(504 * 255.0 / 1023));
}

TEST(FrameLumaTest, HighBitsOfP010) {
  const FramePtr frame = MakeFrame(AV_PIX_FMT_P010LE, 16, 16);
  reinterpret_cast<std::uint16_t*>(frame->data[0])[0] = 940 << 6;
  EXPECT_EQ(FirstPixel(*frame), 255);
}

TEST(FrameLumaTest, PackedYuv) {
  const FramePtr yuyv = MakeFrame(AV_PIX_FMT_YUYV422, 16, 16);
  yuyv->data[0][0] = 235;
  EXPECT_EQ(FirstPixel(*yuyv), 255);
  const FramePtr uyvy = MakeFrame(AV_PIX_FMT_UYVY422, 16, 16);
  uyvy->data[0][1] = 235;
  EXPECT_EQ(FirstPixel(*uyvy), 255);
}

TEST(FrameLumaTest, SixteenBitRgbBigEndian) {
  const FramePtr frame = MakeFrame(AV_PIX_FMT_RGB48BE, 8, 8);
  frame->data[0][0] = 0x80;  // red 0x8000
  EXPECT_EQ(FirstPixel(*frame), std::lround(0.299 * 0x8000 / 257.0));
}

TEST(FrameLumaTest, PlanarRgb) {
  const FramePtr frame = MakeFrame(AV_PIX_FMT_GBRP, 8, 8);
  frame->data[0][0] = 200;  // green
  EXPECT_EQ(FirstPixel(*frame), std::lround(0.587 * 200));
  const FramePtr deep = MakeFrame(AV_PIX_FMT_GBRP12LE, 8, 8);
  reinterpret_cast<std::uint16_t*>(deep->data[0])[0] = 4095;
  EXPECT_EQ(FirstPixel(*deep), std::lround(0.587 * 255));
}

TEST(FrameLumaTest, BitsAndTheirInverse) {
  const FramePtr black = MakeFrame(AV_PIX_FMT_MONOBLACK, 16, 8);
  black->data[0][0] = 0x80;
  EXPECT_EQ(FirstPixel(*black), 255);
  const FramePtr white = MakeFrame(AV_PIX_FMT_MONOWHITE, 16, 8);
  white->data[0][0] = 0x80;
  EXPECT_EQ(FirstPixel(*white), 0);
}

TEST(FrameLumaTest, AlphaOfPlanarVideo) {
  const FramePtr frame = MakeFrame(AV_PIX_FMT_YUVA444P10LE, 8, 8);
  reinterpret_cast<std::uint16_t*>(frame->data[0])[0] = 64;
  FrameLuma luma;
  ASSERT_TRUE(luma.Open(*frame));
  EXPECT_TRUE(luma.has_transparency());
  EXPECT_EQ(FirstPixel(*frame, FrameVariant::kAsShown), 255);
  EXPECT_EQ(FirstPixel(*frame, FrameVariant::kAlphaIgnored), 0);
}

TEST(FrameLumaTest, RareFormatsGoThroughTheScaler) {
  for (const AVPixelFormat format :
       {AV_PIX_FMT_RGB565LE, AV_PIX_FMT_BGR555LE, AV_PIX_FMT_RGB8, AV_PIX_FMT_GBRPF32LE}) {
    const FramePtr frame = MakeFrame(format, 64, 16);
    for (int plane = 0; frame->buf[plane] != nullptr; ++plane) {
      if (format != AV_PIX_FMT_GBRPF32LE)
        std::fill_n(frame->buf[plane]->data, frame->buf[plane]->size, std::uint8_t{0xFF});
    }
    FrameLuma luma;
    EXPECT_TRUE(luma.Open(*frame)) << av_get_pix_fmt_name(format);
    const std::uint8_t pixel = FirstPixel(*frame);
    if (format == AV_PIX_FMT_RGB565LE || format == AV_PIX_FMT_RGB8) {
      EXPECT_GE(pixel, 250) << av_get_pix_fmt_name(format);
    }
  }
}

}  // namespace
}  // namespace tamiz::decoder
