#include "decoder/orientation.h"

#include <algorithm>
#include <cstring>

#include "decoder/tiff_reader.h"

namespace tamiz::decoder {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3;

// Blocks of a transposition small enough for the first-level cache on both sides.
constexpr std::uint32_t kBlock = 32;

void FlipRow(const std::uint8_t* in, std::uint8_t* out, std::uint32_t width) {
  std::reverse_copy(in, in + width, out);
}

}  // namespace

int ReadExifOrientation(std::span<const std::uint8_t> exif) {
  static constexpr std::uint8_t kPrefix[6] = {'E', 'x', 'i', 'f', 0, 0};
  if (exif.size() >= 6 && std::equal(std::begin(kPrefix), std::end(kPrefix), exif.begin()))
    exif = exif.subspan(6);
  if (exif.size() < 8) return 0;
  const bool big = exif[0] == 'M' && exif[1] == 'M';
  if (!big && !(exif[0] == 'I' && exif[1] == 'I')) return 0;
  const TiffReader tiff(exif, big);
  if (tiff.U16(2) != 42) return 0;
  const std::size_t directory = tiff.U32(4);
  if (!tiff.Has(directory, 2)) return 0;
  const std::uint32_t entries = tiff.U16(directory);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    if (!tiff.Has(entry, 12)) return 0;
    if (tiff.U16(entry) != kOrientationTag) continue;
    const std::uint32_t value = tiff.U16(entry + 2) == kShort ? tiff.U16(entry + 8) : tiff.U32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 0;
  }
  return 0;
}

void TurnLuma(const media::LumaView& picture, int orientation, std::uint8_t* out, std::size_t out_stride) {
  const std::uint32_t width = picture.width;
  const std::uint32_t height = picture.height;
  const bool mirrored = orientation == 2 || orientation == 3;     // columns from the right
  const bool upside_down = orientation == 3 || orientation == 4;  // rows from the bottom
  if (orientation < 5) {
    for (std::uint32_t y = 0; y < height; ++y) {
      const std::uint8_t* in = picture.data + picture.stride * (upside_down ? height - 1 - y : y);
      if (mirrored) {
        FlipRow(in, out + out_stride * y, width);
      } else {
        std::memcpy(out + out_stride * y, in, width);
      }
    }
    return;
  }
  // Output (x, y) shows stored column y or its mirror, stored row x or its mirror:
  // 5 transposed, 6 turned right, 7 transverse, 8 turned left.
  const bool flip_rows = orientation == 6 || orientation == 7;     // stored row height-1-x
  const bool flip_columns = orientation == 7 || orientation == 8;  // stored column width-1-y
  for (std::uint32_t y0 = 0; y0 < height; y0 += kBlock) {
    const std::uint32_t y1 = std::min(height, y0 + kBlock);
    for (std::uint32_t x0 = 0; x0 < width; x0 += kBlock) {
      const std::uint32_t x1 = std::min(width, x0 + kBlock);
      for (std::uint32_t x = x0; x < x1; ++x) {
        std::uint8_t* row = out + out_stride * (flip_columns ? width - 1 - x : x);
        const std::uint8_t* column = picture.data + x;
        for (std::uint32_t y = y0; y < y1; ++y) {
          row[flip_rows ? height - 1 - y : y] = column[picture.stride * y];
        }
      }
    }
  }
}

}  // namespace tamiz::decoder
