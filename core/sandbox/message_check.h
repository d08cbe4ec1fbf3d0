// What the server believes of a decoder's messages: nothing that was not checked here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/media/frame_source.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

// Bounds that honest messages keep.
struct MessageLimits {
  std::uint32_t slot_count = 0;  // 1 … kMaxSlots
  std::uint64_t slot_bytes = 0;
  std::uint64_t max_frame_pixels = 0;
  std::uint32_t max_dimension = 0;
  std::uint32_t max_frames = 0;
  std::uint64_t upload_bytes = UINT64_MAX;
};

// Follows the messages of one decoder. Not thread-safe.
class MessageCheck {
 public:
  explicit MessageCheck(const MessageLimits& limits) : limits_(limits) {}

  // The rule that `message` breaks, as a constant for logs and verdicts, or empty. `bytes` is the length as
  // received; `leased` has a bit for each slot that the server still reads. After a broken rule the decoder
  // must be killed: the state is no longer meaningful.
  [[nodiscard]] std::string_view Admit(const DecoderMessage& message, std::int64_t bytes,
                                       std::uint32_t leased);

  [[nodiscard]] bool finished() const { return finished_; }
  // Distinct indices of the frames admitted.
  [[nodiscard]] std::uint64_t distinct_frames() const { return distinct_frames_; }

 private:
  [[nodiscard]] std::string_view AdmitMedia(const MediaBody& body);
  [[nodiscard]] std::string_view AdmitFrame(const FrameBody& body, std::uint32_t leased);
  [[nodiscard]] std::string_view AdmitRepeat(const RepeatBody& body);
  [[nodiscard]] std::string_view AdmitUnseen(const UnseenBody& body);
  [[nodiscard]] std::string_view AdmitPart(const PartBody& body);
  [[nodiscard]] std::string_view AdmitFinished(const FinishedBody& body);
  [[nodiscard]] std::string_view AdmitIncomplete(const IncompleteBody& body);

  const MessageLimits limits_;
  bool ready_ = false;
  bool finished_ = false;
  std::uint64_t control_messages_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t distinct_frames_ = 0;
  std::uint32_t reasons_ = 0;
  std::uint32_t unseen_ = 0;
  std::uint32_t part_ = 0;  // that messages are about
  bool part_has_frames_ = false;
  std::uint32_t last_index_ = 0;
  std::uint32_t last_variant_ = 0;
  std::int64_t last_time_ = 0;      // of frames
  std::int64_t last_progress_ = 0;  // of progress
};

// Of admitted messages.
[[nodiscard]] media::MediaInfo ToMediaInfo(const MediaBody& body);
[[nodiscard]] media::MediaPart ToMediaPart(const PartBody& body);
[[nodiscard]] media::IncompleteReason ToReason(const IncompleteBody& body);

}  // namespace tamiz::sandbox
