#include "decoder/track.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

extern "C" {
#include <libavutil/mathematics.h>
}

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;
using std::chrono::microseconds;

constexpr AVRational kMicroseconds = {1, 1'000'000};
// Errors in a row after which a decoder is not asked again for one packet.
constexpr int kMaxReceiveErrors = 16;
// A group of pictures larger than this is planned in parts. Two minutes of film at the most, or the memory of
// ten frames.
constexpr std::size_t kMaxGroupPackets = 3'000;
constexpr std::size_t kMaxGroupBytes = 24u << 20;

std::int64_t FrameDuration(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
  return frame.duration;
#else
  return frame.pkt_duration;
#endif
}

bool IsIntraOnly(AVCodecID codec) {
  const AVCodecDescriptor* descriptor = avcodec_descriptor_get(codec);
  return descriptor != nullptr && (descriptor->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
}

GroupPlanner::Traits PlanningTraits(const AVStream& stream, const Track::Traits& track) {
  GroupPlanner::Traits traits;
  traits.exact = track.exact;
  traits.intra_only = IsIntraOnly(stream.codecpar->codec_id);
  // Sides up to 2^31: no product of two overflows.
  traits.pixels = static_cast<std::uint64_t>(std::max(stream.codecpar->width, 0)) *
                  static_cast<std::uint64_t>(std::max(stream.codecpar->height, 0));
  const double rate = stream.avg_frame_rate.den > 0 ? av_q2d(stream.avg_frame_rate) : 0;
  const double seconds = static_cast<double>(track.duration.count()) * 1e-6;
  const double in_all =
      static_cast<double>(traits.pixels) * std::max(rate * seconds, static_cast<double>(stream.nb_frames));
  traits.pixels_in_all = static_cast<std::uint64_t>(std::clamp(in_all, 0.0, 1e18));
  return traits;
}

}  // namespace

Track::Track(Output& output, AVStream& stream, const Traits& traits)
    : output_(output),
      stream_(stream),
      traits_(traits),
      codec_(output),
      planner_(traits.rules, PlanningTraits(stream, traits), traits.max_skipped) {}

bool Track::Open() {
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
  planned_ = IsPlannable();
  usable_ = true;
  return true;
}

// Frames composed one on the other are all needed, and so are those among which scenes are looked for.
bool Track::IsPlannable() const {
  return !traits_.animation && !traits_.rules.scene_changes && traits_.rules.interval.count() > 0;
}

std::int64_t Track::Stated(std::int64_t timestamp) const {
  return timestamp == AV_NOPTS_VALUE ? timestamp : av_rescale_q(timestamp, stream_.time_base, kMicroseconds);
}

microseconds Track::FrameStep(std::int64_t duration) const {
  duration = av_rescale_q(duration, stream_.time_base, kMicroseconds);
  if (duration <= 0) {
    const AVRational rate = stream_.avg_frame_rate.num > 0 ? stream_.avg_frame_rate : stream_.r_frame_rate;
    duration = rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), kMicroseconds) : 0;
  }
  return microseconds(std::clamp<std::int64_t>(duration, 0, INT64_C(1) << 40));
}

void Track::Add(AVPacket& packet) {
  if (!usable_) return;
  if (av_packet_get_side_data(&packet, AV_PKT_DATA_ENCRYPTION_INFO, nullptr) != nullptr) {
    usable_ = ReportEncrypted();
    return;
  }
  if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0) Damaged("a packet is damaged or cut short");
  if (!planned_) {
    DecodePacket(&packet);
    return;
  }
  const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  if (key && !group_.empty()) Flush({.next_key = Stated(packet.pts)});
  if (group_.size() >= kMaxGroupPackets || group_bytes_ >= kMaxGroupBytes) Flush({});
  if (!planned_) {
    DecodePacket(&packet);
    return;
  }
  PacketPtr kept(av_packet_alloc());
  if (kept == nullptr) return output_.Incomplete(IncompleteCode::kMemoryLimit, "no memory for a packet");
  av_packet_move_ref(kept.get(), &packet);
  group_bytes_ += static_cast<std::size_t>(std::max(kept->size, 0));
  group_.push_back(std::move(kept));
}

