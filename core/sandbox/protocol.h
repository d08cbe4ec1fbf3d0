// What tamizd, the zygote and the decoders say to each other.
//
// All messages are small structs of fixed size over SOCK_SEQPACKET, so that the kernel copies each exactly
// once into memory that the sender cannot write to. Pixels travel beside them, in the slots of a shared
// memfd: read in place, as values only. What a decoder sends is hostile: message_check.h decides what is
// believed. Both ends are built together and kProtocolVersion is checked at start: nothing here needs to be
// compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/media/sampling.h"

namespace tamiz::sandbox {

inline constexpr std::uint32_t kProtocolVersion = 4;

// The socket's descriptor in the zygote (to tamizd's supervisor) and in a decoder (its channel).
inline constexpr int kSocketFd = 3;

inline constexpr std::uint32_t kMaxSlots = 16;
// Rows of a slot begin at multiples of this, for vector loads.
inline constexpr std::uint32_t kRowAlignment = 64;

// Bytes from row to row. Both sides compute it; a stride is never sent.
[[nodiscard]] constexpr std::size_t RowStride(std::uint32_t width) {
  return (std::size_t{width} + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

// Bytes of a slot that holds every frame within the limits, a multiple of 2 MiB (a huge page).
[[nodiscard]] constexpr std::uint64_t SlotBytes(std::uint64_t max_frame_pixels, std::uint32_t max_dimension) {
  constexpr std::uint64_t kHuge = 2u << 20;
  const std::uint64_t bytes = max_frame_pixels + std::uint64_t{kRowAlignment - 1} * max_dimension;
  return (bytes + kHuge - 1) / kHuge * kHuge;
}

// Presentation times beyond this are no times: a hundred days.
inline constexpr std::int64_t kMaxTimeMicros = std::int64_t{100} * 24 * 3600 * 1'000'000;

// Most messages that are not frames and not paid for by one: a decoder that says more than this floods.
inline constexpr std::uint64_t kMaxControlMessages = 20'000;
inline constexpr std::uint32_t kMaxReasons = 32;
// Spans that were not seen are joined by the decoder beyond this.
inline constexpr std::uint32_t kMaxUnseen = 1'000;
inline constexpr std::uint32_t kMaxPictureSide = 1u
                                                 << 30;  // of MediaInfo, which may describe refused pictures
inline constexpr std::uint64_t kMaxPlannedFrames = std::uint64_t{1} << 53;
inline constexpr std::uint64_t kMaxCounted = std::uint64_t{1} << 53;  // of pictures, by FinishedBody

// How a decoder ends when it cannot say so.
inline constexpr int kExitDone = 0;
inline constexpr int kExitOutOfMemory = 70;
inline constexpr int kExitNotConfined = 71;  // before the upload came
inline constexpr int kExitServerGone = 72;

// Layers of confinement, one bit each.
enum class Layer : std::uint32_t {
  kSeccomp = 1u << 0,
  kNoNewPrivileges = 1u << 1,
  kNotDumpable = 1u << 2,
  kNoCapabilities = 1u << 3,
  kResourceLimits = 1u << 4,
  kAddressSpace = 1u << 5,  // RLIMIT_AS can be used: not under AddressSanitizer
  kLandlock = 1u << 6,
  kNetworkNamespace = 1u << 7,
  kUserNamespace = 1u << 8,
  kIpcNamespace = 1u << 9,
  kUtsNamespace = 1u << 10,
  kMountNamespace = 1u << 11,  // with an empty root
};

// ---- tamizd <-> zygote

struct ZygoteHello {
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t address_space_bytes;  // at rest, warmed up
};

// With it travel the decoder's end of the channel and the memfd of its slots.
struct SpawnRequest {
  std::uint32_t slot_count;
  std::uint32_t reserved;
  std::uint64_t slot_bytes;
  std::uint64_t prepared_bytes;       // heap to touch before reporting ready
  std::uint64_t prepared_slot_bytes;  // of the first slot
};

struct SpawnReply {
  std::int32_t pid;    // 0: failed
  std::int32_t error;  // errno
};

// ---- tamizd -> decoder

// A span of a sampling plan.
struct JobSpan {
  std::int64_t start_micros;
  std::int64_t end_micros;
};

// Exactly one, with the upload's descriptor.
struct Job {
  std::uint64_t size_bytes;
  std::uint64_t max_frame_pixels;
  std::uint64_t max_total_pixels;
  std::uint64_t max_packets;
  std::uint64_t formats_off;  // in which parts are not decoded; a bit for each media::FileFormat
  std::int64_t interval_micros;
  std::int64_t max_gap_micros;
  std::int64_t head_micros;
  std::uint32_t max_dimension;
  std::uint32_t threads;
  std::uint32_t format;  // media::FileFormat
  std::uint32_t max_frames;
  std::uint32_t choices;  // bits of Choice
  std::uint32_t span_count;
  JobSpan spans[media::kMaxPlanSpans];
};

// The yes and no of a media::SamplingPlan, one bit each.
enum class Choice : std::uint32_t {
  kEveryFrame = 1u << 0,
  kRegular = 1u << 1,
  kExact = 1u << 2,
  kKeyFrames = 1u << 3,
  kSceneChanges = 1u << 4,
  kSpread = 1u << 5,
  kAllowance = 1u << 6,
};

// The server is done with a slot.
struct Release {
  std::uint32_t slot;
};

// ---- decoder -> tamizd

enum class MessageKind : std::uint32_t {
  kReady = 1,  // confined and waiting for its job
  kMedia = 2,  // before the first frame
  kPlanned = 3,
  kFrame = 4,  // passes the slot to the server
  kProgress = 5,
  kIncomplete = 6,
  kFinished = 7,  // the last
  kRepeat = 8,    // a frame that shows the same as the one before: without a slot
  kUnseen = 9,
  kPart = 10,  // what follows is about a part of the upload; again when more is known, before its first frame
};

inline constexpr std::size_t kMaxCodecBytes = 32;
inline constexpr std::size_t kMaxDetailBytes = 200;

struct ReadyBody {
  std::uint32_t layers;  // bits of Layer
};
struct MediaBody {
  std::int64_t duration_micros;
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t exif_orientation;
  std::uint32_t animated;
  std::uint32_t codec_bytes;
  char codec[kMaxCodecBytes];
};
struct PlannedBody {
  std::uint64_t frames;
};
struct FrameBody {
  std::int64_t time_micros;
  std::uint32_t slot;
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t index;
  std::uint32_t variant;
};
struct ProgressBody {
  std::int64_t time_micros;
};
struct IncompleteBody {
  std::uint32_t code;
  std::uint32_t detail_bytes;
  char detail[kMaxDetailBytes];
};
struct FinishedBody {
  std::uint64_t frames;  // sent in all, variants and repeats counted
  std::uint64_t seen;    // as media::DecodeCounts
  std::uint64_t skipped;
  std::uint64_t rejected;
  std::uint64_t unrecognised_bytes;
};
struct RepeatBody {
  std::int64_t time_micros;
  std::uint32_t index;
};
struct UnseenBody {
  std::int64_t start_micros;
  std::int64_t end_micros;
};

struct PartBody {
  std::int64_t duration_micros;
  std::int64_t start_micros;
  std::uint64_t offset;
  std::uint64_t bytes;
  std::uint32_t index;
  std::uint32_t kind;    // media::PartKind
  std::uint32_t format;  // media::FileFormat
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t animated;
  std::uint32_t codec_bytes;
  char codec[kMaxCodecBytes];
};

struct DecoderMessage {
  MessageKind kind;
  std::uint32_t reserved;
  union {
    ReadyBody ready;
    MediaBody media;
    PlannedBody planned;
    FrameBody frame;
    ProgressBody progress;
    IncompleteBody incomplete;
    FinishedBody finished;
    RepeatBody repeat;
    UnseenBody unseen;
    PartBody part;
  };
};
static_assert(std::is_trivially_copyable_v<DecoderMessage>);

}  // namespace tamiz::sandbox
