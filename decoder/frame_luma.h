// The luma of FFmpeg's frames, whatever their pixel format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "decoder/ffmpeg_handles.h"
#include "decoder/frame_sink.h"

namespace tamiz::decoder {

// YUV gives its Y plane, expanded to full range if it is limited; RGB and palettes BT.601 luma; more than 8
// bits are rounded to 8; no tone mapping. Formats that no common decoder gives go through swscale. Keeps its
// tables between frames of one stream. Not thread-safe.
class FrameLuma {
 public:
  // Looks at `frame`, which must outlive the calls of Write. False if its format cannot be converted.
  [[nodiscard]] bool Open(const AVFrame& frame);
  // Whether any pixel is not opaque.
  [[nodiscard]] bool has_transparency() const { return transparent_; }
  void Write(std::uint8_t* out, std::size_t stride, media::FrameVariant variant);

 private:
  enum class Kind { kNone, kPlane8, kPlane8Limited, kPlane16, kRgb8, kRgb16, kPalette, kBits };

  void Classify(const AVFrame& frame);
  [[nodiscard]] bool Rescale(const AVFrame& frame);
  void PrepareTable(int depth, bool limited);
  void LumaRow(int y, std::uint8_t* out) const;
  void AlphaRow(int y, std::uint8_t* out) const;
  [[nodiscard]] bool FindTransparency();

  const AVFrame* frame_ = nullptr;
  const AVPixFmtDescriptor* descriptor_ = nullptr;
  Kind kind_ = Kind::kNone;
  bool has_alpha_ = false;
  bool transparent_ = false;
  bool inverted_bits_ = false;
  FramePtr converted_;
  SwsPtr scaler_;
  // Luma of each sample of table_depth_ bits.
  std::vector<std::uint8_t> table_;
  int table_depth_ = 0;
  bool table_limited_ = false;
  std::vector<std::uint8_t> alpha_row_;
};

}  // namespace tamiz::decoder
