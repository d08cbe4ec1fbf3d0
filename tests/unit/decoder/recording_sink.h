// Takes what a decoder sends and keeps it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "decoder/frame_sink.h"

namespace tamiz::decoder {

struct RecordedFrame {
  std::uint32_t index = 0;
  std::chrono::microseconds time{0};
  media::FrameVariant variant = media::FrameVariant::kAsShown;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> luma;  // packed; a repeat has its predecessor's
  bool is_repeat = false;
  std::uint32_t part = 0;

  [[nodiscard]] media::LumaView view() const { return {luma.data(), width, height, width}; }
  [[nodiscard]] hash::PdqHash Pdq() const {
    hash::PdqHasher hasher;
    return hasher.Hash(view());
  }
};

class RecordingSink final : public FrameSink {
 public:
  void Media(const media::MediaInfo& info) override { media = info; }
  void Planned(std::uint64_t frames_planned) override { planned = frames_planned; }

  LumaSlot Begin(std::uint32_t width, std::uint32_t height) override {
    if (frames.size() >= stop_after) return {};
    stride_ = (std::size_t{width} + 63) / 64 * 64;
    slot_.assign(stride_ * height, 0);
    width_ = width;
    height_ = height;
    return {slot_.data(), width, height, stride_};
  }

  void Send(std::uint32_t index, std::chrono::microseconds time, media::FrameVariant variant) override {
    RecordedFrame frame{index, time, variant, width_, height_, {}};
    frame.part = static_cast<std::uint32_t>(parts.size());
    for (std::size_t y = 0; y < height_; ++y) {
      const auto row = slot_.begin() + static_cast<std::ptrdiff_t>(stride_ * y);
      frame.luma.insert(frame.luma.end(), row, row + width_);
      // Nothing may be written between the rows' ends and the next rows.
      padding_written =
          padding_written || std::any_of(row + width_, row + static_cast<std::ptrdiff_t>(stride_),
                                         [](std::uint8_t b) { return b != 0; });
    }
    frames.push_back(std::move(frame));
  }

  void Repeat(std::uint32_t index, std::chrono::microseconds time) override {
    RecordedFrame frame = frames.back();
    frame.index = index;
    frame.time = time;
    frame.is_repeat = true;
    frame.part = static_cast<std::uint32_t>(parts.size());
    frames.push_back(std::move(frame));
  }
  void Unseen(std::chrono::microseconds start, std::chrono::microseconds end) override {
    unseen.push_back({start, end});
  }
  void Part(const media::MediaPart& part) override {
    if (part.index > parts.size()) parts.emplace_back();
    parts.back() = part;
  }
  void Unrecognised(std::uint64_t bytes) override { unrecognised = bytes; }
  void Count(const media::DecodeCounts& more) override {
    counts.seen += more.seen;
    counts.skipped += more.skipped;
    counts.rejected += more.rejected;
  }
  void Progress(std::chrono::microseconds time) override { progress = time; }
  void Incomplete(media::IncompleteCode code, std::string_view detail) override {
    codes.push_back(code);
    details.emplace_back(detail);
  }

  [[nodiscard]] bool Has(media::IncompleteCode code) const {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
  }
  // For messages of failed tests.
  [[nodiscard]] std::string Reasons() const {
    std::string text;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      text += std::string(media::ToString(codes[i])) + ": " + details[i] + "; ";
    }
    return text;
  }

  media::MediaInfo media;
  std::uint64_t planned = 0;
  std::vector<RecordedFrame> frames;
  std::vector<media::TimeSpan> unseen;
  media::DecodeCounts counts;
  std::vector<media::MediaPart> parts;
  std::uint64_t unrecognised = 0;
  std::vector<media::IncompleteCode> codes;
  std::vector<std::string> details;
  std::chrono::microseconds progress{0};
  bool padding_written = false;
  std::size_t stop_after = SIZE_MAX;  // frames after which Begin() says stop

 private:
  std::vector<std::uint8_t> slot_;
  std::size_t stride_ = 0;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
};

inline DecodeJob MakeJob(std::span<const std::uint8_t> content) {
  DecodeJob job;
  job.content = content;
  job.format = media::DetectFormat(content);
  job.limits.max_frame_pixels = 100'000'000;
  job.limits.max_dimension = 32768;
  job.limits.max_total_pixels = 4'000'000'000;
  job.limits.max_packets = 1'000'000;
  job.limits.threads = 1;
  return job;
}

inline RecordingSink DecodeBytes(std::span<const std::uint8_t> content) {
  RecordingSink sink;
  Decode(MakeJob(content), sink);
  return sink;
}

}  // namespace tamiz::decoder
