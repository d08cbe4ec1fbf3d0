// The decoder's end of the channel: what the media code finds goes to the server as messages, its frames into
// slots.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/sandbox/protocol.h"
#include "decoder/frame_sink.h"

namespace tamiz::decoder {

// Ends the process when the server is gone: nobody is left to work for. Keeps to the rules of
// core/sandbox/message_check.h whatever the media code reports. Not thread-safe.
class ChannelSink final : public FrameSink {
 public:
  // `slots`: `slot_count` slots of `slot_bytes`, mapped.
  ChannelSink(int socket, std::span<std::uint8_t> slots, std::uint32_t slot_count, const DecodeLimits& limits,
              std::uint32_t max_frames);

  void Media(const media::MediaInfo& info) override;
  void Planned(std::uint64_t frames) override;
  [[nodiscard]] LumaSlot Begin(std::uint32_t width, std::uint32_t height) override;
  void Send(std::uint32_t index, std::chrono::microseconds time, media::FrameVariant variant) override;
  void Repeat(std::uint32_t index, std::chrono::microseconds time) override;
  void Unseen(std::chrono::microseconds start, std::chrono::microseconds end) override;
  void Part(const media::MediaPart& part) override;
  void Unrecognised(std::uint64_t bytes) override { unrecognised_ = bytes; }
  void Count(const media::DecodeCounts& counts) override;
  void Progress(std::chrono::microseconds time) override;
  void Incomplete(media::IncompleteCode code, std::string_view detail) override;

  // The last message.
  void Finish();

  // As it is, without keeping any rule: for tests of the server.
  void SendRaw(std::span<const std::byte> message);
  [[nodiscard]] std::span<std::uint8_t> slots() const { return slots_; }

 private:
  void SendMessage(const sandbox::DecoderMessage& message);
  void FlushProgress();
  // Takes back one slot that the server gave. Waits for it if `wait`; false if there is none.
  bool TakeBack(bool wait);
  // Gives the first `bytes` of the slot begun last their memory.
  void Populate(std::size_t bytes);

  const int socket_;
  const std::span<std::uint8_t> slots_;
  const std::uint32_t slot_count_;
  const std::size_t slot_bytes_;
  const DecodeLimits limits_;
  const std::uint32_t max_frames_;

  std::array<std::size_t, sandbox::kMaxSlots> populated_{};  // bytes of each slot that have memory
  std::uint32_t busy_ = 0;                                   // a bit for each slot that the server has
  std::uint32_t slot_ = 0;                                   // begun last
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t planned_ = 0;
  std::int64_t last_time_ = 0;
  std::int64_t progress_ = 0;
  std::int64_t progress_sent_ = 0;
  std::chrono::steady_clock::time_point progress_sent_at_{};
  std::uint32_t unseen_ = 0;
  std::uint64_t unrecognised_ = 0;
  media::DecodeCounts counts_;
  std::vector<std::pair<media::IncompleteCode, std::string>> reasons_;
};

}  // namespace tamiz::decoder
