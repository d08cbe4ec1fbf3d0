#include "decoder/repeat.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace tamiz::decoder {
namespace {

constexpr int kCells = 64;

// Bytes of a luma sample where the first plane is luma and nothing else, 0 for other formats.
int LumaBytes(const AVPixFmtDescriptor& format) {
  constexpr std::uint64_t kOther = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_ALPHA |
                                   AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                   AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_BE;
  const AVComponentDescriptor& luma = format.comp[0];
  if ((format.flags & kOther) != 0 || luma.plane != 0 || luma.offset != 0 || luma.shift != 0) return 0;
  if (luma.depth == 8 && luma.step == 1) return 1;
  if (luma.depth > 8 && luma.depth <= 16 && luma.step == 2) return 2;
  return 0;
}

template <typename Sample>
std::int64_t Difference(const std::uint8_t* a, const std::uint8_t* b, int begin, int end) {
  const auto* left = reinterpret_cast<const Sample*>(a);
  const auto* right = reinterpret_cast<const Sample*>(b);
  std::int32_t sum = 0;
  for (int x = begin; x < end; ++x) sum += int{left[x]} - int{right[x]};
  return sum;
}

template <typename Sample>
bool LooksTheSame(const AVFrame& a, const AVFrame& b, int depth) {
  const int columns = std::min(kCells, a.width);
  const int rows = std::min(kCells, a.height);
  for (int row = 0; row < rows; ++row) {
    const int top = static_cast<int>(std::int64_t{row} * a.height / rows);
    const int bottom = static_cast<int>(std::int64_t{row + 1} * a.height / rows);
    std::int64_t sums[kCells] = {};
    for (int y = top; y < bottom; ++y) {
      const std::uint8_t* left = a.data[0] + std::ptrdiff_t{a.linesize[0]} * y;
      const std::uint8_t* right = b.data[0] + std::ptrdiff_t{b.linesize[0]} * y;
      for (int column = 0; column < columns; ++column) {
        sums[column] +=
            Difference<Sample>(left, right, static_cast<int>(std::int64_t{column} * a.width / columns),
                               static_cast<int>(std::int64_t{column + 1} * a.width / columns));
      }
    }
    for (int column = 0; column < columns; ++column) {
      const std::int64_t count =
          (std::int64_t{column + 1} * a.width / columns - std::int64_t{column} * a.width / columns) *
          (bottom - top);
      if (4 * std::abs(sums[column]) > count << (depth - 8)) return false;
    }
  }
  return true;
}

}  // namespace

bool RepeatDetector::IsRepeat(const AVFrame& frame) const {
  if (kept_ == nullptr || kept_->width != frame.width || kept_->height != frame.height ||
      kept_->format != frame.format || kept_->color_range != frame.color_range || frame.data[0] == nullptr) {
    return false;
  }
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (format == nullptr) return false;
  switch (LumaBytes(*format)) {
    case 1:
      return LooksTheSame<std::uint8_t>(frame, *kept_, 8);
    case 2:
      return LooksTheSame<std::uint16_t>(frame, *kept_, format->comp[0].depth);
    default:
      return false;
  }
}

void RepeatDetector::Keep(const AVFrame& frame) { kept_.reset(av_frame_clone(&frame)); }

}  // namespace tamiz::decoder
