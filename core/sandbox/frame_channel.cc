#include "core/sandbox/frame_channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "core/sandbox/socket_message.h"

namespace tamiz::sandbox {
namespace {

Status Short(const char* what) {
  return MakeError(StatusCode::kResourceExhausted,
                   fmt::format("{} for a decoder's channel: {}", what, std::strerror(errno)));
}

}  // namespace

class FrameChannel::LeasedFrame final : public media::Frame {
 public:
  LeasedFrame(std::shared_ptr<FrameChannel> channel, std::uint32_t slot, media::LumaView luma)
      : channel_(std::move(channel)), slot_(slot), luma_(luma) {}
  ~LeasedFrame() override { channel_->Release(slot_); }
  [[nodiscard]] media::LumaView luma() const override { return luma_; }

 private:
  const std::shared_ptr<FrameChannel> channel_;
  const std::uint32_t slot_;
  const media::LumaView luma_;
};

StatusOr<std::shared_ptr<FrameChannel>> FrameChannel::Create(const SlotGeometry& geometry, FarEnd& far_end) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return Short("no socket");
  UniqueFd near(ends[0]);
  far_end.socket = UniqueFd(ends[1]);
  far_end.slots = UniqueFd(::memfd_create("tamiz-frames", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!far_end.slots.valid()) return Short("no memory file");
  const std::uint64_t size = geometry.bytes * geometry.count;
  if (::ftruncate(far_end.slots.get(), static_cast<off_t>(size)) != 0) return Short("no room");
  // Sealed, or a decoder could cut the file short under our feet: SIGBUS here.
  if (::fcntl(far_end.slots.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Short("no seal");
  }
  void* slots = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, far_end.slots.get(), 0);
  if (slots == MAP_FAILED) return Short("no address space");
  // Huge pages where the machine has them; refusals cost nothing but time.
  (void)::madvise(slots, size, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_READ
  // Page faults that the first frame will not have to take.
  if (geometry.prepared_bytes > 0) (void)::madvise(slots, geometry.prepared_bytes, MADV_POPULATE_READ);
#endif
  return std::shared_ptr<FrameChannel>(
      new FrameChannel(geometry, std::move(near), static_cast<const std::uint8_t*>(slots)));
}

FrameChannel::~FrameChannel() {
  ::munmap(const_cast<std::uint8_t*>(slots_), geometry_.bytes * geometry_.count);
}

std::unique_ptr<media::Frame> FrameChannel::Lease(const FrameBody& body) {
  leased_.fetch_or(1u << body.slot, std::memory_order_acq_rel);
  media::LumaView luma;
  luma.data = slots_ + geometry_.bytes * body.slot;
  luma.width = body.width;
  luma.height = body.height;
  luma.stride = RowStride(body.width);
  auto frame = std::make_unique<LeasedFrame>(shared_from_this(), body.slot, luma);
  frame->index = body.index;
  frame->time = std::chrono::microseconds(body.time_micros);
  frame->variant = static_cast<media::FrameVariant>(body.variant);
  return frame;
}

void FrameChannel::Release(std::uint32_t slot) {
  // Before the message: the decoder may send the slot again as soon as it has it.
  leased_.fetch_and(~(1u << slot), std::memory_order_acq_rel);
  const sandbox::Release message{slot};
  // Never waits. A decoder that is gone, or does not read, needs no slot.
  (void)SendMessage(socket_.get(), BytesOf(message), {}, MSG_DONTWAIT);
}

}  // namespace tamiz::sandbox
