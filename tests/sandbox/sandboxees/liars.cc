#include <linux/futex.h>
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
