#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "core/sandbox/socket_message.h"
#include "tests/sandbox/sandboxees/sandboxee.h"

namespace tamiz::decoder::sandboxee {
namespace {

using sandbox::DecoderMessage;
using sandbox::MessageKind;

DecoderMessage Message(MessageKind kind) {
  DecoderMessage message;
  std::memset(static_cast<void*>(&message), 0, sizeof message);
  message.kind = kind;
  return message;
}

DecoderMessage FrameMessage() {
  DecoderMessage message = Message(MessageKind::kFrame);
  message.frame.width = 64;
  message.frame.height = 48;
  return message;
}

// Sends what `change` makes of an honest frame, then behaves.
template <typename Change>
void LieInFrame(ChannelSink& sink, Change change) {
  DecoderMessage message = FrameMessage();
  change(message.frame);
  sink.SendRaw(sandbox::BytesOf(message));
}

void Wide(const DecodeJob& job, ChannelSink& sink) {
  LieInFrame(sink, [&](auto& frame) { frame.width = job.limits.max_dimension + 1; });
}
void Tall(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.height = 0xffffffff; });
}
void Large(const DecodeJob& job, ChannelSink& sink) {
  LieInFrame(sink, [&](auto& frame) { frame.width = frame.height = job.limits.max_dimension; });
}
void Empty(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.width = 0; });
}
void NoSuchSlot(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.slot = 0x80000001; });
}
void IndexOverPlan(const DecodeJob& job, ChannelSink& sink) {
  LieInFrame(sink, [&](auto& frame) { frame.index = job.plan.max_frames; });
}
void NegativeTime(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.time_micros = -1; });
}
void NoSuchVariant(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.variant = 2; });
}

void LateTime(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) { frame.time_micros = INT64_MAX; });
}

// Sends what `change` makes of the first frame, then of a second in the other slot.
template <typename Change>
void LieInSecondFrame(ChannelSink& sink, Change change) {
  DecoderMessage message = FrameMessage();
  message.frame.index = 5;
  message.frame.time_micros = 1000;
  sink.SendRaw(sandbox::BytesOf(message));
  message.frame.slot = 1;
  change(message.frame);
  sink.SendRaw(sandbox::BytesOf(message));
}
void IndexGoesBack(const DecodeJob&, ChannelSink& sink) {
  LieInSecondFrame(sink, [](auto& frame) { frame.index = 4; });
}
void TimeGoesBack(const DecodeJob&, ChannelSink& sink) {
  LieInSecondFrame(sink, [](auto& frame) {
    frame.index = 6;
    frame.time_micros = 999;
  });
}
void FrameTwice(const DecodeJob&, ChannelSink& sink) {
  LieInSecondFrame(sink, [](auto&) {});
}

template <typename Change>
void LieInMedia(ChannelSink& sink, Change change) {
  DecoderMessage message = Message(MessageKind::kMedia);
  change(message.media);
  sink.SendRaw(sandbox::BytesOf(message));
}
void MediaSize(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) { media.width = 0xffffffff; });
}
void MediaDuration(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) { media.duration_micros = -1; });
}
void MediaOrientation(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) { media.exif_orientation = 9; });
}
void MediaAnimated(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) { media.animated = 2; });
}
void MediaCodecLength(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) { media.codec_bytes = 0xffffffff; });
}
void MediaCodecText(const DecodeJob&, ChannelSink& sink) {
  LieInMedia(sink, [](auto& media) {
    media.codec_bytes = 2;
    media.codec[0] = '\n';
  });
}
void MediaLate(const DecodeJob&, ChannelSink& sink) {
  sink.SendRaw(sandbox::BytesOf(FrameMessage()));
  sink.SendRaw(sandbox::BytesOf(Message(MessageKind::kMedia)));
}

void PlannedMany(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kPlanned);
  message.planned.frames = ~std::uint64_t{0};
  sink.SendRaw(sandbox::BytesOf(message));
}
void ProgressNegative(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kProgress);
  message.progress.time_micros = INT64_MIN;
  sink.SendRaw(sandbox::BytesOf(message));
}
void ProgressGoesBack(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kProgress);
  for (const std::int64_t time : {2, 1}) {
    message.progress.time_micros = time;
    sink.SendRaw(sandbox::BytesOf(message));
  }
}
void NoSuchReason(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = 0xffffffff;
  sink.SendRaw(sandbox::BytesOf(message));
}
void ManyReasons(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(media::IncompleteCode::kDecodeFailed);
  for (std::uint32_t i = 0; i <= sandbox::kMaxReasons; ++i) sink.SendRaw(sandbox::BytesOf(message));
}

// Makes its view of the ring larger than the ring, and writes past its end.
void WriteOutsideTheRing(const DecodeJob& job, ChannelSink& sink) {
  const LumaSlot slot = sink.Begin(64, 48);
  const std::size_t slot_bytes = sandbox::SlotBytes(job.limits.max_frame_pixels, job.limits.max_dimension);
  const std::size_t ring = 2 * slot_bytes;
  void* larger = ::mremap(slot.data, ring, ring + (std::size_t{16} << 20), MREMAP_MAYMOVE);
  if (larger == MAP_FAILED) return sink.Incomplete(media::IncompleteCode::kEncrypted, "no larger view");
  auto* const bytes = static_cast<volatile std::uint8_t*>(larger);
  bytes[ring - 1] = 1;  // the last of the ring
  bytes[ring + (1u << 20)] = 1;
  sink.Incomplete(media::IncompleteCode::kEncrypted, "SURVIVED");
}

