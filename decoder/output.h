// What every decoder hands its findings to: keeps the limits and the frame count, and turns pictures.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "decoder/frame_sink.h"

namespace tamiz::decoder {

// Writes one variant of a picture as full-range luma rows into `out`, as stored (not turned). False if
// nothing could be written; the frame is then not sent.
using LumaWriter = std::function<bool(std::uint8_t* out, std::size_t stride, media::FrameVariant variant)>;

struct Picture {
  std::uint32_t width = 0;  // as stored
  std::uint32_t height = 0;
  int orientation = 1;  // EXIF, 1…8
  bool has_transparency = false;
  std::chrono::microseconds time{0};
};

// Not thread-safe.
class Output {
 public:
  // The content and `sink` outlive this.
  Output(const DecodeJob& job, FrameSink& sink) : job_(job), sink_(sink) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Checks a picture's size before anything is allocated for it; false, and reported, if it is over a limit
  // or zero.
  [[nodiscard]] bool AdmitSize(std::uint64_t width, std::uint64_t height);
  // Counts a decoded picture, sampled or not; false, and reported, if that is more pixels than allowed in
  // all.
  [[nodiscard]] bool CountDecoded(std::uint64_t width, std::uint64_t height);
  // Counts a packet read; false, and reported, past the limit.
  [[nodiscard]] bool CountPacket();

  // What follows is about a part of the upload, in `content`; limits and counts go on. `part` needs kind,
  // format and place. False if no more is wanted or these are too many, which is reported.
  [[nodiscard]] bool BeginPart(const media::MediaPart& part, std::span<const std::uint8_t> content);
  // A plan of spans is about the upload itself.
  [[nodiscard]] bool LooksAtParts() const { return job_.plan.spans.empty(); }
  // How many parts are known to follow: they have their share of a plan that spreads its frames.
  void ExpectParts(std::uint32_t parts) { parts_expected_ = parts; }
  // Most frames for what is being looked at, where the plan spreads them.
  [[nodiscard]] std::uint32_t FrameBudget() const;

  // Sends a picture in its variants as the next frame. False if no more is wanted (stopped(), or the plan's
  // frames are used up, which is reported).
  bool Deliver(const Picture& picture, const LumaWriter& write);

  // The next frame of the plan shows the same as the one delivered last. Returns as Deliver.
  bool Repeat(std::chrono::microseconds time);

  // What is known of the media; may be called again before the first frame.
  void Media(const media::MediaInfo& info);
  // Frames of what is being looked at.
  void Planned(std::uint64_t frames) { sink_.Planned(first_index_ + frames); }
  void Progress(std::chrono::microseconds time) { sink_.Progress(part_.start + time); }
  // Of a part its reason says enough.
  void Unseen(std::chrono::microseconds start, std::chrono::microseconds end) {
    if (part_.index == 0) sink_.Unseen(start, end);
  }
  void Unrecognised(std::uint64_t bytes) { sink_.Unrecognised(bytes); }
  void Count(const media::DecodeCounts& counts) { sink_.Count(counts); }

  // Each code is reported once for the upload and once for each part, with the detail that came first.
  void Incomplete(media::IncompleteCode code, std::string_view detail);
  [[nodiscard]] bool HasReason() const { return !reported_.empty(); }

  // The server wants no more, or a limit ends the work.
  [[nodiscard]] bool stopped() const { return stopped_; }
  // Of what is being looked at.
  [[nodiscard]] std::uint32_t frames() const { return next_index_ - first_index_; }
  // Index of the frame that Repeat refers to, once there is one.
  [[nodiscard]] std::uint32_t last_delivered() const { return last_delivered_; }
  [[nodiscard]] const DecodeJob& job() const { return job_; }

 private:
  [[nodiscard]] bool WithinPlan();
  [[nodiscard]] bool SendVariant(const Picture& picture, const LumaWriter& write,
                                 media::FrameVariant variant);

  [[nodiscard]] std::chrono::microseconds OnTimeLine(std::chrono::microseconds time);

  DecodeJob job_;  // content and format are those of the part
  FrameSink& sink_;
  media::MediaPart part_;          // index 0: the upload itself
  std::uint32_t first_index_ = 0;  // of its frames
  std::uint32_t parts_expected_ = 0;
  std::chrono::microseconds end_{0};  // of all that moves so far, on the upload's time line
  std::set<media::IncompleteCode> reported_;
  std::vector<std::uint8_t> unturned_;  // scratch for pictures that are turned
  std::uint32_t next_index_ = 0;
  std::uint32_t last_delivered_ = 0;
  std::uint64_t pixels_ = 0;
  std::uint64_t packets_ = 0;
  bool stopped_ = false;
};

}  // namespace tamiz::decoder
