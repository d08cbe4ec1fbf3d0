#include "decoder/video.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "decoder/container_check.h"
#include "decoder/ffmpeg_handles.h"
#include "decoder/frame_luma.h"
#include "decoder/guarded_codec.h"
#include "decoder/sampler.h"
#include "decoder/scene.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
}

namespace tamiz::decoder {
namespace {

using media::FileFormat;
using media::FrameVariant;
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

std::int64_t FrameDuration(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
  return frame.duration;
#else
  return frame.pkt_duration;
#endif
}

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

// One video track and the frames taken from it.
class Track {
 public:
  Track(Output& output, AVStream& stream, const SamplingRules& rules, std::uint64_t max_skipped)
      : output_(output),
        stream_(stream),
        codec_(output),
        looks_for_scenes_(rules.scene_changes),
        sampler_(rules, max_skipped) {}

  [[nodiscard]] bool Open() {
    const AVCodecParameters& parameters = *stream_.codecpar;
    if (parameters.codec_tag == MKTAG('e', 'n', 'c', 'v')) return ReportEncrypted();
    if (parameters.width > 0 && parameters.height > 0 &&
        !output_.AdmitSize(static_cast<std::uint64_t>(parameters.width),
                           static_cast<std::uint64_t>(parameters.height))) {
      return false;
    }
    frame_.reset(av_frame_alloc());
    held_.reset(av_frame_alloc());
    if (frame_ == nullptr || held_ == nullptr) return false;
    if (!codec_.Open(parameters.codec_id, &parameters, nullptr)) return false;
    codec_.context()->pkt_timebase = stream_.time_base;
    usable_ = true;
    return true;
  }

  void Decode(const AVPacket& packet) {
    if (!usable_) return;
    if (av_packet_get_side_data(&packet, AV_PKT_DATA_ENCRYPTION_INFO, nullptr) != nullptr) {
      usable_ = ReportEncrypted();
      return;
    }
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0) Damaged("a packet is damaged or cut short");
    int result = codec_.Send(&packet);
    if (result == AVERROR(EAGAIN)) {
      TakeFrames();
      result = codec_.Send(&packet);
    }
    if (result < 0 && result != AVERROR_EOF) NoteError(result);
    TakeFrames();
  }

  void Drain() {
    if (!usable_ || output_.stopped()) return;
    if (const int result = codec_.Send(nullptr); result < 0 && result != AVERROR_EOF) NoteError(result);
    TakeFrames();
    if (!output_.stopped() && held_->width > 0 && sampler_.TakeHeldAtEnd(last_duration_))
      DeliverFrame(*held_, held_time_);
    if (codec_.damaged()) Damaged("the decoder had to conceal errors");
    if (frames_ == 0 && last_error_ < 0) codec_.ReportFailure(last_error_);
    if (frames_ > 0 && last_error_ < 0) {
      if (last_error_ == AVERROR(ENOMEM) || codec_.over_limit()) {
        codec_.ReportFailure(last_error_);
      } else {
        Damaged("packets could not be decoded");
      }
    }
  }

  [[nodiscard]] const AVStream& stream() const { return stream_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] const char* codec_name() const { return avcodec_get_name(stream_.codecpar->codec_id); }
  // Transport streams begin in the middle of things: errors before the first frame are no damage.
  void ForgiveEarlyErrors() { forgive_early_ = true; }

 private:
  bool ReportEncrypted() {
    output_.Incomplete(IncompleteCode::kEncrypted, "the video track is encrypted");
    return false;
  }

  void Damaged(std::string_view detail) { output_.Incomplete(IncompleteCode::kDecodeTruncated, detail); }

  void NoteError(int error) {
    if (forgive_early_ && frames_ == 0 && error == AVERROR_INVALIDDATA) return;
    last_error_ = error;
  }

  void TakeFrames() {
    while (!output_.stopped()) {
      const int result = codec_.Receive(frame_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      if (result < 0) {
        NoteError(result);
        // Frame by frame, so that an error of one does not cost the others; endless repetition would be a
        // loop.
        if (++receive_errors_ > kMaxReadErrors) return;
        continue;
      }
      receive_errors_ = 0;
      TakeFrame();
      av_frame_unref(frame_.get());
    }
  }

  void TakeFrame() {
    ++frames_;
    if (!output_.CountDecoded(static_cast<std::uint64_t>(frame_->width),
                              static_cast<std::uint64_t>(frame_->height)))
      return;
    const AVRational base = stream_.time_base;
    std::int64_t stated = frame_->best_effort_timestamp;
    if (stated == AV_NOPTS_VALUE) stated = frame_->pts;
    if (stated != AV_NOPTS_VALUE) stated = av_rescale_q(stated, base, kMicroseconds);
    std::int64_t duration = av_rescale_q(FrameDuration(*frame_), base, kMicroseconds);
    if (duration <= 0) {
      const AVRational rate = stream_.avg_frame_rate.num > 0 ? stream_.avg_frame_rate : stream_.r_frame_rate;
      duration = rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), kMicroseconds) : 0;
    }
    last_duration_ = microseconds(std::clamp<std::int64_t>(duration, 0, INT64_C(1) << 40));
    const microseconds time = clock_.Next(stated, last_duration_);
    FrameMarks marks;
    marks.key = frame_->key_frame != 0;
    marks.new_scene = looks_for_scenes_ && scenes_.IsNew(*frame_);
    const FrameSampler::Choice choice = sampler_.Next(time, marks);
    if (choice.take_held && held_->width > 0) DeliverFrame(*held_, held_time_);
    av_frame_unref(held_.get());
    if (choice.take) DeliverFrame(*frame_, time);
    if (choice.hold) {
      av_frame_move_ref(held_.get(), frame_.get());
      held_time_ = time;
    }
    output_.Progress(time);
  }

