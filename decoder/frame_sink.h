// Where the media code of the decoder puts what it finds. The process side (channel, limits, confinement) is
// behind it, so that the media code can be tested and fuzzed without a sandbox.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/media/frame_source.h"

namespace tamiz::decoder {

// Writable luma plane for one frame.
struct LumaSlot {
  std::uint8_t* data = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::size_t stride = 0;  // >= width, a multiple of 64
};

// Limits that the media code itself keeps, checked before memory is asked for.
struct DecodeLimits {
  std::uint64_t max_frame_pixels = 0;
  std::uint32_t max_dimension = 0;
  std::uint64_t max_total_pixels = 0;
  std::uint64_t max_packets = 0;
  std::uint32_t threads = 1;
};

// One upload to decode.
struct DecodeJob {
  std::span<const std::uint8_t> content;  // read-only mapping
  media::FileFormat format = media::FileFormat::kUnknown;
  media::SamplingPlan plan;
  DecodeLimits limits;
  std::uint64_t formats_off = 0;  // in which parts are not decoded: a bit for each FileFormat
};

// Not thread-safe.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  // What is known of the media; may be called again when more is known. Before the first frame.
  virtual void Media(const media::MediaInfo& info) = 0;
  // Frames that the plan will ask for, as far as can be told; may be called again.
  virtual void Planned(std::uint64_t frames) = 0;

  // A slot for a frame of this size; waits until the server has given one back. A null `data` means stop: the
  // server wants no more.
  [[nodiscard]] virtual LumaSlot Begin(std::uint32_t width, std::uint32_t height) = 0;
  // Sends the slot begun last.
  virtual void Send(std::uint32_t index, std::chrono::microseconds time, media::FrameVariant variant) = 0;

  // The next frame shows the same as the one sent last.
  virtual void Repeat(std::uint32_t /*index*/, std::chrono::microseconds /*time*/) {}
  // A span of time whose frames could not be decoded.
  virtual void Unseen(std::chrono::microseconds /*start*/, std::chrono::microseconds /*end*/) {}
  // What follows is about this part of the upload; again when more is known of it, before its first frame.
  virtual void Part(const media::MediaPart& /*part*/) {}
  // Bytes after the end of the upload in which nothing was recognised.
  virtual void Unrecognised(std::uint64_t /*bytes*/) {}
  // What became of the pictures, once more of it is known; adds to what was counted before.
  virtual void Count(const media::DecodeCounts& /*counts*/) {}

  // Presentation time up to which was looked at.
  virtual void Progress(std::chrono::microseconds time) = 0;
  // Something that could not be looked at. `detail` is a constant or made of numbers; never text of the
  // upload.
  virtual void Incomplete(media::IncompleteCode code, std::string_view detail) = 0;
};

// Decodes `job` with the decoder for its format. Never throws; everything that can go wrong is reported to
// `sink`.
void Decode(const DecodeJob& job, FrameSink& sink);

// Initialises tables and libraries so that forked children find them warm: called once in the zygote.
void WarmUp();

}  // namespace tamiz::decoder