// The test holds the first frame while the second comes.
void SlotTwice(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = FrameMessage();
  sink.SendRaw(sandbox::BytesOf(message));
  message.frame.index = 1;
  sink.SendRaw(sandbox::BytesOf(message));
}

void NoSuchKind(const DecodeJob&, ChannelSink& sink) {
  sink.SendRaw(sandbox::BytesOf(Message(static_cast<MessageKind>(99))));
}

void ShortMessage(const DecodeJob&, ChannelSink& sink) {
  const DecoderMessage message = FrameMessage();
  sink.SendRaw(sandbox::BytesOf(message).first(12));
}

void LongMessage(const DecodeJob&, ChannelSink& sink) {
  std::byte bytes[4096] = {};
  sink.SendRaw(bytes);
}

void EmptyMessage(const DecodeJob&, ChannelSink& sink) {
  sink.SendRaw({});
  sandbox::Release release{};
  (void)sandbox::ReceiveMessage(sandbox::kSocketFd, sandbox::WritableBytesOf(release), false);
}

void ReadyTwice(const DecodeJob&, ChannelSink& sink) {
  sink.SendRaw(sandbox::BytesOf(Message(MessageKind::kReady)));
}

void ServersReason(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(media::IncompleteCode::kListUnavailable);
  sink.SendRaw(sandbox::BytesOf(message));
}

void DirtyText(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(media::IncompleteCode::kDecodeFailed);
  std::memcpy(message.incomplete.detail, "\x1b[2Jx", 5);
  message.incomplete.detail_bytes = 5;
  sink.SendRaw(sandbox::BytesOf(message));
}

void LongText(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(media::IncompleteCode::kDecodeFailed);
  message.incomplete.detail_bytes = 0xffffffff;
  sink.SendRaw(sandbox::BytesOf(message));
}

void Flood(const DecodeJob&, ChannelSink& sink) {
  for (;;) sink.SendRaw(sandbox::BytesOf(Message(MessageKind::kPlanned)));
}

void CountWrongly(const DecodeJob&, ChannelSink& sink) {
  DecoderMessage message = Message(MessageKind::kFinished);
  message.finished.frames = 7;
  sink.SendRaw(sandbox::BytesOf(message));
}

void CloseChannel(const DecodeJob&, ChannelSink&) {
  ::close(sandbox::kSocketFd);
  const std::uint32_t word = 0;
  for (;;) ::syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr);
}

// Sends a frame, then goes on writing into its slot for as long as the server reads it.
void Scribble(const DecodeJob&, ChannelSink& sink) {
  const LumaSlot slot = sink.Begin(512, 512);
  std::memset(slot.data, 1, slot.stride * slot.height);
  sink.Send(0, {}, media::FrameVariant::kAsShown);
  for (int round = 0; round < 2000; ++round) std::memset(slot.data, round, slot.stride * slot.height);
}

// A frame of the largest size whose memory was never touched.
void UntouchedFrame(const DecodeJob&, ChannelSink& sink) {
  LieInFrame(sink, [](auto& frame) {
    frame.slot = 1;
    frame.width = 4000;
    frame.height = 2000;
  });
  DecoderMessage message = Message(MessageKind::kFinished);
  message.finished.frames = 1;
  sink.SendRaw(sandbox::BytesOf(message));
  ::_exit(0);
}

constexpr Behaviour kAll[] = {
    {"wide", Wide},
    {"tall", Tall},
    {"large", Large},
    {"empty", Empty},
    {"no_such_slot", NoSuchSlot},
    {"index_over_plan", IndexOverPlan},
    {"negative_time", NegativeTime},
    {"no_such_variant", NoSuchVariant},
    {"late_time", LateTime},
    {"index_goes_back", IndexGoesBack},
    {"time_goes_back", TimeGoesBack},
    {"frame_twice", FrameTwice},
    {"media_size", MediaSize},
    {"media_duration", MediaDuration},
    {"media_orientation", MediaOrientation},
    {"media_animated", MediaAnimated},
    {"media_codec_length", MediaCodecLength},
    {"media_codec_text", MediaCodecText},
    {"media_late", MediaLate},
    {"planned_many", PlannedMany},
    {"progress_negative", ProgressNegative},
    {"progress_goes_back", ProgressGoesBack},
    {"no_such_reason", NoSuchReason},
    {"many_reasons", ManyReasons},
    {"write_outside_the_ring", WriteOutsideTheRing},
    {"slot_twice", SlotTwice},
    {"no_such_kind", NoSuchKind},
    {"short_message", ShortMessage},
    {"long_message", LongMessage},
    {"empty_message", EmptyMessage},
    {"ready_twice", ReadyTwice},
    {"servers_reason", ServersReason},
    {"dirty_text", DirtyText},
    {"long_text", LongText},
    {"flood", Flood},
    {"count_wrongly", CountWrongly},
    {"close_channel", CloseChannel},
    {"scribble", Scribble},
    {"untouched_frame", UntouchedFrame},
};

}  // namespace

std::span<const Behaviour> Liars() { return kAll; }

}  // namespace tamiz::decoder::sandboxee
