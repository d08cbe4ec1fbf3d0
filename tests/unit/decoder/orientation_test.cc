#include "decoder/orientation.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Exif(int orientation, bool big_endian) {
  const auto value = static_cast<std::uint8_t>(orientation);
  if (big_endian)
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0};
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
}

TEST(Exif, OrientationIsReadInBothByteOrders) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(ReadExifOrientation(Exif(orientation, false)), orientation);
    EXPECT_EQ(ReadExifOrientation(Exif(orientation, true)), orientation);
  }
  EXPECT_EQ(ReadExifOrientation(Exif(0, false)), 0);
  EXPECT_EQ(ReadExifOrientation(Exif(9, false)), 0);
}

TEST(Exif, CutBlocksAreReadSafely) {
  const Bytes whole = Exif(6, true);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const int orientation = ReadExifOrientation(cut);
    EXPECT_TRUE(orientation == 0 || orientation == 6);
  }
  Bytes far = whole;
  far[4] = 0xFF;  // the directory lies far past the end
  EXPECT_EQ(ReadExifOrientation(far), 0);
}

// Where the pixel that is shown at (x, y) is stored, after the drawings of Exif 2.32, 4.6.5.
std::pair<std::uint32_t, std::uint32_t> Stored(int orientation, std::uint32_t x, std::uint32_t y,
                                               std::uint32_t width, std::uint32_t height) {
  switch (orientation) {
    case 2:
      return {width - 1 - x, y};
    case 3:
      return {width - 1 - x, height - 1 - y};
    case 4:
      return {x, height - 1 - y};
    case 5:
      return {y, x};
    case 6:
      return {y, height - 1 - x};
    case 7:
      return {width - 1 - y, height - 1 - x};
    case 8:
      return {width - 1 - y, x};
    default:
      return {x, y};
  }
}

TEST(TurnLuma, MovesEveryPixelToItsPlace) {
  constexpr std::uint32_t kWidth = 75;  // not a multiple of the blocks
  constexpr std::uint32_t kHeight = 41;
  Bytes picture(kWidth * kHeight);
  for (std::size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool swapped = orientation >= 5;
    const std::uint32_t width = swapped ? kHeight : kWidth;
    const std::uint32_t height = swapped ? kWidth : kHeight;
    constexpr std::size_t kStride = 128;
    Bytes out(kStride * height, 0);
    TurnLuma({picture.data(), kWidth, kHeight, kWidth}, orientation, out.data(), kStride);
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const auto [sx, sy] = Stored(orientation, x, y, kWidth, kHeight);
        ASSERT_EQ(out[kStride * y + x], picture[kWidth * sy + sx]) << orientation << ": " << x << "," << y;
      }
    }
  }
}

// `jpeg` with an APP1 segment behind its start.
Bytes WithExif(const Bytes& jpeg, int orientation) {
  const Bytes exif = Exif(orientation, orientation % 2 == 0);
  const std::size_t length = 2 + 6 + exif.size();
  Bytes out = {0xFF,
               0xD8,
               0xFF,
               0xE1,
               static_cast<std::uint8_t>(length >> 8),
               static_cast<std::uint8_t>(length),
               'E',
               'x',
               'i',
               'f',
               0,
               0};
  out.insert(out.end(), exif.begin(), exif.end());
  out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
  return out;
}

class Oriented : public testing::TestWithParam<int> {};

TEST_P(Oriented, JpegIsShownUpright) {
  const int orientation = GetParam();
  TAMIZ_LOAD_OR_SKIP(stored, "stored_" + std::to_string(orientation) + ".jpg");
  TAMIZ_LOAD_OR_SKIP(original, "original.png");
  const RecordingSink sink = DecodeBytes(WithExif(stored, orientation));
  ASSERT_EQ(sink.frames.size(), 1U) << sink.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_EQ(sink.media.exif_orientation, static_cast<std::uint32_t>(orientation));
  EXPECT_EQ(sink.media.width, 640U);
  EXPECT_EQ(sink.media.height, 480U);
  EXPECT_EQ(sink.frames[0].width, 640U);
  EXPECT_EQ(sink.frames[0].height, 480U);
  EXPECT_LE(hash::Distance(sink.frames[0].Pdq().hash, DecodeBytes(original).frames.at(0).Pdq().hash), 6U);
}

INSTANTIATE_TEST_SUITE_P(Exif, Oriented, testing::Range(1, 9));

// `webp` of the simple kind in the extended one, with an EXIF chunk.
TEST(Orientation, WebpIsShownUpright) {
  TAMIZ_LOAD_OR_SKIP(simple, "stored_6.webp");
  TAMIZ_LOAD_OR_SKIP(original, "original.png");
  const Bytes exif = Exif(6, false);
  Bytes body = {'W', 'E',  'B', 'P', 'V', 'P', '8', 'X', 10,  0, 0,
                0,   0x08, 0,   0,   0,   223, 1,   0,   127, 2, 0};  // 480x640
  body.insert(body.end(), simple.begin() + 12, simple.end());
  body.insert(body.end(), {'E', 'X', 'I', 'F', static_cast<std::uint8_t>(exif.size()), 0, 0, 0});
  body.insert(body.end(), exif.begin(), exif.end());
  Bytes webp = {'R', 'I', 'F', 'F'};
  for (int i = 0; i < 4; ++i) webp.push_back(static_cast<std::uint8_t>(body.size() >> (8 * i)));
  webp.insert(webp.end(), body.begin(), body.end());
  const RecordingSink sink = DecodeBytes(webp);
  ASSERT_EQ(sink.frames.size(), 1U) << sink.Reasons();
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_EQ(sink.media.exif_orientation, 6U);
  EXPECT_EQ(sink.frames[0].width, 640U);
  EXPECT_LE(hash::Distance(sink.frames[0].Pdq().hash, DecodeBytes(original).frames.at(0).Pdq().hash), 12U);
}

}  // namespace
}  // namespace tamiz::decoder
