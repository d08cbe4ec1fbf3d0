#include "decoder/frame_luma.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "decoder/luma_convert.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;

// One component of a frame: where its samples are and how they are stored.
struct Samples {
  const std::uint8_t* row;
  std::size_t step;
  int shift;
  std::uint32_t mask;
  bool swapped;

  [[nodiscard]] std::uint32_t At16(std::size_t x) const {
    std::uint16_t value;
    std::memcpy(&value, row + x * step, sizeof value);
    if (swapped) value = static_cast<std::uint16_t>(value << 8 | value >> 8);
    return std::uint32_t{value} >> shift & mask;
  }
};

Samples Component(const AVFrame& frame, const AVPixFmtDescriptor& descriptor, int component, int y) {
  const AVComponentDescriptor& c = descriptor.comp[component];
  const bool big = (descriptor.flags & AV_PIX_FMT_FLAG_BE) != 0;
  return {frame.data[c.plane] + std::ptrdiff_t{frame.linesize[c.plane]} * y + c.offset,
          static_cast<std::size_t>(c.step), c.shift, (1U << c.depth) - 1,
          big != (std::endian::native == std::endian::big)};
}

// `value` of `depth` bits to 8 bits, rounded to nearest.
constexpr std::uint32_t To8(std::uint32_t value, std::uint32_t max) { return (value * 255 + max / 2) / max; }

bool IsFullRangeFormat(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
      return true;
    default:
      return false;
  }
}

bool IsLimited(const AVFrame& frame, const AVPixFmtDescriptor& descriptor) {
  if (IsFullRangeFormat(frame.format) || frame.color_range == AVCOL_RANGE_JPEG) return false;
  const bool grey = descriptor.nb_components <= 2;
  return !grey || frame.color_range == AVCOL_RANGE_MPEG;
}

}  // namespace

void FrameLuma::Classify(const AVFrame& frame) {
  kind_ = Kind::kNone;
  const auto format = static_cast<AVPixelFormat>(frame.format);
  descriptor_ = av_pix_fmt_desc_get(format);
  if (descriptor_ == nullptr) return;
  const std::uint64_t flags = descriptor_->flags;
  has_alpha_ = (flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
  if (format == AV_PIX_FMT_MONOBLACK || format == AV_PIX_FMT_MONOWHITE) {
    kind_ = Kind::kBits;
    inverted_bits_ = format == AV_PIX_FMT_MONOWHITE;
    return;
  }
  if (format == AV_PIX_FMT_PAL8) {
    kind_ = Kind::kPalette;
    has_alpha_ = true;
    return;
  }
  constexpr std::uint64_t kStrange = AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                     AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_PAL;
  if ((flags & kStrange) != 0 || format == AV_PIX_FMT_UYYVYY411 || format == AV_PIX_FMT_XYZ12LE ||
      format == AV_PIX_FMT_XYZ12BE) {
    return;
  }
  const int depth = descriptor_->comp[0].depth;
  for (int i = 0; i < descriptor_->nb_components; ++i) {
    const AVComponentDescriptor& c = descriptor_->comp[i];
    if (c.depth != depth || depth < 8 || depth > 16 || (depth == 8 && c.shift != 0)) return;
  }
  if ((flags & AV_PIX_FMT_FLAG_RGB) != 0) {
    kind_ = depth == 8 ? Kind::kRgb8 : Kind::kRgb16;
    return;
  }
  const bool limited = IsLimited(frame, *descriptor_);
  kind_ = depth > 8 ? Kind::kPlane16 : limited ? Kind::kPlane8Limited : Kind::kPlane8;
  if (depth > 8) PrepareTable(depth, limited);
}

void FrameLuma::PrepareTable(int depth, bool limited) {
  if (table_depth_ == depth && table_limited_ == limited) return;
  const std::uint32_t max = (1U << depth) - 1;
  table_.resize(std::size_t{max} + 1);
  const auto low = static_cast<std::int64_t>(16) << (depth - 8);
  const auto range = static_cast<std::int64_t>(219) << (depth - 8);
  for (std::uint32_t v = 0; v <= max; ++v) {
    const std::int64_t offset = std::clamp<std::int64_t>(std::int64_t{v} - low, 0, range);
    table_[v] = static_cast<std::uint8_t>(limited ? offset * 255 / range : To8(v, max));
  }
  table_depth_ = depth;
  table_limited_ = limited;
}

bool FrameLuma::Rescale(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  if (descriptor_ == nullptr || (descriptor_->flags & AV_PIX_FMT_FLAG_HWACCEL) != 0 ||
      sws_isSupportedInput(format) == 0) {
    return false;
  }
  const bool alpha = (descriptor_->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
  const AVPixelFormat target = alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
  scaler_.reset(sws_getContext(frame.width, frame.height, format, frame.width, frame.height, target,
                               SWS_POINT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP,
                               nullptr, nullptr, nullptr));
  converted_.reset(av_frame_alloc());
  if (scaler_ == nullptr || converted_ == nullptr) return false;
  converted_->format = target;
  converted_->width = frame.width;
  converted_->height = frame.height;
  if (av_frame_get_buffer(converted_.get(), 0) < 0) return false;
  if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, converted_->data,
                converted_->linesize) != frame.height) {
    return false;
  }
  frame_ = converted_.get();
  Classify(*frame_);
  return kind_ != Kind::kNone;
}

