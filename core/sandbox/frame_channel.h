// The server's end of a decoder's channel: its socket and the slots in which frames arrive.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/media/frame_source.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

struct SlotGeometry {
  std::uint32_t count = 0;
  std::uint64_t bytes = 0;  // of one slot
  // Of the first slot, made ready before the upload comes.
  std::uint64_t prepared_bytes = 0;
};

// Kept alive by whoever holds a frame. Thread-safe.
class FrameChannel : public std::enable_shared_from_this<FrameChannel> {
 public:
  // What the decoder gets.
  struct FarEnd {
    UniqueFd socket;
    UniqueFd slots;
  };
  // RESOURCE_EXHAUSTED if descriptors or address space are short.
  [[nodiscard]] static StatusOr<std::shared_ptr<FrameChannel>> Create(const SlotGeometry& geometry,
                                                                      FarEnd& far_end);
  ~FrameChannel();
  FrameChannel(const FrameChannel&) = delete;
  FrameChannel& operator=(const FrameChannel&) = delete;

  [[nodiscard]] int socket() const { return socket_.get(); }
  // A bit for each slot that a frame holds.
  [[nodiscard]] std::uint32_t leased() const { return leased_.load(std::memory_order_acquire); }
  // The frame of a message that was admitted. Destroying it tells the decoder, from any thread.
  [[nodiscard]] std::unique_ptr<media::Frame> Lease(const FrameBody& body);

 private:
  class LeasedFrame;
  FrameChannel(const SlotGeometry& geometry, UniqueFd socket, const std::uint8_t* slots)
      : geometry_(geometry), socket_(std::move(socket)), slots_(slots) {}
  void Release(std::uint32_t slot);

  const SlotGeometry geometry_;
  const UniqueFd socket_;
  const std::uint8_t* const slots_;
  std::atomic<std::uint32_t> leased_{0};
};

}  // namespace tamiz::sandbox