void Track::Flush(const GroupEnd& end) {
  std::vector<PacketFacts> facts;
  facts.reserve(group_.size());
  bool timed = !end.next_key || *end.next_key != AV_NOPTS_VALUE;
  for (const PacketPtr& packet : group_) {
    timed = timed && packet->pts != AV_NOPTS_VALUE;
    last_duration_ = FrameStep(packet->duration);
    facts.push_back({.stated = Stated(packet->pts),
                     .duration = last_duration_,
                     .key = (packet->flags & AV_PKT_FLAG_KEY) != 0,
                     .hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0});
  }
  if (timed) {
    DecodePlanned(planner_.Plan(facts, end));
  } else {
    GiveUpPlanning();
    for (const PacketPtr& packet : group_) DecodePacket(packet.get());
  }
  group_.clear();
  group_bytes_ = 0;
}

void Track::DecodePlanned(const std::vector<PacketOrder>& orders) {
  std::vector<Wanted> wanted;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (orders[i].wanted) wanted.push_back({Stated(group_[i]->pts), orders[i].time});
  }
  std::ranges::stable_sort(wanted, {}, &Wanted::stated);
  wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
  const auto is_decoded = [](const PacketOrder& order) { return order.decode; };
  const bool only_first = std::ranges::count_if(orders, is_decoded) == 1 && orders.front().decode;
  microseconds reached{0};
  for (std::size_t i = 0; i < orders.size() && !output_.stopped(); ++i) {
    reached = std::max(reached, orders[i].time);
    if (!orders[i].decode) {
      ++counts_.skipped;
      continue;
    }
    // A key frame taken alone needs no smoothed edges of blocks: no other refers to it, and hashing smooths
    // more.
    codec_.context()->skip_loop_filter = !traits_.exact && only_first ? AVDISCARD_ALL : AVDISCARD_DEFAULT;
    // A frame that no other refers to and that is not wanted costs nothing.
    codec_.context()->skip_frame = orders[i].wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    DecodePacket(group_[i].get());
  }
  const bool tail_dropped = !orders.empty() && !orders.back().decode;
  if (tail_dropped) Restart();
  output_.Progress(reached);
}

void Track::DecodePacket(const AVPacket* packet) {
  int result = codec_.Send(packet);
  if (result == AVERROR(EAGAIN)) {
    TakeFrames();
    result = codec_.Send(packet);
  }
  ++sent_;
  decoder_holds_ = true;
  if (result < 0 && result != AVERROR_EOF) NoteError(result);
  TakeFrames();
}

void Track::Restart() {
  if (!decoder_holds_ || output_.stopped()) return;
  (void)codec_.Send(nullptr);
  TakeFrames();
  avcodec_flush_buffers(codec_.context());
  decoder_holds_ = false;
  // What was wanted and did not come out will not any more.
  if (!wanted_.empty()) trouble_ = true;
  wanted_.clear();
}

void Track::GiveUpPlanning() {
  Restart();
  codec_.context()->skip_frame = traits_.exact ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
  planned_ = false;
  // Everything is decoded: there is nothing to save.
  if (traits_.rules.allowance) planner_.sampler().BeRegularUntil(microseconds::max());
}

void Track::Drain() {
  if (!usable_ || output_.stopped()) return;
  if (!group_.empty()) Flush({.at_end = true});
  if (output_.stopped()) return;
  if (decoder_holds_) {
    if (const int result = codec_.Send(nullptr); result < 0 && result != AVERROR_EOF) NoteError(result);
    TakeFrames();
  }
  if (!output_.stopped() && held_->width > 0 && planner_.sampler().TakeHeldAtEnd(last_duration_))
    DeliverFrame(*held_, held_time_);
  counts_.skipped += sent_ - std::min(sent_, counts_.seen + counts_.rejected);
  output_.Count(counts_);
  if (codec_.damaged()) Damaged("the decoder had to conceal errors");
  if (counts_.seen == 0 && last_error_ < 0) codec_.ReportFailure(last_error_);
  if (counts_.seen > 0 && last_error_ < 0) {
    if (last_error_ == AVERROR(ENOMEM) || codec_.over_limit()) {
      codec_.ReportFailure(last_error_);
    } else {
      Damaged("packets could not be decoded");
    }
  }
}

