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
  // Which of the upload's parts it belongs to: 0 is the upload itself.
  std::uint32_t part = 0;
  bool is_still = false;  // that part, or the upload, is a single picture
};

// Most parts of one upload that are looked at, beside the upload itself.
inline constexpr std::uint32_t kMaxParts = 8;

// Where a part lies. Values equal those of tamiz.v1.MediaPartKind.
enum class PartKind : std::uint32_t {
  kAttached = 1,  // a picture attached to a video or audio file: cover art
  kAppended = 2,  // after the end of what the file is by its format
  kEmbedded = 3,  // in the file's structure, beside what is shown: a clip in a picture, a picture in a video
};

// Media within an upload that are media of their own.
struct MediaPart {
  std::uint32_t index = 0;  // from 1, in the order in which they are looked at
  PartKind kind = PartKind::kAppended;
  FileFormat format = FileFormat::kUnknown;
  std::uint64_t offset = 0;  // in the upload; 0 if it has no place of its own
  std::uint64_t bytes = 0;   // 0 if unknown
  std::string codec;         // empty if nothing was opened
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::chrono::microseconds duration{0};
  bool animated = false;
  // Its first frame's place on the upload's time line, on which parts that move follow one another.
  std::chrono::microseconds start{0};
  std::uint64_t frames = 0;  // delivered
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

// Pictures of an upload, counted by what became of them.
struct DecodeCounts {
  std::uint64_t seen = 0;      // decoded, sampled or not
  std::uint64_t skipped = 0;   // passed over: the plan had no use for them
  std::uint64_t rejected = 0;  // could not be decoded
};

// How the decoding of one upload ended, whatever its bytes were.
struct SampleOutcome {
  MediaInfo media;
  std::uint64_t frames_planned = 0;    // as far as the decoder could tell
  std::uint64_t frames_delivered = 0;  // distinct frame indices handed to the sink
  std::chrono::microseconds last_time{
      0};                        // presentation time up to which was looked at, of the upload itself
  DecodeCounts counts;           // as far as the decoder told before it ended
  std::vector<TimeSpan> unseen;  // before last_time; ascending
  std::vector<MediaPart> parts;  // by index, without the upload itself
  // After the end of what the file is by its format, and of no format that is known; padding not counted.
  std::uint64_t unrecognised_bytes = 0;
  // Empty if everything the plan asked for was delivered.
  std::vector<IncompleteReason> reasons;
};

// What to decode.
struct SampleRequest {
  int content_fd = -1;  // sealed memfd or read-only file, borrowed for the call; read with pread/mmap
  std::uint64_t size_bytes = 0;
  FileFormat format = FileFormat::kUnknown;  // by its signature, see file_format.h
  SamplingPlan plan;
  // Formats in which parts are not decoded: a bit for each FileFormat.
  std::uint64_t formats_off = 0;
  // Ends decoding (PIXEL_LIMIT) when its pictures have more pixels in all; zero: the source's own limit,
  // which holds in any case.
  std::uint64_t max_total_pixels = 0;
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
