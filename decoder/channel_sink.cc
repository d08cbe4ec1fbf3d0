#include "decoder/channel_sink.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/sandbox/socket_message.h"

namespace tamiz::decoder {
namespace {

using sandbox::DecoderMessage;
using sandbox::MessageKind;

// Often enough to tell slow work from a hang, seldom enough to cost nothing.
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

std::int64_t Bounded(std::chrono::microseconds time) {
  return std::clamp<std::int64_t>(time.count(), 0, sandbox::kMaxTimeMicros);
}

std::uint32_t CopyPlain(std::string_view text, std::span<char> to) {
  const std::size_t bytes = std::min(text.size(), to.size());
  std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bytes), to.begin(),
                 [](char c) { return c >= ' ' && c <= '~' ? c : '?'; });
  return static_cast<std::uint32_t>(bytes);
}

// Zeroed whole, so that no byte of our stack travels in what a kind does not use.
DecoderMessage NewMessage(MessageKind kind) {
  DecoderMessage message;
  std::memset(static_cast<void*>(&message), 0, sizeof message);
  message.kind = kind;
  return message;
}

}  // namespace

ChannelSink::ChannelSink(int socket, std::span<std::uint8_t> slots, std::uint32_t slot_count,
                         const DecodeLimits& limits, std::uint32_t max_frames)
    : socket_(socket),
      slots_(slots),
      slot_count_(slot_count),
      slot_bytes_(slots.size() / slot_count),
      limits_(limits),
      max_frames_(max_frames) {}

void ChannelSink::SendRaw(std::span<const std::byte> message) {
  // The channel's buffer is the back-pressure for everything but frames: send waits.
  if (sandbox::SendMessage(socket_, message) != 0) ::_exit(sandbox::kExitServerGone);
}

void ChannelSink::SendMessage(const DecoderMessage& message) { SendRaw(sandbox::BytesOf(message)); }

void ChannelSink::Media(const media::MediaInfo& info) {
  if (sent_ > 0) return;
  DecoderMessage message = NewMessage(MessageKind::kMedia);
  message.media.duration_micros = Bounded(info.duration);
  message.media.width = std::min(info.width, sandbox::kMaxPictureSide);
  message.media.height = std::min(info.height, sandbox::kMaxPictureSide);
  message.media.exif_orientation = info.exif_orientation <= 8 ? info.exif_orientation : 0;
  message.media.animated = info.animated ? 1 : 0;
  message.media.codec_bytes = CopyPlain(info.codec, message.media.codec);
  SendMessage(message);
}

void ChannelSink::Planned(std::uint64_t frames) {
  frames = std::min(frames, sandbox::kMaxPlannedFrames);
  if (frames == planned_) return;
  planned_ = frames;
  DecoderMessage message = NewMessage(MessageKind::kPlanned);
  message.planned.frames = frames;
  SendMessage(message);
}

bool ChannelSink::TakeBack(bool wait) {
  sandbox::Release release{};
  const sandbox::Received received =
      sandbox::ReceiveMessage(socket_, sandbox::WritableBytesOf(release), false, wait ? 0 : MSG_DONTWAIT);
  if (received.bytes == static_cast<ssize_t>(sizeof release) && release.slot < slot_count_) {
    busy_ &= ~(1u << release.slot);
    return true;
  }
  if (received.bytes < 0 && received.error == EAGAIN) return false;
  ::_exit(sandbox::kExitServerGone);
}

LumaSlot ChannelSink::Begin(std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0) return {};
  if (width > limits_.max_dimension || height > limits_.max_dimension ||
      std::uint64_t{width} * height > limits_.max_frame_pixels) {
    Incomplete(media::IncompleteCode::kPixelLimit, "a frame exceeds the limit on pixels, width or height");
    return {};
  }
  // Slots given back meanwhile: a slot in use before has its memory already.
  while (busy_ != 0 && TakeBack(false)) {
  }
  const std::uint32_t all = (1u << slot_count_) - 1;
  if (busy_ == all) (void)TakeBack(true);
  slot_ = static_cast<std::uint32_t>(__builtin_ctz(~busy_));
  width_ = width;
  height_ = height;
  LumaSlot slot;
  slot.data = slots_.data() + slot_bytes_ * slot_;
  slot.width = width;
  slot.height = height;
  slot.stride = sandbox::RowStride(width);
  Populate(slot.stride * height);
  return slot;
}

// A frame is written whole, so its fresh pages are asked for in one call: a fault for each costs several
// times the page itself, most of all in a virtual machine. A slot that was used before has them.
void ChannelSink::Populate(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  const std::size_t wanted = (bytes + kPage - 1) / kPage * kPage;
  std::size_t& have = populated_[slot_];
  if (wanted <= have || wanted > slot_bytes_) return;
  // Refused on a kernel before 5.14: then the faults come one by one.
  (void)::madvise(slots_.data() + slot_bytes_ * slot_ + have, wanted - have, MADV_POPULATE_WRITE);
  have = wanted;
}

