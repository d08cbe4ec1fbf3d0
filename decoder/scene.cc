#include "decoder/scene.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tamiz::decoder {
namespace {

constexpr int kColumns = 48;
constexpr int kRows = 27;
// Grey levels, mean over the points. A cut between unlike pictures gives 40 to 80, a fast pan 5 to 15.
constexpr double kLeastCut = 18;
constexpr double kTimesUsual = 3;

// The first plane's samples at the grid's points, 8 bits each; what they mean does not matter here.
bool Sample(const AVFrame& frame, std::vector<std::uint8_t>& points) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (format == nullptr || frame.data[0] == nullptr ||
      (format->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM)) != 0) {
    return false;
  }
  const AVComponentDescriptor& luma = format->comp[0];
  const bool wide = luma.depth > 8;
  points.clear();
  for (int y = 0; y < kRows; ++y) {
    const std::uint8_t* row =
        frame.data[luma.plane] + std::ptrdiff_t{frame.linesize[luma.plane]} * (y * frame.height / kRows);
    for (int x = 0; x < kColumns; ++x) {
      const std::uint8_t* at = row + std::ptrdiff_t{luma.step} * (x * frame.width / kColumns) + luma.offset;
      // Of wide samples the upper eight of the bits in use, little-endian as decoders give them.
      points.push_back(
          wide ? static_cast<std::uint8_t>((at[0] | at[1] << 8) >> luma.shift >> (luma.depth - 8)) : at[0]);
    }
  }
  return true;
}

}  // namespace

bool SceneDetector::IsNew(const AVFrame& frame) {
  if (!Sample(frame, next_)) return false;
  const bool comparable = points_.size() == next_.size() && width_ == frame.width && height_ == frame.height;
  bool is_new = !comparable;
  if (comparable) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < points_.size(); ++i)
      sum += static_cast<std::uint64_t>(std::abs(int{points_[i]} - int{next_[i]}));
    const double difference = static_cast<double>(sum) / static_cast<double>(points_.size());
    is_new = difference >= kLeastCut && difference >= kTimesUsual * usual_;
    // A cut says nothing about what is usual within a scene.
    if (!is_new) usual_ = 0.8 * usual_ + 0.2 * difference;
    if (is_new) usual_ = 0;
  }
  points_.swap(next_);
  width_ = frame.width;
  height_ = frame.height;
  return is_new;
}

}  // namespace tamiz::decoder