  void DeliverFrame(const AVFrame& frame, microseconds time) {
    const auto width = static_cast<std::uint64_t>(frame.width);
    const auto height = static_cast<std::uint64_t>(frame.height);
    if (output_.stopped() || !output_.AdmitSize(width, height)) return;
    if (!luma_.Open(frame)) {
      output_.Incomplete(IncompleteCode::kDecodeFailed, "pixel format that cannot be converted");
      return;
    }
    Picture picture;
    picture.width = static_cast<std::uint32_t>(width);
    picture.height = static_cast<std::uint32_t>(height);
    // What lies under transparent GIF pixels is not stored: the decoder gives white.
    picture.has_transparency = luma_.has_transparency() && stream_.codecpar->codec_id != AV_CODEC_ID_GIF;
    picture.time = time;
    output_.Deliver(picture, [&](std::uint8_t* out, std::size_t stride, FrameVariant variant) {
      luma_.Write(out, stride, variant);
      return true;
    });
  }

  Output& output_;
  AVStream& stream_;
  GuardedCodec codec_;
  const bool looks_for_scenes_;
  SceneDetector scenes_;
  FrameSampler sampler_;
  PresentationClock clock_;
  FrameLuma luma_;
  FramePtr frame_;
  FramePtr held_;
  microseconds held_time_{0};
  microseconds last_duration_{0};
  std::uint64_t frames_ = 0;
  int last_error_ = 0;
  int receive_errors_ = 0;
  bool forgive_early_ = false;
  bool usable_ = false;
};

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
    for (const auto& track : tracks_) {
      if (track == nullptr) continue;
      if ((track->stream().disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
        if (track->stream().attached_pic.size > 0) track->Decode(track->stream().attached_pic);
      } else {
        moving = true;
      }
    }
    if (moving) ReadAll();
    for (const auto& track : tracks_) {
      if (track != nullptr) track->Drain();
    }
    if (!seen_video_ && !output_.HasReason()) {
      output_.Incomplete(IncompleteCode::kNoVisualContent, "no track of pictures");
    } else if (output_.frames() == 0 && !output_.stopped() && !output_.HasReason()) {
      output_.Incomplete(IncompleteCode::kDecodeFailed, "no picture could be decoded");
    }
  }

 private:
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
    seen_video_ = true;
    if (video_tracks_ == kMaxVideoTracks) {
      stream.discard = AVDISCARD_ALL;
      output_.Incomplete(IncompleteCode::kFrameLimit,
                         fmt::format("more than {} video tracks", kMaxVideoTracks));
      return;
    }
    ++video_tracks_;
    auto track = std::make_unique<Track>(output_, stream, rules_, max_skipped_);
    if (format_ == FileFormat::kMpegTs || format_ == FileFormat::kMpegPs) track->ForgiveEarlyErrors();
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
    const microseconds spacing = rules_.regular ? rules_.interval : rules_.max_gap;
    if (spacing.count() > 0) frames = static_cast<std::uint64_t>(media.duration / spacing) + 1;
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

  void Route(const AVPacket& packet) {
    if (!output_.CountPacket()) return;
    const auto index = static_cast<std::size_t>(packet.stream_index);
    if (index >= tracks_.size()) Consider(*format_context_->streams[index]);  // a track that began later
    Track* track = tracks_[index].get();
    if (track == nullptr || (track->stream().disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) return;
    track->Decode(packet);
  }

  Output& output_;
  std::span<const std::uint8_t> content_;
  FileFormat format_;
  MemoryInput input_;  // outlives the context
  FormatContextPtr format_context_;
  std::vector<std::unique_ptr<Track>> tracks_;  // by stream index; null for what is not looked at
  std::uint32_t video_tracks_ = 0;
  bool seen_video_ = false;
  const AnimationFacts* animation_ = nullptr;
  SamplingRules rules_;
  std::uint64_t max_skipped_ = 1;
};

// The rules for video that lasts `duration`, zero if that is unknown.
SamplingRules RulesOf(const media::SamplingPlan& plan, microseconds duration) {
  SamplingRules rules;
  rules.interval = plan.every_frame ? microseconds(0) : std::max(plan.interval, microseconds(0));
  rules.regular = plan.regular;
  rules.key_frames = plan.key_frames;
  rules.scene_changes = plan.scene_changes;
  rules.head = plan.head;
  rules.max_gap = plan.max_gap;
  // The last multiple may fall on the last frame: one frame less, so that the budget is kept.
  if (plan.spread && !plan.every_frame && duration.count() > 0 && plan.max_frames > 0) {
    rules.interval = std::max(rules.interval, duration / std::max(plan.max_frames - 1, 1U) + microseconds(1));
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
  const SamplingRules rules = RulesOf(output.job().plan, container.duration());
  const auto seconds = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::seconds>(std::max(rules.interval, rules.max_gap)).count());
  container.Sample(rules, static_cast<std::uint64_t>(seconds * kMaxFrameRate), nullptr);
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