bool Track::ReportEncrypted() {
  output_.Incomplete(IncompleteCode::kEncrypted, "the video track is encrypted");
  return false;
}

void Track::Damaged(std::string_view detail) {
  trouble_ = true;
  output_.Incomplete(IncompleteCode::kDecodeTruncated, detail);
}

void Track::NoteError(int error) {
  if (traits_.late_start && counts_.seen == 0 && error == AVERROR_INVALIDDATA) return;
  last_error_ = error;
  trouble_ = true;
  ++counts_.rejected;
}

void Track::TakeFrames() {
  while (!output_.stopped()) {
    const int result = codec_.Receive(frame_.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    if (result < 0) {
      NoteError(result);
      // Frame by frame, so that an error of one does not cost the others; endless repetition would be a loop.
      if (++receive_errors_ > kMaxReceiveErrors) return;
      continue;
    }
    receive_errors_ = 0;
    TakeFrame();
    av_frame_unref(frame_.get());
  }
}

void Track::TakeFrame() {
  ++counts_.seen;
  if (!output_.CountDecoded(static_cast<std::uint64_t>(frame_->width),
                            static_cast<std::uint64_t>(frame_->height)))
    return;
  std::int64_t stated = frame_->best_effort_timestamp;
  if (stated == AV_NOPTS_VALUE) stated = frame_->pts;
  stated = Stated(stated);
  if (planned_) {
    TakeWanted(stated);
  } else {
    ChooseAsItComes(stated);
  }
}

// Frames come in order of presentation: the first that is not before a wanted time is the wanted one, or,
// should that be lost, the nearest after it.
void Track::TakeWanted(std::int64_t stated) {
  constexpr std::int64_t kRounding = 500;
  if (wanted_.empty() || stated == AV_NOPTS_VALUE || stated + kRounding < wanted_.front().stated) return;
  microseconds time{0};
  while (!wanted_.empty() && wanted_.front().stated <= stated + kRounding) {
    time = wanted_.front().time + microseconds(std::max<std::int64_t>(stated - wanted_.front().stated, 0));
    wanted_.pop_front();
  }
  DeliverFrame(*frame_, time);
}

void Track::ChooseAsItComes(std::int64_t stated) {
  last_duration_ = FrameStep(FrameDuration(*frame_));
  const microseconds time = planner_.clock().Next(stated, last_duration_);
  FrameMarks marks;
  marks.key = frame_->key_frame != 0;
  marks.new_scene = traits_.rules.scene_changes && scenes_.IsNew(*frame_);
  const FrameSampler::Choice choice = planner_.sampler().Next(time, marks);
  if (choice.take_held && held_->width > 0) DeliverFrame(*held_, held_time_);
  av_frame_unref(held_.get());
  if (choice.take) DeliverFrame(*frame_, time);
  if (choice.hold) {
    av_frame_move_ref(held_.get(), frame_.get());
    held_time_ = time;
  }
  output_.Progress(time);
}

void Track::DeliverFrame(const AVFrame& frame, microseconds time) {
  const auto width = static_cast<std::uint64_t>(frame.width);
  const auto height = static_cast<std::uint64_t>(frame.height);
  if (output_.stopped() || !output_.AdmitSize(width, height)) return;
  // The frame hashed last may be another track's: then there is nothing to refer to.
  if (output_.last_delivered() == hashed_index_ && repeats_.IsRepeat(frame)) {
    NoteGap(time);
    output_.Repeat(time);
    return;
  }
  if (!luma_.Open(frame)) {
    output_.Incomplete(IncompleteCode::kDecodeFailed, "pixel format that cannot be converted");
    return;
  }
  NoteGap(time);
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
  hashed_index_ = output_.last_delivered();
  repeats_.Keep(frame);
}

// Where something went wrong since the frame before, the time that its successors should have shown was not
// seen.
void Track::NoteGap(microseconds until) {
  if (std::exchange(trouble_, false)) {
    const microseconds step = traits_.rules.Spacing();
    if (until - last_taken_ > step + step / 2) output_.Unseen(last_taken_ + step, until);
  }
  last_taken_ = until;
}

}  // namespace tamiz::decoder
