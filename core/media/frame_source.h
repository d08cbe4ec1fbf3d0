// The port behind which uploads become frames. The implementation is a confined process
// (core/sandbox/decoder_pool.h); tests use their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/call_context.h"
#include "core/base/status.h"
#include "core/media/file_format.h"
#include "core/media/incomplete.h"
#include "core/media/luma.h"
#include "core/media/sampling.h"

namespace tamiz::media {

// How a frame's pixels were made. An upload matches if any variant does.
enum class FrameVariant : std::uint32_t {
  kAsShown = 0,       // transparent parts over white
  kAlphaIgnored = 1,  // colours as stored, transparency ignored; only for pictures with transparency
};

// One sampled frame, alive while this is held. Destroying it gives its memory back to the decoder: hold
// it no longer than hashing takes. May be moved to and destroyed on any thread.
class Frame {
 public:
  virtual ~Frame() = default;
  [[nodiscard]] virtual LumaView luma() const = 0;

  std::uint32_t index = 0;            // number among the sampled frames, from 0; variants share it
  std::chrono::microseconds time{0};  // presentation time from the first frame
  FrameVariant variant = FrameVariant::kAsShown;
  // Shows the same as the frame before it, as far as hashing can tell: luma() is empty, the hash is that
  // frame's.
  bool is_repeat = false;
};

// What a decoder found out about an upload.
struct MediaInfo {
  std::string codec;         // for example "h264"; empty if nothing was opened
  std::uint32_t width = 0;   // as displayed
  std::uint32_t height = 0;  // as displayed
  std::chrono::microseconds duration{0};
  std::uint32_t exif_orientation = 0;  // 1…8; 0 if none was stated
  bool animated = false;
};

struct TimeSpan {
  std::chrono::microseconds start{0};
  std::chrono::microseconds end{0};
  friend bool operator==(const TimeSpan&, const TimeSpan&) = default;
};

// Pictures of an upload, counted by what became of them.
struct DecodeCounts {
  std::uint64_t seen = 0;      // decoded, sampled or not
  std::uint64_t skipped = 0;   // passed over: the plan had no use for them
  std::uint64_t rejected = 0;  // could not be decoded
};

// How the decoding of one upload ended, whatever its bytes were.
struct SampleOutcome {
  MediaInfo media;
  std::uint64_t frames_planned = 0;        // as far as the decoder could tell
  std::uint64_t frames_delivered = 0;      // distinct frame indices handed to the sink
  std::chrono::microseconds last_time{0};  // presentation time up to which was looked at
  DecodeCounts counts;                     // as far as the decoder told before it ended
  std::vector<TimeSpan> unseen;            // before last_time; ascending
  // Empty if everything the plan asked for was delivered.
  std::vector<IncompleteReason> reasons;
};

// What to decode.
struct SampleRequest {
  int content_fd = -1;  // sealed memfd or read-only file, borrowed for the call; read with pread/mmap
  std::uint64_t size_bytes = 0;
  FileFormat format = FileFormat::kUnknown;  // by its signature, see file_format.h
  SamplingPlan plan;
  // Called on the calling thread, between frames, with what is known so far: when the media are described,
  // when the plan is counted, when decoding gets on without a frame. Returning false ends decoding early. May
  // be empty.
  std::function<bool(const SampleOutcome&)> on_progress;
};

// Thread-safe.
class FrameSource {
 public:
  virtual ~FrameSource() = default;

  // Called with each frame in order, on the calling thread. Returning false ends decoding early.
  using FrameSink = std::function<bool(std::unique_ptr<Frame>)>;

  // Decodes and samples; blocks until the decoder is done, `context` is not wanted any more, or a limit
  // is reached. Everything that an upload's bytes can cause is in the outcome. Errors: kCancelled and
  // kDeadlineExceeded by the context; kUnavailable if no decoder could be started.
  [[nodiscard]] virtual StatusOr<SampleOutcome> Sample(const SampleRequest& request,
                                                       const CallContext& context, const FrameSink& sink) = 0;
};

}  // namespace tamiz::media
