// Messages of a hostile decoder: whatever is admitted keeps the limits.
#include <cstdlib>
#include <cstring>

#include "core/sandbox/message_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tamiz::sandbox;
  constexpr MessageLimits kLimits{.slot_count = 3,
                                  .slot_bytes = SlotBytes(1u << 20, 4096),
                                  .max_frame_pixels = 1u << 20,
                                  .max_dimension = 4096,
                                  .max_frames = 16};
  MessageCheck check(kLimits);
  std::uint32_t leased = 0;
  // Each message is a byte for its received length, a byte for slots that the server gives back, then its
  // bytes.
  while (size >= 2) {
    const std::int64_t received = data[0] == 255 ? std::int64_t{sizeof(DecoderMessage)} : data[0];
    leased &= data[1];
    data += 2;
    size -= 2;
    DecoderMessage message{};
    const std::size_t taken = size < sizeof message ? size : sizeof message;
    std::memcpy(&message, data, taken);
    data += taken;
    size -= taken;
    if (!check.Admit(message, received, leased).empty()) return 0;
    switch (message.kind) {
      case MessageKind::kFrame: {
        const FrameBody& frame = message.frame;
        if (frame.slot >= kLimits.slot_count || (leased >> frame.slot & 1) != 0 || frame.width == 0 ||
            frame.height == 0 || frame.width > kLimits.max_dimension ||
            frame.height > kLimits.max_dimension ||
            std::uint64_t{frame.width} * frame.height > kLimits.max_frame_pixels ||
            RowStride(frame.width) * frame.height > kLimits.slot_bytes || frame.index >= kLimits.max_frames ||
            frame.time_micros < 0 || frame.time_micros > kMaxTimeMicros) {
          std::abort();
        }
        leased |= 1u << frame.slot;
        break;
      }
      case MessageKind::kMedia:
        if (ToMediaInfo(message.media).codec.size() > kMaxCodecBytes) std::abort();
        break;
      case MessageKind::kIncomplete:
        if (ToReason(message.incomplete).detail.size() > kMaxDetailBytes) std::abort();
        break;
      case MessageKind::kRepeat:
        if (message.repeat.index >= kLimits.max_frames || message.repeat.time_micros < 0 ||
            message.repeat.time_micros > kMaxTimeMicros) {
          std::abort();
        }
        break;
      case MessageKind::kUnseen:
        if (message.unseen.start_micros < 0 || message.unseen.end_micros < message.unseen.start_micros ||
            message.unseen.end_micros > kMaxTimeMicros) {
          std::abort();
        }
        break;
      case MessageKind::kPart:
        if (message.part.index == 0 || message.part.index > tamiz::media::kMaxParts ||
            ToMediaPart(message.part).codec.size() > kMaxCodecBytes) {
          std::abort();
        }
        break;
      case MessageKind::kReady:
      case MessageKind::kPlanned:
      case MessageKind::kProgress:
      case MessageKind::kFinished:
        break;
    }
  }
  return 0;
}
