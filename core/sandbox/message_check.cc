#include "core/sandbox/message_check.h"

#include <algorithm>

namespace tamiz::sandbox {
namespace {

using media::FrameVariant;
using media::IncompleteCode;

bool IsPrintable(const char* text, std::size_t bytes) {
  return std::all_of(text, text + bytes, [](char c) { return c >= ' ' && c <= '~'; });
}

bool IsTime(std::int64_t micros) { return micros >= 0 && micros <= kMaxTimeMicros; }

// Reasons that media code may give; the others are the server's to tell.
bool IsDecoderReason(std::uint32_t code) {
  switch (static_cast<IncompleteCode>(code)) {
    case IncompleteCode::kFormatUnknown:
    case IncompleteCode::kFormatDisabled:
    case IncompleteCode::kDecodeFailed:
    case IncompleteCode::kDecodeTruncated:
    case IncompleteCode::kMemoryLimit:
    case IncompleteCode::kPixelLimit:
    case IncompleteCode::kByteLimit:
    case IncompleteCode::kFrameLimit:
    case IncompleteCode::kTimeBudget:
    case IncompleteCode::kEncrypted:
    case IncompleteCode::kNoVisualContent:
      return true;
    case IncompleteCode::kDecoderCrashed:
    case IncompleteCode::kDecoderTimeout:
    case IncompleteCode::kLowQuality:
    case IncompleteCode::kListUnavailable:
    case IncompleteCode::kMatchLimit:
      return false;
  }
  return false;  // no enumerator at all
}

}  // namespace

std::string_view MessageCheck::Admit(const DecoderMessage& message, std::int64_t bytes,
                                     std::uint32_t leased) {
  if (bytes != static_cast<std::int64_t>(sizeof(DecoderMessage))) return "a message has the wrong size";
  if (finished_) return "a message follows the last one";
  if (!ready_ && message.kind != MessageKind::kReady) return "a message precedes the first one";
  const bool pays = message.kind == MessageKind::kFrame || message.kind == MessageKind::kRepeat;
  if (!pays && ++control_messages_ > kMaxControlMessages + 2 * frames_) {
    return "too many messages";
  }
  switch (message.kind) {
    case MessageKind::kReady:
      if (ready_) return "ready twice";
      ready_ = true;
      return {};
    case MessageKind::kMedia:
      return AdmitMedia(message.media);
    case MessageKind::kPlanned:
      if (message.planned.frames > kMaxPlannedFrames) return "planned frames out of range";
      return {};
    case MessageKind::kFrame:
      return AdmitFrame(message.frame, leased);
    case MessageKind::kProgress:
      if (!IsTime(message.progress.time_micros)) return "progress time out of range";
      if (message.progress.time_micros < last_progress_) return "progress goes back";
      last_progress_ = message.progress.time_micros;
      return {};
    case MessageKind::kIncomplete:
      return AdmitIncomplete(message.incomplete);
    case MessageKind::kFinished:
      return AdmitFinished(message.finished);
    case MessageKind::kRepeat:
      return AdmitRepeat(message.repeat);
    case MessageKind::kUnseen:
      return AdmitUnseen(message.unseen);
    case MessageKind::kPart:
      return AdmitPart(message.part);
  }
  return "a message of unknown kind";
}

std::string_view MessageCheck::AdmitMedia(const MediaBody& body) {
  if (frames_ > 0) return "media information after the first frame";
  if (part_ > 0) return "media information after the first part";
  if (body.width > kMaxPictureSide || body.height > kMaxPictureSide) return "media size out of range";
  if (!IsTime(body.duration_micros)) return "duration out of range";
  if (body.exif_orientation > 8) return "orientation out of range";
  if (body.animated > 1) return "animated is neither yes nor no";
  if (body.codec_bytes > kMaxCodecBytes) return "codec name too long";
  if (!IsPrintable(body.codec, body.codec_bytes)) return "codec name is not plain text";
  return {};
}

std::string_view MessageCheck::AdmitFrame(const FrameBody& body, std::uint32_t leased) {
  if (body.slot >= limits_.slot_count) return "no such frame slot";
  if ((leased >> body.slot & 1u) != 0) return "a frame slot sent twice";
  if (body.width == 0 || body.height == 0) return "an empty frame";
  if (body.width > limits_.max_dimension || body.height > limits_.max_dimension) {
    return "frame width or height over the limit";
  }
  if (std::uint64_t{body.width} * body.height > limits_.max_frame_pixels)
    return "frame pixels over the limit";
  if (std::uint64_t{RowStride(body.width)} * body.height > limits_.slot_bytes)
    return "frame exceeds its slot";
  if (body.variant > static_cast<std::uint32_t>(FrameVariant::kAlphaIgnored)) return "no such frame variant";
  if (body.index >= limits_.max_frames) return "frame index over the plan's";
  if (!IsTime(body.time_micros)) return "frame time out of range";
  if (frames_ > 0) {
    if (body.index < last_index_) return "frame index goes back";
    if (body.index == last_index_ && body.variant <= last_variant_) return "a frame sent twice";
    if (body.time_micros < last_time_) return "frame time goes back";
  }
  if (frames_ == 0 || body.index != last_index_) ++distinct_frames_;
  ++frames_;
  part_has_frames_ = true;
  last_index_ = body.index;
  last_variant_ = body.variant;
  last_time_ = body.time_micros;
  return {};
}

std::string_view MessageCheck::AdmitRepeat(const RepeatBody& body) {
  if (frames_ == 0) return "a repeat of nothing";
  if (body.index >= limits_.max_frames) return "frame index over the plan's";
  if (body.index <= last_index_) return "a frame sent twice";
  if (!IsTime(body.time_micros)) return "frame time out of range";
  if (body.time_micros < last_time_) return "frame time goes back";
  ++distinct_frames_;
  ++frames_;
  part_has_frames_ = true;
  last_index_ = body.index;
  last_variant_ = static_cast<std::uint32_t>(FrameVariant::kAlphaIgnored);  // no variant follows
  last_time_ = body.time_micros;
  return {};
}

std::string_view MessageCheck::AdmitUnseen(const UnseenBody& body) {
  if (++unseen_ > kMaxUnseen) return "too many unseen spans";
  if (!IsTime(body.start_micros) || !IsTime(body.end_micros)) return "unseen time out of range";
  if (body.end_micros < body.start_micros) return "an unseen span ends before it starts";
  return {};
}

std::string_view MessageCheck::AdmitPart(const PartBody& body) {
  if (body.index > media::kMaxParts) return "too many parts";
  if (body.index == part_ + 1) {
    ++part_;
    part_has_frames_ = false;
  } else if (part_ == 0 || body.index != part_) {
    return "a part out of order";
  }
  if (part_has_frames_) return "information on a part after its first frame";
  if (body.kind < static_cast<std::uint32_t>(media::PartKind::kAttached) ||
      body.kind > static_cast<std::uint32_t>(media::PartKind::kEmbedded)) {
    return "no such kind of part";
  }
  if (body.format != 0 && media::FindFormat(static_cast<media::FileFormat>(body.format)) == nullptr)
    return "a part of no format";
  if (body.offset > limits_.upload_bytes || body.bytes > limits_.upload_bytes - body.offset)
    return "a part outside the upload";
  if (body.width > kMaxPictureSide || body.height > kMaxPictureSide) return "media size out of range";
  if (!IsTime(body.duration_micros)) return "duration out of range";
  if (!IsTime(body.start_micros)) return "a part's start out of range";
  if (body.animated > 1) return "animated is neither yes nor no";
  if (body.codec_bytes > kMaxCodecBytes) return "codec name too long";
  if (!IsPrintable(body.codec, body.codec_bytes)) return "codec name is not plain text";
  return {};
}

std::string_view MessageCheck::AdmitFinished(const FinishedBody& body) {
  if (body.frames != frames_) return "frames sent and frames claimed differ";
  if (body.seen > kMaxCounted || body.skipped > kMaxCounted || body.rejected > kMaxCounted)
    return "counts out of range";
  if (body.unrecognised_bytes > limits_.upload_bytes) return "more bytes than the upload has";
  finished_ = true;
  return {};
}

std::string_view MessageCheck::AdmitIncomplete(const IncompleteBody& body) {
  if (++reasons_ > kMaxReasons) return "too many reasons";
  if (!IsDecoderReason(body.code)) return "not a decoder's reason";
  if (body.detail_bytes > kMaxDetailBytes) return "reason too long";
  if (!IsPrintable(body.detail, body.detail_bytes)) return "reason is not plain text";
  return {};
}

media::MediaInfo ToMediaInfo(const MediaBody& body) {
  media::MediaInfo info;
  info.codec.assign(body.codec, body.codec_bytes);
  info.width = body.width;
  info.height = body.height;
  info.duration = std::chrono::microseconds(body.duration_micros);
  info.exif_orientation = body.exif_orientation;
  info.animated = body.animated != 0;
  return info;
}

media::MediaPart ToMediaPart(const PartBody& body) {
  media::MediaPart part;
  part.index = body.index;
  part.kind = static_cast<media::PartKind>(body.kind);
  part.format = static_cast<media::FileFormat>(body.format);
  part.offset = body.offset;
  part.bytes = body.bytes;
  part.codec.assign(body.codec, body.codec_bytes);
  part.width = body.width;
  part.height = body.height;
  part.duration = std::chrono::microseconds(body.duration_micros);
  part.animated = body.animated != 0;
  part.start = std::chrono::microseconds(body.start_micros);
  return part;
}

media::IncompleteReason ToReason(const IncompleteBody& body) {
  return {static_cast<media::IncompleteCode>(body.code), std::string(body.detail, body.detail_bytes)};
}

}  // namespace tamiz::sandbox
