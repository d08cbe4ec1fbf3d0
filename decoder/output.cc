#include "decoder/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "decoder/orientation.h"

namespace tamiz::decoder {

using media::FrameVariant;
using media::IncompleteCode;

bool Output::AdmitSize(std::uint64_t width, std::uint64_t height) {
  const DecodeLimits& limits = job_.limits;
  if (width == 0 || height == 0) {
    Incomplete(IncompleteCode::kDecodeFailed, "picture without a size");
    return false;
  }
  if (width > limits.max_dimension || height > limits.max_dimension) {
    Incomplete(IncompleteCode::kPixelLimit,
               fmt::format("picture of {}x{}; limit {} pixels a side", width, height, limits.max_dimension));
    return false;
  }
  if (width * height > limits.max_frame_pixels) {
    Incomplete(IncompleteCode::kPixelLimit,
               fmt::format("picture of {}x{}; limit {} pixels", width, height, limits.max_frame_pixels));
    return false;
  }
  return true;
}

bool Output::CountDecoded(std::uint64_t width, std::uint64_t height) {
  pixels_ += width * height;
  if (pixels_ <= job_.limits.max_total_pixels) return true;
  Incomplete(IncompleteCode::kPixelLimit,
             fmt::format("more than {} pixels in all its pictures", job_.limits.max_total_pixels));
  stopped_ = true;
  return false;
}

bool Output::CountPacket() {
  if (++packets_ <= job_.limits.max_packets) return true;
  Incomplete(IncompleteCode::kFrameLimit, fmt::format("more than {} packets", job_.limits.max_packets));
  stopped_ = true;
  return false;
}

bool Output::SendVariant(const Picture& picture, const LumaWriter& write, FrameVariant variant) {
  const bool turned = picture.orientation > 1;
  const bool swapped = picture.orientation >= 5;
  const LumaSlot slot =
      sink_.Begin(swapped ? picture.height : picture.width, swapped ? picture.width : picture.height);
  if (slot.data == nullptr) {
    stopped_ = true;
    return false;
  }
  if (turned) {
    unturned_.resize(std::size_t{picture.width} * picture.height);
    if (!write(unturned_.data(), picture.width, variant)) return false;
    TurnLuma({unturned_.data(), picture.width, picture.height, picture.width}, picture.orientation, slot.data,
             slot.stride);
  } else if (!write(slot.data, slot.stride, variant)) {
    return false;
  }
  sink_.Send(next_index_, OnTimeLine(picture.time), variant);
  return true;
}

bool Output::WithinPlan() {
  if (stopped_) return false;
  if (next_index_ < job_.plan.max_frames) return true;
  Incomplete(IncompleteCode::kFrameLimit, fmt::format("more than {} frames", job_.plan.max_frames));
  stopped_ = true;
  return false;
}

bool Output::Repeat(std::chrono::microseconds time) {
  if (!WithinPlan()) return false;
  sink_.Repeat(next_index_, OnTimeLine(time));
  ++next_index_;
  return true;
}

bool Output::Deliver(const Picture& picture, const LumaWriter& write) {
  if (!WithinPlan()) return false;
  if (!SendVariant(picture, write, FrameVariant::kAsShown)) return !stopped_;
  if (picture.has_transparency) {
    // The frame counts although its second variant may not be wanted any more.
    (void)SendVariant(picture, write, FrameVariant::kAlphaIgnored);
  }
  last_delivered_ = next_index_;
  ++next_index_;
  return !stopped_;
}

bool Output::BeginPart(const media::MediaPart& part, std::span<const std::uint8_t> content) {
  if (stopped_) return false;
  if (part_.index == media::kMaxParts) {
    Incomplete(IncompleteCode::kFrameLimit, fmt::format("more than {} parts", media::kMaxParts));
    return false;
  }
  const std::uint32_t index = part_.index + 1;
  part_ = part;
  part_.index = index;
  // After a still there is nothing to follow: all is at the beginning.
  part_.start = end_.count() > 0 ? end_ + job_.plan.Spacing() : std::chrono::microseconds(0);
  if (parts_expected_ > 0) --parts_expected_;
  job_.content = content;
  job_.format = part.format;
  first_index_ = next_index_;
  reported_.clear();
  sink_.Part(part_);
  return true;
}

std::uint32_t Output::FrameBudget() const {
  const std::uint32_t left = job_.plan.max_frames - std::min(job_.plan.max_frames, next_index_);
  return std::max<std::uint32_t>(left / (parts_expected_ + 1), 1);
}

std::chrono::microseconds Output::OnTimeLine(std::chrono::microseconds time) {
  time += part_.start;
  if (time.count() > 0) end_ = std::max(end_, time);
  return time;
}

void Output::Media(const media::MediaInfo& info) {
  if (info.duration.count() > 0 && info.width > 0) end_ = std::max(end_, part_.start + info.duration);
  if (part_.index == 0) return sink_.Media(info);
  if (frames() > 0) return;
  part_.codec = info.codec;
  part_.width = info.width;
  part_.height = info.height;
  part_.duration = info.duration;
  part_.animated = info.animated;
  sink_.Part(part_);
}

void Output::Incomplete(IncompleteCode code, std::string_view detail) {
  if (!reported_.insert(code).second) return;
  // That a part shows nothing takes nothing away from the upload.
  if (part_.index > 0 && code == IncompleteCode::kNoVisualContent) return;
  if (part_.index == 0) return sink_.Incomplete(code, detail);
  const media::FormatInfo* format = media::FindFormat(part_.format);
  const std::string where = part_.offset > 0 ? fmt::format(" at byte {}", part_.offset) : std::string();
  sink_.Incomplete(code, fmt::format("part {} ({}{}): {}", part_.index,
                                     format == nullptr ? "picture" : format->name, where, detail));
}

}  // namespace tamiz::decoder