void ChannelSink::Send(std::uint32_t index, std::chrono::microseconds time, media::FrameVariant variant) {
  if (width_ == 0 || index >= max_frames_) return;  // nothing begun, or beyond the plan
  last_time_ = std::max(last_time_, Bounded(time));
  DecoderMessage message = NewMessage(MessageKind::kFrame);
  message.frame.time_micros = last_time_;
  message.frame.slot = slot_;
  message.frame.width = width_;
  message.frame.height = height_;
  message.frame.index = index;
  message.frame.variant = static_cast<std::uint32_t>(variant);
  busy_ |= 1u << slot_;
  width_ = 0;
  ++sent_;
  SendMessage(message);
}

void ChannelSink::Repeat(std::uint32_t index, std::chrono::microseconds time) {
  if (sent_ == 0 || index >= max_frames_) return;
  last_time_ = std::max(last_time_, Bounded(time));
  DecoderMessage message = NewMessage(MessageKind::kRepeat);
  message.repeat.time_micros = last_time_;
  message.repeat.index = index;
  ++sent_;
  SendMessage(message);
}

void ChannelSink::Unseen(std::chrono::microseconds start, std::chrono::microseconds end) {
  const std::int64_t from = Bounded(start);
  if (unseen_ == sandbox::kMaxUnseen || Bounded(end) <= from) return;
  ++unseen_;
  DecoderMessage message = NewMessage(MessageKind::kUnseen);
  message.unseen.start_micros = from;
  // The last one that may be told stands for all that follow.
  message.unseen.end_micros = unseen_ == sandbox::kMaxUnseen ? sandbox::kMaxTimeMicros : Bounded(end);
  SendMessage(message);
}

void ChannelSink::Part(const media::MediaPart& part) {
  DecoderMessage message = NewMessage(MessageKind::kPart);
  message.part.duration_micros = Bounded(part.duration);
  message.part.start_micros = Bounded(part.start);
  message.part.offset = part.offset;
  message.part.bytes = part.bytes;
  message.part.index = part.index;
  message.part.kind = static_cast<std::uint32_t>(part.kind);
  message.part.format = static_cast<std::uint32_t>(part.format);
  message.part.width = std::min(part.width, sandbox::kMaxPictureSide);
  message.part.height = std::min(part.height, sandbox::kMaxPictureSide);
  message.part.animated = part.animated ? 1 : 0;
  message.part.codec_bytes = CopyPlain(part.codec, message.part.codec);
  SendMessage(message);
}

void ChannelSink::Count(const media::DecodeCounts& counts) {
  counts_.seen += counts.seen;
  counts_.skipped += counts.skipped;
  counts_.rejected += counts.rejected;
}

void ChannelSink::Progress(std::chrono::microseconds time) {
  progress_ = std::max(progress_, Bounded(time));
  const auto now = std::chrono::steady_clock::now();
  if (now - progress_sent_at_ < kProgressInterval) return;
  progress_sent_at_ = now;
  FlushProgress();
}

void ChannelSink::FlushProgress() {
  if (progress_ == progress_sent_) return;
  progress_sent_ = progress_;
  DecoderMessage message = NewMessage(MessageKind::kProgress);
  message.progress.time_micros = progress_;
  SendMessage(message);
}

void ChannelSink::Incomplete(media::IncompleteCode code, std::string_view detail) {
  // Each reason once, and not without bound: damaged files can find the same fault in every packet.
  const bool told = std::any_of(reasons_.begin(), reasons_.end(), [&](const auto& reason) {
    return reason.first == code && reason.second == detail;
  });
  if (told || reasons_.size() >= sandbox::kMaxReasons) return;
  reasons_.emplace_back(code, detail);
  DecoderMessage message = NewMessage(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(code);
  message.incomplete.detail_bytes = CopyPlain(detail, message.incomplete.detail);
  SendMessage(message);
}

void ChannelSink::Finish() {
  FlushProgress();
  DecoderMessage message = NewMessage(MessageKind::kFinished);
  message.finished.frames = sent_;
  message.finished.seen = std::min(counts_.seen, sandbox::kMaxCounted);
  message.finished.skipped = std::min(counts_.skipped, sandbox::kMaxCounted);
  message.finished.rejected = std::min(counts_.rejected, sandbox::kMaxCounted);
  message.finished.unrecognised_bytes = unrecognised_;
  SendMessage(message);
}

}  // namespace tamiz::decoder
