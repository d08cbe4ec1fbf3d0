#include "decoder/video.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "decoder/container_check.h"
#include "decoder/ffmpeg_handles.h"
#include "decoder/guarded_codec.h"
#include "decoder/sampler.h"
#include "decoder/track.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
}

namespace tamiz::decoder {
namespace {

using media::FileFormat;
using media::IncompleteCode;
using std::chrono::microseconds;

// After this many errors in a row a demuxer is not asked again.
constexpr int kMaxReadErrors = 16;
// More frames a second than any camera or screen has: their times are not to be trusted.
constexpr std::int64_t kMaxFrameRate = 1000;
constexpr AVRational kMicroseconds = {1, 1'000'000};

const char* DemuxerName(FileFormat format, std::span<const std::uint8_t> content) {
  switch (format) {
    case FileFormat::kPng:
      return "apng";
    case FileFormat::kGif:
      return "gif";
    case FileFormat::kMp4:
    case FileFormat::kHeic:
    case FileFormat::kAvif:
      return "mov";
    case FileFormat::kMatroska:
      return "matroska";
    case FileFormat::kAvi:
      return "avi";
    case FileFormat::kMpegTs:
      return "mpegts";
    case FileFormat::kFlv:
      return "flv";
    case FileFormat::kMpegPs:
      return content.size() > 3 && content[3] == 0xB3 ? "mpegvideo" : "mpeg";
    case FileFormat::kOgg:
      return "ogg";
    case FileFormat::kMp3:
      return "mp3";
    case FileFormat::kWav:
      return "wav";
    case FileFormat::kFlac:
      return "flac";
    case FileFormat::kAac:
      return "aac";
    case FileFormat::kAsf:
      return "asf";
    default:
      return nullptr;
  }
}

// Formats whose headers say all that is needed; the others are probed by decoding a little.
bool NeedsProbing(FileFormat format) {
  switch (format) {
    case FileFormat::kGif:
    case FileFormat::kPng:
    case FileFormat::kMp3:
    case FileFormat::kWav:
    case FileFormat::kFlac:
    case FileFormat::kAac:
      return false;
    default:
      return true;
  }
}

int RefuseToOpen(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); }

// Whether the track is to be shown turned by a quarter.
bool IsQuarterTurned(const AVStream& stream) {
  const std::int32_t* matrix = nullptr;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  const AVPacketSideData* data = av_packet_side_data_get(
      stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  if (data != nullptr && data->size >= 36) matrix = reinterpret_cast<const std::int32_t*>(data->data);
#else
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (data != nullptr && size >= 36) matrix = reinterpret_cast<const std::int32_t*>(data);
#endif
  if (matrix == nullptr) return false;
  const double angle = av_display_rotation_get(matrix);
  return std::abs(std::abs(angle) - 90) < 45;
}

// One container being read.
class Container {
 public:
  Container(Output& output, std::span<const std::uint8_t> content, FileFormat format)
      : output_(output), content_(content), format_(format), input_(content) {}

  [[nodiscard]] bool Open() {
    const char* name = DemuxerName(format_, content_);
    const AVInputFormat* demuxer = name == nullptr ? nullptr : av_find_input_format(name);
    AVFormatContext* raw = avformat_alloc_context();
    if (demuxer == nullptr || raw == nullptr || input_.io() == nullptr) {
      avformat_free_context(raw);
      output_.Incomplete(IncompleteCode::kDecodeFailed, "no demuxer for the format");
      return false;
    }
    raw->pb = input_.io();
    raw->io_open = RefuseToOpen;
    AVDictionary* options = nullptr;
    av_dict_set(&options, "format_whitelist", name, 0);
    av_dict_set(&options, "codec_whitelist", AllowedDecoders(), 0);
    av_dict_set(&options, "protocol_whitelist", "", 0);
    const int result = avformat_open_input(&raw, "", demuxer, &options);
    av_dict_free(&options);
    if (result < 0) {  // raw is freed
      output_.Incomplete(
          result == AVERROR(ENOMEM) ? IncompleteCode::kMemoryLimit : IncompleteCode::kDecodeFailed,
          fmt::format("the {} container could not be opened (code {})", name, result));
      return false;
    }
    format_context_.reset(raw);
    if (NeedsProbing(format_)) Probe();
    NoteEncryption();
    return true;
  }

  // Tracks of pictures as first seen.
  [[nodiscard]] std::vector<AVStream*> VideoStreams() const {
    std::vector<AVStream*> streams;
    for (unsigned i = 0; i < format_context_->nb_streams; ++i) {
      AVStream* stream = format_context_->streams[i];
      if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) streams.push_back(stream);
    }
    return streams;
  }

  // What is left for the tracks once each attached picture has its frame.
  [[nodiscard]] std::uint32_t FrameBudget() const {
    std::uint32_t attached = 0;
    for (const AVStream* stream : VideoStreams())
      attached += (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0 ? 1 : 0;
    return std::max(output_.FrameBudget(), attached + 1) - attached;
  }

  // As stated; zero if unknown.
  [[nodiscard]] microseconds duration() const {
    return microseconds(std::max<std::int64_t>(format_context_->duration, 0));
  }

  // `animation` is null for video.
  void Sample(const SamplingRules& rules, std::uint64_t max_skipped, const AnimationFacts* animation) {
    rules_ = rules;
    max_skipped_ = max_skipped;
    animation_ = animation;
    for (unsigned i = 0; i < format_context_->nb_streams; ++i) Consider(*format_context_->streams[i]);
    Announce();
    bool moving = (format_context_->ctx_flags & AVFMTCTX_NOHEADER) != 0;
    for (const auto& track : tracks_) moving = moving || track != nullptr;
    if (moving) ReadAll();
    for (const auto& track : tracks_) {
      if (track != nullptr) track->Drain();
    }
    if (seen_video_) {
      if (output_.frames() == 0 && !output_.stopped() && !output_.HasReason())
        output_.Incomplete(IncompleteCode::kDecodeFailed, "no picture could be decoded");
    } else if (attached_.empty() && !output_.HasReason()) {
      output_.Incomplete(IncompleteCode::kNoVisualContent, "no track of pictures");
    }
    for (AVStream* stream : attached_) {
      if (!output_.LooksAtParts() || !LookAtAttached(*stream)) break;
    }
  }

 private:
  // Told by the container. What is said to be encrypted is tried all the same, unless its packets say so too:
  // a remark does not keep a file from being looked at.
  void NoteEncryption() {
    bool encrypted = format_ == FileFormat::kMp4 && HasEncryptedVideo(content_);
    for (const AVStream* stream : VideoStreams())
      encrypted = encrypted || av_dict_get(stream->metadata, "enc_key_id", nullptr, 0) != nullptr;
    if (encrypted) output_.Incomplete(IncompleteCode::kEncrypted, "a video track is encrypted");
  }

  void Probe() {
    const DecodeLimits& limits = output_.job().limits;
    std::vector<AVDictionary*> options(format_context_->nb_streams, nullptr);
    for (AVDictionary*& dict : options) {
      av_dict_set_int(&dict, "threads", 1, 0);
      av_dict_set_int(&dict, "max_pixels",
                      static_cast<std::int64_t>(std::min<std::uint64_t>(limits.max_frame_pixels, INT32_MAX)),
                      0);
      av_dict_set(&dict, "codec_whitelist", AllowedDecoders(), 0);
    }
    // Fails for streams that it cannot make out; those are reported when they do not open.
    (void)avformat_find_stream_info(format_context_.get(), options.empty() ? nullptr : options.data());
    for (AVDictionary*& dict : options) av_dict_free(&dict);
  }

  // Makes a track of a stream that shows pictures.
  void Consider(AVStream& stream) {
    if (static_cast<std::size_t>(stream.index) >= tracks_.size())
      tracks_.resize(static_cast<std::size_t>(stream.index) + 1);
    if (stream.codecpar->codec_type != AVMEDIA_TYPE_VIDEO) {
      stream.discard = AVDISCARD_ALL;
      return;
    }
    if ((stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
      if (stream.attached_pic.size > 0) attached_.push_back(&stream);
      stream.discard = AVDISCARD_ALL;
      return;
    }
    seen_video_ = true;
    if (video_tracks_ == kMaxVideoTracks) {
      stream.discard = AVDISCARD_ALL;
      output_.Incomplete(IncompleteCode::kFrameLimit,
                         fmt::format("more than {} video tracks", kMaxVideoTracks));
      return;
    }
    ++video_tracks_;
    Track::Traits traits;
    traits.rules = rules_;
    traits.exact = output_.job().plan.exact;
    traits.max_skipped = max_skipped_;
    traits.duration = duration();
    traits.animation = animation_ != nullptr;
    traits.late_start = format_ == FileFormat::kMpegTs || format_ == FileFormat::kMpegPs;
    auto track = std::make_unique<Track>(output_, stream, traits);
    if (!track->Open()) {
      stream.discard = AVDISCARD_ALL;
      return;
    }
    tracks_[static_cast<std::size_t>(stream.index)] = std::move(track);
  }

  void Announce() {
    const auto first =
        std::find_if(tracks_.begin(), tracks_.end(), [](const auto& t) { return t != nullptr; });
    media::MediaInfo media;
    const std::int64_t duration = format_context_->duration;
    if (duration != AV_NOPTS_VALUE && duration > 0) media.duration = microseconds(duration);
    std::uint64_t frames = 0;
    for (const AVStream* stream : VideoStreams())
      frames += static_cast<std::uint64_t>(std::max<std::int64_t>(stream->nb_frames, 0));
    if (animation_ != nullptr) {
      media.animated = true;
      if (animation_->duration.count() > 0) media.duration = animation_->duration;
      if (animation_->frames > 0) frames = animation_->frames;
    }
    if (first != tracks_.end()) {
      const AVStream& stream = (*first)->stream();
      media.codec = (*first)->codec_name();
      const bool turned = IsQuarterTurned(stream);
      media.width =
          static_cast<std::uint32_t>(std::max(0, turned ? stream.codecpar->height : stream.codecpar->width));
      media.height =
          static_cast<std::uint32_t>(std::max(0, turned ? stream.codecpar->width : stream.codecpar->height));
    }
    output_.Media(media);
    const microseconds spacing = rules_.Spacing();
    const bool moving = first != tracks_.end() || (format_context_->ctx_flags & AVFMTCTX_NOHEADER) != 0;
    if (spacing.count() > 0 && moving) frames = static_cast<std::uint64_t>(media.duration / spacing) + 1;
    if (frames > 0)
      output_.Planned(output_.frames() + std::min<std::uint64_t>(frames, output_.job().plan.max_frames));
  }

  void ReadAll() {
    const PacketPtr packet(av_packet_alloc());
    if (packet == nullptr) return;
    int errors = 0;
    while (!output_.stopped()) {
      const int result = av_read_frame(format_context_.get(), packet.get());
      if (result == AVERROR_EOF) break;
      if (result < 0) {
        output_.Incomplete(
            result == AVERROR(ENOMEM) ? IncompleteCode::kMemoryLimit : IncompleteCode::kDecodeTruncated,
            fmt::format("the container could not be read on (code {})", result));
        if (result == AVERROR(ENOMEM) || ++errors == kMaxReadErrors) break;
        continue;
      }
      errors = 0;
      Route(*packet);
      av_packet_unref(packet.get());
    }
  }

  // Cover art: a picture of its own. False if no more is wanted.
  [[nodiscard]] bool LookAtAttached(AVStream& stream) {
    media::MediaPart part;
    part.kind = media::PartKind::kAttached;
    const AVPacket& picture = stream.attached_pic;
    part.format = media::DetectFormat({picture.data, static_cast<std::size_t>(picture.size)});
    if (!output_.BeginPart(part, content_)) return false;
    const auto number = static_cast<std::uint32_t>(part.format);
    if ((output_.job().formats_off >> number & 1) != 0) {
      output_.Incomplete(IncompleteCode::kFormatDisabled, "this format is not decoded");
      return true;
    }
    Track::Traits traits;
    traits.rules = rules_;
    Track track(output_, stream, traits);
    media::MediaInfo info;
    info.codec = track.codec_name();
    info.width = static_cast<std::uint32_t>(std::max(0, stream.codecpar->width));
    info.height = static_cast<std::uint32_t>(std::max(0, stream.codecpar->height));
    output_.Media(info);
    const PacketPtr packet(av_packet_clone(&picture));
    if (packet == nullptr || !track.Open()) return !output_.stopped();
    packet->pts = packet->dts = 0;
    track.Add(*packet);
    track.Drain();
    if (output_.frames() == 0 && !output_.stopped() && !output_.HasReason())
      output_.Incomplete(IncompleteCode::kDecodeFailed, "no picture could be decoded");
    return !output_.stopped();
  }

  void Route(AVPacket& packet) {
    if (!output_.CountPacket()) return;
    const auto index = static_cast<std::size_t>(packet.stream_index);
    if (index >= tracks_.size()) Consider(*format_context_->streams[index]);  // a track that began later
    Track* track = tracks_[index].get();
    if (track == nullptr) return;
    track->Add(packet);
  }

  Output& output_;
  std::span<const std::uint8_t> content_;
  FileFormat format_;
  MemoryInput input_;  // outlives the context
  FormatContextPtr format_context_;
  std::vector<std::unique_ptr<Track>> tracks_;  // by stream index; null for what is not looked at
  std::vector<AVStream*> attached_;             // pictures that belong to the file as a whole
  std::uint32_t video_tracks_ = 0;
  bool seen_video_ = false;
  const AnimationFacts* animation_ = nullptr;
  SamplingRules rules_;
  std::uint64_t max_skipped_ = 1;
};

// The rules for video that lasts `duration`, zero if that is unknown.
SamplingRules RulesOf(const media::SamplingPlan& plan, std::uint32_t most_frames, microseconds duration) {
  SamplingRules rules;
  rules.interval = plan.every_frame ? microseconds(0) : std::max(plan.interval, microseconds(0));
  rules.regular = plan.regular;
  rules.key_frames = plan.key_frames;
  rules.scene_changes = plan.scene_changes;
  rules.head = plan.head;
  rules.max_gap = plan.max_gap;
  rules.allowance = plan.allowance;
  rules.spans = plan.spans;
  // The last multiple may fall on the last frame: one frame less, so that the budget is kept.
  if (plan.spread && !plan.every_frame && duration.count() > 0 && most_frames > 0) {
    rules.interval = std::max(rules.interval, duration / std::max(most_frames - 1, 1U) + microseconds(1));
  }
  return rules;
}

}  // namespace

microseconds AnimationInterval(const media::SamplingPlan& plan, const AnimationFacts& facts) {
  if (plan.every_frame || plan.interval.count() <= 0 ||
      (facts.frames > 0 && facts.frames <= kAllAnimationFrames)) {
    return microseconds(0);
  }
  const auto share = facts.duration / static_cast<std::int64_t>(kLeastAnimationFrames);
  return share.count() > 0 ? std::min(plan.interval, share) : plan.interval;
}

void DecodeVideo(Output& output) {
  const auto content = output.job().content;
  const FileFormat format = output.job().format;
  if (const std::string_view cut = FindCut(format, content); !cut.empty()) {
    output.Incomplete(IncompleteCode::kDecodeTruncated, cut);
  }
  Container container(output, content, format);
  if (!container.Open()) return;
  const SamplingRules rules = RulesOf(output.job().plan, container.FrameBudget(), container.duration());
  const auto seconds = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::seconds>(std::max(rules.interval, rules.max_gap)).count());
  // Between spans nothing is wanted however many pictures lie there.
  const std::uint64_t max_skipped =
      rules.spans.empty() ? static_cast<std::uint64_t>(seconds * kMaxFrameRate) : UINT64_MAX;
  container.Sample(rules, max_skipped, nullptr);
}

void DecodeAnimation(Output& output, std::span<const std::uint8_t> content, const AnimationFacts& facts) {
  Container container(output, content, output.job().format);
  if (!container.Open()) return;
  AnimationFacts known = facts;
  if (known.frames == 0) {
    for (const AVStream* stream : container.VideoStreams()) {
      if (stream->nb_frames <= 0 || stream->duration <= 0) continue;
      known.frames = std::max(known.frames, static_cast<std::uint64_t>(stream->nb_frames));
      known.duration = std::max(
          known.duration, microseconds(av_rescale_q(stream->duration, stream->time_base, kMicroseconds)));
    }
  }
  const microseconds interval = AnimationInterval(output.job().plan, known);
  container.Sample({.interval = interval}, (known.frames + kLeastAnimationFrames - 1) / kLeastAnimationFrames,
                   &known);
}

}  // namespace tamiz::decoder