bool FrameLuma::Open(const AVFrame& frame) {
  frame_ = &frame;
  transparent_ = false;
  if (frame.width <= 0 || frame.height <= 0) return false;
  Classify(frame);
  if (kind_ == Kind::kNone && !Rescale(frame)) return false;
  alpha_row_.resize(static_cast<std::size_t>(frame.width));
  transparent_ = has_alpha_ && FindTransparency();
  return true;
}

bool FrameLuma::FindTransparency() {
  for (int y = 0; y < frame_->height; ++y) {
    AlphaRow(y, alpha_row_.data());
    std::uint8_t all = 255;
    for (const std::uint8_t a : alpha_row_) all &= a;
    if (all != 255) return true;
  }
  return false;
}

void FrameLuma::AlphaRow(int y, std::uint8_t* out) const {
  const auto width = static_cast<std::size_t>(frame_->width);
  if (kind_ == Kind::kPalette) {
    const std::uint8_t* row = frame_->data[0] + std::ptrdiff_t{frame_->linesize[0]} * y;
    const auto* palette = reinterpret_cast<const std::uint32_t*>(frame_->data[1]);
    for (std::size_t x = 0; x < width; ++x) out[x] = static_cast<std::uint8_t>(palette[row[x]] >> 24);
    return;
  }
  const Samples alpha = Component(*frame_, *descriptor_, descriptor_->nb_components - 1, y);
  if (alpha.mask == 255) {
    for (std::size_t x = 0; x < width; ++x) out[x] = alpha.row[x * alpha.step];
  } else {
    for (std::size_t x = 0; x < width; ++x)
      out[x] = static_cast<std::uint8_t>(To8(alpha.At16(x), alpha.mask));
  }
}

void FrameLuma::LumaRow(int y, std::uint8_t* out) const {
  const auto width = static_cast<std::size_t>(frame_->width);
  const std::uint8_t* row = frame_->data[0] + std::ptrdiff_t{frame_->linesize[0]} * y;
  switch (kind_) {
    case Kind::kNone:
      break;
    case Kind::kPlane8: {
      const Samples luma = Component(*frame_, *descriptor_, 0, y);
      if (luma.step == 1) {
        std::memcpy(out, luma.row, width);
      } else {
        for (std::size_t x = 0; x < width; ++x) out[x] = luma.row[x * luma.step];
      }
      break;
    }
    case Kind::kPlane8Limited: {
      const Samples luma = Component(*frame_, *descriptor_, 0, y);
      if (luma.step == 1) {
        ExpandLimitedRow(luma.row, out, width);
      } else {
        for (std::size_t x = 0; x < width; ++x) out[x] = ExpandLimited(luma.row[x * luma.step]);
      }
      break;
    }
    case Kind::kPlane16: {
      const Samples luma = Component(*frame_, *descriptor_, 0, y);
      for (std::size_t x = 0; x < width; ++x) out[x] = table_[luma.At16(x)];
      break;
    }
    case Kind::kRgb8: {
      const Samples r = Component(*frame_, *descriptor_, 0, y);
      const Samples g = Component(*frame_, *descriptor_, 1, y);
      const Samples b = Component(*frame_, *descriptor_, 2, y);
      RgbRow(r.row, g.row, b.row, r.step, out, width);
      break;
    }
    case Kind::kRgb16: {
      const Samples r = Component(*frame_, *descriptor_, 0, y);
      const Samples g = Component(*frame_, *descriptor_, 1, y);
      const Samples b = Component(*frame_, *descriptor_, 2, y);
      for (std::size_t x = 0; x < width; ++x) {
        const std::uint32_t luma = (19595 * r.At16(x) + 38470 * g.At16(x) + 7471 * b.At16(x) + 32768) >> 16;
        out[x] = static_cast<std::uint8_t>(To8(luma, r.mask));
      }
      break;
    }
    case Kind::kPalette: {
      std::array<std::uint8_t, 256> luma;
      const auto* palette = reinterpret_cast<const std::uint32_t*>(frame_->data[1]);
      for (std::size_t i = 0; i < luma.size(); ++i) {
        luma[i] = RgbLuma(palette[i] >> 16 & 255, palette[i] >> 8 & 255, palette[i] & 255);
      }
      for (std::size_t x = 0; x < width; ++x) out[x] = luma[row[x]];
      break;
    }
    case Kind::kBits:
      for (std::size_t x = 0; x < width; ++x) {
        const bool bit = (row[x / 8] >> (7 - x % 8) & 1) != 0;
        out[x] = bit != inverted_bits_ ? 255 : 0;
      }
      break;
  }
}

void FrameLuma::Write(std::uint8_t* out, std::size_t stride, FrameVariant variant) {
  const bool over_white = transparent_ && variant == FrameVariant::kAsShown;
  for (int y = 0; y < frame_->height; ++y, out += stride) {
    LumaRow(y, out);
    if (!over_white) continue;
    AlphaRow(y, alpha_row_.data());
    OverWhiteRow(out, alpha_row_.data(), alpha_row_.size());
  }
}

}  // namespace tamiz::decoder
