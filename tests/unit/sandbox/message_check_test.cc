#include "core/sandbox/message_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <string>

namespace tamiz::sandbox {
namespace {

using media::IncompleteCode;

constexpr MessageLimits kLimits{.slot_count = 3,
                                .slot_bytes = SlotBytes(1'000'000, 4096),
                                .max_frame_pixels = 1'000'000,
                                .max_dimension = 4096,
                                .max_frames = 10,
                                .upload_bytes = 1000};
constexpr auto kSize = static_cast<std::int64_t>(sizeof(DecoderMessage));

DecoderMessage Message(MessageKind kind) {
  DecoderMessage message;
  std::memset(static_cast<void*>(&message), 0, sizeof message);
  message.kind = kind;
  return message;
}

DecoderMessage Frame(std::uint32_t index, std::uint32_t slot = 0) {
  DecoderMessage message = Message(MessageKind::kFrame);
  message.frame.index = index;
  message.frame.slot = slot;
  message.frame.width = 640;
  message.frame.height = 480;
  message.frame.time_micros = std::int64_t{1000} * index;
  return message;
}

DecoderMessage Media() {
  DecoderMessage message = Message(MessageKind::kMedia);
  message.media.width = 640;
  message.media.height = 480;
  message.media.duration_micros = 1'000'000;
  message.media.exif_orientation = 8;
  message.media.animated = 1;
  message.media.codec_bytes = 4;
  std::memcpy(message.media.codec, "h264", 4);
  return message;
}

DecoderMessage Reason() {
  DecoderMessage message = Message(MessageKind::kIncomplete);
  message.incomplete.code = static_cast<std::uint32_t>(IncompleteCode::kDecodeTruncated);
  message.incomplete.detail_bytes = 5;
  std::memcpy(message.incomplete.detail, "short", 5);
  return message;
}

class MessageCheckTest : public ::testing::Test {
 protected:
  MessageCheckTest() { EXPECT_EQ(Admit(Message(MessageKind::kReady)), ""); }
  std::string Admit(const DecoderMessage& message, std::uint32_t leased = 0) {
    return std::string(check_.Admit(message, kSize, leased));
  }
  MessageCheck check_{kLimits};
};

TEST_F(MessageCheckTest, AnHonestDecoderIsBelieved) {
  EXPECT_EQ(Admit(Media()), "");
  DecoderMessage planned = Message(MessageKind::kPlanned);
  planned.planned.frames = 3;
  EXPECT_EQ(Admit(planned), "");
  EXPECT_EQ(Admit(Frame(0, 2)), "");
  DecoderMessage variant = Frame(0, 1);
  variant.frame.variant = 1;
  EXPECT_EQ(Admit(variant, 0b100), "");
  EXPECT_EQ(Admit(Frame(1, 0), 0b110), "");
  EXPECT_EQ(Admit(Frame(9, 2), 0b011), "");
  EXPECT_EQ(Admit(Reason()), "");
  EXPECT_EQ(check_.distinct_frames(), 3u);
  EXPECT_FALSE(check_.finished());
  DecoderMessage finished = Message(MessageKind::kFinished);
  finished.finished.frames = 4;
  EXPECT_EQ(Admit(finished), "");
  EXPECT_TRUE(check_.finished());
  EXPECT_EQ(Admit(Reason()), "a message follows the last one");
}

TEST_F(MessageCheckTest, ARepeatNeedsAFrameAndCountsAsOne) {
  DecoderMessage repeat = Message(MessageKind::kRepeat);
  repeat.repeat.index = 1;
  EXPECT_EQ(Admit(repeat), "a repeat of nothing");
  MessageCheck check(kLimits);
  const auto admit = [&](const DecoderMessage& message) {
    return std::string(check.Admit(message, kSize, 0));
  };
  EXPECT_EQ(admit(Message(MessageKind::kReady)), "");
  EXPECT_EQ(admit(Frame(0)), "");
  repeat.repeat.time_micros = 1000;
  EXPECT_EQ(admit(repeat), "");
  EXPECT_EQ(check.distinct_frames(), 2u);
  DecoderMessage variant = Frame(1);
  variant.frame.variant = 1;
  EXPECT_EQ(admit(variant), "a frame sent twice");  // a repeat has no variants
}

TEST_F(MessageCheckTest, UnseenSpansAreBoundedInNumber) {
  DecoderMessage unseen = Message(MessageKind::kUnseen);
  unseen.unseen.end_micros = 5;
  for (std::uint32_t i = 0; i < kMaxUnseen; ++i) ASSERT_EQ(Admit(unseen), "");
  EXPECT_EQ(Admit(unseen), "too many unseen spans");
}

TEST_F(MessageCheckTest, AdmittedMessagesAreReadWhole) {
  const media::MediaInfo info = ToMediaInfo(Media().media);
  EXPECT_EQ(info.codec, "h264");
  EXPECT_EQ(info.height, 480u);
  EXPECT_EQ(info.exif_orientation, 8u);
  EXPECT_TRUE(info.animated);
  const media::IncompleteReason reason = ToReason(Reason().incomplete);
  EXPECT_EQ(reason.code, IncompleteCode::kDecodeTruncated);
  EXPECT_EQ(reason.detail, "short");
}

TEST_F(MessageCheckTest, TheLargestFrameFitsItsSlot) {
  // Whatever the shape, what the limits admit fits: the slot is sized for it.
  for (const auto& [width, height] : {std::pair{1u, 4096u}, {65u, 4096u}, {4096u, 244u}, {1000u, 1000u}}) {
    MessageCheck check(kLimits);
    ASSERT_EQ(check.Admit(Message(MessageKind::kReady), kSize, 0), "");
    DecoderMessage frame = Frame(0);
    frame.frame.width = width;
    frame.frame.height = height;
    EXPECT_EQ(check.Admit(frame, kSize, 0), "") << width << "x" << height;
    EXPECT_LE(std::uint64_t{RowStride(width)} * height, kLimits.slot_bytes);
  }
}

struct Lie {
  const char* rule;
  std::function<DecoderMessage()> tell;
  std::uint32_t leased = 0;
};

template <typename Change>
std::function<DecoderMessage()> FrameWith(Change change) {
  return [change] {
    DecoderMessage message = Frame(3);
    change(message.frame);
    return message;
  };
}
template <typename Change>
std::function<DecoderMessage()> MediaWith(Change change) {
  return [change] {
    DecoderMessage message = Media();
    change(message.media);
    return message;
  };
}
template <typename Change>
std::function<DecoderMessage()> ReasonWith(Change change) {
  return [change] {
    DecoderMessage message = Reason();
    change(message.incomplete);
    return message;
  };
}

template <typename Change>
std::function<DecoderMessage()> RepeatWith(Change change) {
  return [change] {
    DecoderMessage message = Message(MessageKind::kRepeat);
    message.repeat = {.time_micros = 3000, .index = 3};
    change(message.repeat);
    return message;
  };
}
std::function<DecoderMessage()> UnseenOf(std::int64_t start, std::int64_t end) {
  return [start, end] {
    DecoderMessage message = Message(MessageKind::kUnseen);
    message.unseen = {.start_micros = start, .end_micros = end};
    return message;
  };
}

DecoderMessage Part(std::uint32_t index) {
  DecoderMessage message = Message(MessageKind::kPart);
  message.part.index = index;
  message.part.kind = static_cast<std::uint32_t>(media::PartKind::kAppended);
  message.part.format = static_cast<std::uint32_t>(media::FileFormat::kMp4);
  message.part.offset = 600;
  message.part.bytes = 400;
  message.part.codec_bytes = 4;
  std::memcpy(message.part.codec, "h264", 4);
  return message;
}
template <typename Change>
std::function<DecoderMessage()> PartWith(Change change) {
  return [change] {
    DecoderMessage message = Part(1);
    change(message.part);
    return message;
  };
}

// Each against a decoder that has sent the frame 2 at 2 ms and nothing else.
TEST(MessageCheckLies, EachFieldIsChecked) {
  const auto with_code = [](IncompleteCode code) {
    return ReasonWith([code](auto& reason) { reason.code = static_cast<std::uint32_t>(code); });
  };
  const Lie lies[] = {
      {"no such frame slot", FrameWith([](auto& f) { f.slot = 3; })},
      {"no such frame slot", FrameWith([](auto& f) { f.slot = 32; })},
      {"no such frame slot", FrameWith([](auto& f) { f.slot = 0xffffffff; })},
      {"a frame slot sent twice", FrameWith([](auto& f) { f.slot = 1; }), 0b010},
      {"an empty frame", FrameWith([](auto& f) { f.width = 0; })},
      {"an empty frame", FrameWith([](auto& f) { f.height = 0; })},
      {"frame width or height over the limit", FrameWith([](auto& f) { f.width = 4097; })},
      {"frame width or height over the limit", FrameWith([](auto& f) { f.height = 4097; })},
      {"frame width or height over the limit", FrameWith([](auto& f) { f.width = f.height = 0xffffffff; })},
      {"frame width or height over the limit", FrameWith([](auto& f) { f.width = f.height = 0x10000; })},
      {"frame pixels over the limit", FrameWith([](auto& f) { f.width = 1001, f.height = 1000; })},
      {"no such frame variant", FrameWith([](auto& f) { f.variant = 2; })},
      {"frame index over the plan's", FrameWith([](auto& f) { f.index = 10; })},
      {"frame index over the plan's", FrameWith([](auto& f) { f.index = 0xffffffff; })},
      {"frame index goes back", FrameWith([](auto& f) { f.index = 1; })},
      {"a frame sent twice", FrameWith([](auto& f) { f.index = 2; })},
      {"frame time out of range", FrameWith([](auto& f) { f.time_micros = -1; })},
      {"frame time out of range", FrameWith([](auto& f) { f.time_micros = kMaxTimeMicros + 1; })},
      {"frame time goes back", FrameWith([](auto& f) { f.time_micros = 1999; })},
      {"media information after the first frame", MediaWith([](auto&) {})},
      {"planned frames out of range",
       [] {
         DecoderMessage message = Message(MessageKind::kPlanned);
         message.planned.frames = kMaxPlannedFrames + 1;
         return message;
       }},
      {"frame index over the plan's", RepeatWith([](auto& r) { r.index = 10; })},
      {"a frame sent twice", RepeatWith([](auto& r) { r.index = 2; })},
      {"frame time out of range", RepeatWith([](auto& r) { r.time_micros = kMaxTimeMicros + 1; })},
      {"frame time goes back", RepeatWith([](auto& r) { r.time_micros = 1999; })},
      {"unseen time out of range", UnseenOf(-1, 5)},
      {"unseen time out of range", UnseenOf(0, kMaxTimeMicros + 1)},
      {"an unseen span ends before it starts", UnseenOf(6, 5)},
      {"counts out of range",
       [] {
         DecoderMessage message = Message(MessageKind::kFinished);
         message.finished.frames = 1;
         message.finished.skipped = kMaxCounted + 1;
         return message;
       }},
      {"progress time out of range",
       [] {
         DecoderMessage message = Message(MessageKind::kProgress);
         message.progress.time_micros = -5;
         return message;
       }},
      {"not a decoder's reason", with_code(static_cast<IncompleteCode>(0))},
      {"not a decoder's reason", with_code(static_cast<IncompleteCode>(16))},
      {"not a decoder's reason", with_code(static_cast<IncompleteCode>(0xffffffff))},
      {"not a decoder's reason", with_code(IncompleteCode::kDecoderCrashed)},
      {"not a decoder's reason", with_code(IncompleteCode::kDecoderTimeout)},
      {"not a decoder's reason", with_code(IncompleteCode::kListUnavailable)},
      {"not a decoder's reason", with_code(IncompleteCode::kLowQuality)},
      {"reason too long", ReasonWith([](auto& r) { r.detail_bytes = kMaxDetailBytes + 1; })},
      {"reason too long", ReasonWith([](auto& r) { r.detail_bytes = 0xffffffff; })},
      {"reason is not plain text", ReasonWith([](auto& r) { r.detail[2] = '\n'; })},
      {"reason is not plain text", ReasonWith([](auto& r) { r.detail[4] = '\x7f'; })},
      {"reason is not plain text", ReasonWith([](auto& r) { r.detail[0] = '\xc3'; })},
      {"reason is not plain text", ReasonWith([](auto& r) { r.detail_bytes = 6; })},
      {"frames sent and frames claimed differ",
       [] {
         DecoderMessage message = Message(MessageKind::kFinished);
         message.finished.frames = 2;
         return message;
       }},
      {"too many parts", PartWith([](auto& p) { p.index = media::kMaxParts + 1; })},
      {"a part out of order", PartWith([](auto& p) { p.index = 0; })},
      {"a part out of order", PartWith([](auto& p) { p.index = 2; })},
      {"no such kind of part", PartWith([](auto& p) { p.kind = 0; })},
      {"no such kind of part", PartWith([](auto& p) { p.kind = 4; })},
      {"a part of no format", PartWith([](auto& p) { p.format = 4711; })},
      {"a part outside the upload", PartWith([](auto& p) { p.bytes = 401; })},
      {"a part outside the upload", PartWith([](auto& p) { p.offset = UINT64_MAX; })},
      {"a part outside the upload", PartWith([](auto& p) { p.bytes = UINT64_MAX; })},
      {"media size out of range", PartWith([](auto& p) { p.width = kMaxPictureSide + 1; })},
      {"duration out of range", PartWith([](auto& p) { p.duration_micros = -1; })},
      {"a part's start out of range", PartWith([](auto& p) { p.start_micros = kMaxTimeMicros + 1; })},
      {"animated is neither yes nor no", PartWith([](auto& p) { p.animated = 2; })},
      {"codec name too long", PartWith([](auto& p) { p.codec_bytes = kMaxCodecBytes + 1; })},
      {"codec name is not plain text", PartWith([](auto& p) { p.codec[1] = '\x1b'; })},
      {"more bytes than the upload has",
       [] {
         DecoderMessage message = Message(MessageKind::kFinished);
         message.finished.frames = 1;
         message.finished.unrecognised_bytes = 1001;
         return message;
       }},
      {"ready twice", [] { return Message(MessageKind::kReady); }},
      {"a message of unknown kind", [] { return Message(static_cast<MessageKind>(0)); }},
      {"a message of unknown kind", [] { return Message(static_cast<MessageKind>(11)); }},
      {"a message of unknown kind", [] { return Message(static_cast<MessageKind>(0xffffffff)); }},
  };
  for (const Lie& lie : lies) {
    MessageCheck check(kLimits);
    ASSERT_EQ(check.Admit(Message(MessageKind::kReady), kSize, 0), "");
    ASSERT_EQ(check.Admit(Frame(2), kSize, 0), "");
    EXPECT_EQ(check.Admit(lie.tell(), kSize, lie.leased), lie.rule);
  }
}

TEST_F(MessageCheckTest, MediaInformationIsChecked) {
  const Lie lies[] = {
      {"media size out of range", MediaWith([](auto& m) { m.width = kMaxPictureSide + 1; })},
      {"media size out of range", MediaWith([](auto& m) { m.height = 0xffffffff; })},
      {"duration out of range", MediaWith([](auto& m) { m.duration_micros = -1; })},
      {"duration out of range", MediaWith([](auto& m) { m.duration_micros = kMaxTimeMicros + 1; })},
      {"orientation out of range", MediaWith([](auto& m) { m.exif_orientation = 9; })},
      {"animated is neither yes nor no", MediaWith([](auto& m) { m.animated = 2; })},
      {"codec name too long", MediaWith([](auto& m) { m.codec_bytes = kMaxCodecBytes + 1; })},
      {"codec name is not plain text", MediaWith([](auto& m) { m.codec[1] = '\0'; })},
  };
  for (const Lie& lie : lies) EXPECT_EQ(Admit(lie.tell()), lie.rule);
}

TEST_F(MessageCheckTest, PartsAreToldInOrderAndBeforeTheirFrames) {
  EXPECT_EQ(Admit(Frame(0)), "");
  EXPECT_EQ(Admit(Part(1)), "");
  DecoderMessage more = Part(1);
  more.part.width = 640;
  EXPECT_EQ(Admit(more), "");  // more is known
  EXPECT_EQ(Admit(Frame(1, 1)), "");
  EXPECT_EQ(Admit(Part(1)), "information on a part after its first frame");
  MessageCheck before(kLimits);
  ASSERT_EQ(before.Admit(Message(MessageKind::kReady), kSize, 0), "");
  ASSERT_EQ(before.Admit(Part(1), kSize, 0), "");
  EXPECT_EQ(before.Admit(Media(), kSize, 0), "media information after the first part");
}

TEST_F(MessageCheckTest, ProgressDoesNotGoBack) {
  DecoderMessage progress = Message(MessageKind::kProgress);
  progress.progress.time_micros = 500;
  EXPECT_EQ(Admit(progress), "");
  progress.progress.time_micros = 499;
  EXPECT_EQ(Admit(progress), "progress goes back");
}

TEST_F(MessageCheckTest, SizesMustBeExact) {
  for (const std::int64_t bytes :
       {std::int64_t{0}, std::int64_t{4}, kSize - 1, kSize + 1, std::int64_t{1} << 40}) {
    MessageCheck check(kLimits);
    EXPECT_EQ(check.Admit(Message(MessageKind::kReady), bytes, 0), "a message has the wrong size");
  }
}

TEST(MessageCheckOrder, NothingComesBeforeReady) {
  for (const MessageKind kind : {MessageKind::kMedia, MessageKind::kPlanned, MessageKind::kFrame,
                                 MessageKind::kProgress, MessageKind::kIncomplete, MessageKind::kFinished}) {
    MessageCheck check(kLimits);
    EXPECT_EQ(check.Admit(Message(kind), kSize, 0), "a message precedes the first one");
  }
}

TEST_F(MessageCheckTest, FloodsAreStoppedAndFramesPayForMessages) {
  const DecoderMessage planned = Message(MessageKind::kPlanned);
  std::string rule;
  std::uint64_t admitted = 0;
  while (rule.empty() && admitted < 2 * kMaxControlMessages) {
    rule = Admit(planned);
    if (rule.empty()) ++admitted;
  }
  EXPECT_EQ(rule, "too many messages");
  EXPECT_EQ(admitted, kMaxControlMessages - 1);  // ready is one

  MessageCheck paid(kLimits);
  ASSERT_EQ(paid.Admit(Message(MessageKind::kReady), kSize, 0), "");
  ASSERT_EQ(paid.Admit(Frame(0), kSize, 0), "");
  for (std::uint64_t i = 0; i < kMaxControlMessages + 1; ++i) ASSERT_EQ(paid.Admit(planned, kSize, 0), "");
  EXPECT_EQ(paid.Admit(planned, kSize, 0), "too many messages");
}

TEST_F(MessageCheckTest, ReasonsAreBounded) {
  for (std::uint32_t i = 0; i < kMaxReasons; ++i) EXPECT_EQ(Admit(Reason()), "");
  EXPECT_EQ(Admit(Reason()), "too many reasons");
}

// Random bytes: whatever is admitted is within the limits.
TEST(MessageCheckNoise, AdmitsNothingOutOfRange) {
  std::mt19937_64 random(20261123);
  std::uint64_t admitted_frames = 0;
  for (int round = 0; round < 200'000; ++round) {
    MessageCheck check(kLimits);
    ASSERT_EQ(check.Admit(Message(MessageKind::kReady), kSize, 0), "");
    DecoderMessage message;
    auto* bytes = reinterpret_cast<unsigned char*>(&message);
    for (std::size_t i = 0; i < sizeof message; ++i) {
      // Small and extreme values more often than chance has them.
      const std::uint64_t dice = random();
      bytes[i] = dice % 16 == 0 ? static_cast<unsigned char>(dice >> 8) : dice % 64 == 1 ? 0xff : 0;
    }
    message.kind = static_cast<MessageKind>(2 + random() % 6);
    const auto leased = static_cast<std::uint32_t>(random() % 8);
    if (!check.Admit(message, kSize, leased).empty()) continue;
    if (message.kind == MessageKind::kFrame) {
      ++admitted_frames;
      const FrameBody& frame = message.frame;
      ASSERT_LT(frame.slot, kLimits.slot_count);
      ASSERT_EQ(leased >> frame.slot & 1, 0u);
      ASSERT_LE(std::uint64_t{frame.width} * frame.height, kLimits.max_frame_pixels);
      ASSERT_LE(RowStride(frame.width) * frame.height, kLimits.slot_bytes);
      ASSERT_LT(frame.index, kLimits.max_frames);
    } else if (message.kind == MessageKind::kIncomplete) {
      ASSERT_LE(ToReason(message.incomplete).detail.size(), kMaxDetailBytes);
    } else if (message.kind == MessageKind::kMedia) {
      ASSERT_LE(ToMediaInfo(message.media).codec.size(), kMaxCodecBytes);
    }
  }
  EXPECT_GT(admitted_frames, 0u) << "the noise is too wild to test anything";
}

}  // namespace
}  // namespace tamiz::sandbox
