#include "server/proto_convert.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <set>

#include "core/base/hex.h"

namespace tamiz::server {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::microseconds;

constexpr int kMaxLookupHashes = 10'000;
constexpr std::size_t kMaxOrgBytes = 256;
constexpr std::size_t kMaxDescriptionBytes = 4096;
constexpr int kMaxListLabels = 64;
constexpr std::size_t kMaxLabelBytes = 256;

Status Fault(std::string_view field, std::string_view message) {
  return WithField(InvalidArgument(message), field);
}

std::string Bytes(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status FillSpan(std::string_view field, const google::protobuf::Duration& span, std::int64_t most_seconds,
                std::optional<microseconds>& time) {
  // Beyond what TimeUtil converts without complaint.
  if (span.seconds() < 0 || span.seconds() > most_seconds || span.nanos() < 0 || span.nanos() > 999'999'999) {
    return Fault(field, fmt::format("{} is out of range; at most {} s are accepted", field, most_seconds));
  }
  time = microseconds(TimeUtil::DurationToMicroseconds(span));
  return OkStatus();
}

// What is set, ranges unchecked: see SamplingRequest::Validate.
Status FillSampling(const v1::SamplingPlan& plan, media::SamplingRequest& sampling) {
  constexpr std::int64_t kHour = 3600;
  if (plan.has_interval()) {
    TAMIZ_RETURN_IF_ERROR(FillSpan("sampling.interval", plan.interval(), kHour, sampling.interval));
  }
  if (plan.has_max_gap()) {
    TAMIZ_RETURN_IF_ERROR(FillSpan("sampling.max_gap", plan.max_gap(), kHour, sampling.max_gap));
  }
  if (plan.has_head()) {
    TAMIZ_RETURN_IF_ERROR(FillSpan("sampling.head", plan.head(), 24 * kHour, sampling.head));
  }
  if (plan.max_frames() != 0) sampling.max_frames = plan.max_frames();
  if (plan.preset() != v1::SAMPLING_PRESET_UNSPECIFIED) {
    if (!v1::SamplingPreset_IsValid(plan.preset())) {
      return Fault("sampling.preset", fmt::format("sampling.preset is {}, which is no SamplingPreset",
                                                  static_cast<int>(plan.preset())));
    }
    sampling.preset = static_cast<media::SamplingPreset>(plan.preset());
  }
  if (plan.mode() != v1::SAMPLING_MODE_UNSPECIFIED) {
    if (!v1::SamplingMode_IsValid(plan.mode())) {
      return Fault("sampling.mode", fmt::format("sampling.mode is {}, which is no SamplingMode",
                                                static_cast<int>(plan.mode())));
    }
    sampling.mode = static_cast<media::SamplingMode>(plan.mode());
  }
  if (plan.every_frame()) sampling.mode = media::SamplingMode::kEveryFrame;
  return OkStatus();
}

void Fill(const media::SamplingRequest& sampling, v1::SamplingPlan* proto) {
  if (sampling.preset) proto->set_preset(static_cast<v1::SamplingPreset>(*sampling.preset));
  if (sampling.mode) proto->set_mode(static_cast<v1::SamplingMode>(*sampling.mode));
  if (sampling.interval) ToProto(*sampling.interval, proto->mutable_interval());
  if (sampling.max_gap) ToProto(*sampling.max_gap, proto->mutable_max_gap());
  if (sampling.head) ToProto(*sampling.head, proto->mutable_head());
  if (sampling.max_frames) proto->set_max_frames(*sampling.max_frames);
}

// A plan in force, in the words of a request.
void Fill(const media::SamplingPlan& plan, v1::SamplingPlan* proto) {
  proto->set_preset(plan.exact     ? v1::SAMPLING_PRESET_EXACT
                    : plan.regular ? v1::SAMPLING_PRESET_ADAPTIVE
                                   : v1::SAMPLING_PRESET_FAST);
  proto->set_mode(plan.every_frame     ? v1::SAMPLING_MODE_EVERY_FRAME
                  : plan.spread        ? v1::SAMPLING_MODE_BUDGET
                  : plan.regular       ? v1::SAMPLING_MODE_INTERVAL
                  : plan.key_frames    ? v1::SAMPLING_MODE_KEY_FRAMES
                  : plan.scene_changes ? v1::SAMPLING_MODE_SCENE_CHANGES
                                       : v1::SAMPLING_MODE_HEAD);
  ToProto(plan.interval, proto->mutable_interval());
  if (plan.max_gap.count() > 0) ToProto(plan.max_gap, proto->mutable_max_gap());
  if (plan.head.count() > 0) ToProto(plan.head, proto->mutable_head());
  proto->set_max_frames(plan.max_frames);
  proto->set_every_frame(plan.every_frame);
}

v1::Verdict VerdictOf(match::Verdict verdict) { return static_cast<v1::Verdict>(verdict); }

void Fill(const match::TimeRange& range, v1::TimeRange* proto) {
  ToProto(range.start, proto->mutable_start());
  ToProto(range.end, proto->mutable_end());
}

void Fill(const match::Suppression::Side& side, v1::SuppressedSide* proto) {
  proto->set_list_id(side.list_id);
  proto->set_list_name(side.list_name);
  proto->set_list_version(side.list_version);
  proto->set_entry_id(side.entry_id);
  proto->set_hash_type(static_cast<v1::HashType>(side.hash_type));
  proto->set_distance(side.distance);
}

// Into a ScanResult or a LookupResponse.
template <typename Answer>
void FillSuppressed(const match::Conclusion& conclusion, Answer* answer) {
  answer->set_suppressed_count(conclusion.suppressed);
  for (const match::Suppression& suppression : conclusion.suppressions) {
    v1::SuppressedMatch* proto = answer->add_suppressed();
    Fill(suppression.taken_away, proto->mutable_match());
    Fill(suppression.by, proto->mutable_allowed_by());
  }
}

void Fill(const match::MatchSegment& segment, v1::AlignedSegment* proto) {
  Fill(segment.query_range, proto->mutable_query_range());
  Fill(segment.reference_range, proto->mutable_reference_range());
  proto->set_speed(segment.speed);
  proto->set_reversed(segment.reversed);
  proto->set_transform(static_cast<v1::Transform>(static_cast<int>(segment.transform) + 1));
  proto->set_frames(segment.frames);
  proto->set_distinct_pictures(segment.distinct_pictures);
}

void Fill(const std::vector<media::IncompleteReason>& reasons,
          google::protobuf::RepeatedPtrField<v1::IncompleteReason>* proto) {
  for (const media::IncompleteReason& reason : reasons) {
    v1::IncompleteReason* added = proto->Add();
    added->set_code(static_cast<v1::IncompleteCode>(reason.code));
    added->set_detail(reason.detail);
    added->set_part(reason.part);
  }
}

void FillSnapshot(const match::Conclusion& conclusion, v1::SnapshotRef* proto) {
  proto->set_generation(conclusion.generation);
  for (const match::ListVersionRef& list : conclusion.lists) {
    v1::ListVersionRef* added = proto->add_lists();
    added->set_list_id(list.list_id);
    added->set_list_name(list.list_name);
    added->set_version(list.version);
    added->set_digest(list.digest);
  }
}

void Fill(const media::MediaPart& part, v1::MediaPart* proto) {
  proto->set_index(part.index);
  proto->set_kind(static_cast<v1::MediaPartKind>(part.kind));
  if (const media::FormatInfo* format = media::FindFormat(part.format))
    proto->set_format(std::string(format->name));
  proto->set_offset(part.offset);
  proto->set_size_bytes(part.bytes);
  proto->set_codec(part.codec);
  proto->set_width(part.width);
  proto->set_height(part.height);
  ToProto(part.duration, proto->mutable_duration());
  proto->set_animated(part.animated);
  ToProto(part.start, proto->mutable_start());
  proto->set_frames(part.frames);
}

void FillMedia(const scan::ScanOutput& output, v1::MediaInfo* proto) {
  proto->set_format(output.format);
  proto->set_media_type(output.media_type);
  proto->set_codec(output.media.codec);
  proto->set_width(output.media.width);
  proto->set_height(output.media.height);
  ToProto(output.media.duration, proto->mutable_duration());
  proto->set_size_bytes(output.size_bytes);
  proto->set_exif_orientation(output.media.exif_orientation);
  proto->set_animated(output.media.animated);
  for (const media::MediaPart& part : output.parts) Fill(part, proto->add_parts());
}

bool HasDigests(const scan::ScanOutput& output) { return output.digests != hash::Digests{}; }

void Fill(const hash::Digests& digests, v1::Digests* proto) {
  proto->set_md5(Bytes(digests.md5));
  proto->set_sha1(Bytes(digests.sha1));
  proto->set_sha256(Bytes(digests.sha256));
}

void FillCoverage(const scan::ScanOutput& output, v1::Coverage* proto) {
  proto->set_frames_planned(output.frames_planned);
  proto->set_frames_decoded(output.frames_decoded);
  proto->set_frames_hashed(output.conclusion.frames_hashed);
  proto->set_frames_low_quality(output.conclusion.frames_low_quality);
  proto->set_time_covered(output.time_covered);
  proto->set_stopped_on_match(output.stopped_on_match);
  for (const match::TimeRange& range : output.unseen) Fill(range, proto->add_unseen());
  proto->set_frames_seen(output.pictures.seen);
  proto->set_frames_skipped(output.pictures.skipped);
  proto->set_frames_rejected(output.pictures.rejected);
  proto->set_frames_repeated(output.frames_repeated);
  proto->set_unrecognised_bytes(output.unrecognised_bytes);
  if (output.plan) Fill(*output.plan, proto->mutable_plan());
  for (const media::TimeSpan& span : output.closer.spans)
    Fill(match::TimeRange{span.start, span.end}, proto->add_closer_look());
}

void Fill(const scan::FrameHash& hash, v1::FrameHash* proto) {
  ToProto(hash.time, proto->mutable_time());
  proto->set_pdq(Bytes(hash.pdq.hashes[0].ToBytes()));
  proto->set_quality(static_cast<std::uint32_t>(std::max(0, hash.pdq.quality)));
  proto->set_index(hash.index);
  proto->set_repeated(hash.repeated);
  if (hash.span.count() > 0) ToProto(hash.span, proto->mutable_span());
  proto->set_part(hash.part);
}

void Fill(const scan::ScanTimings& timings, v1::Timings* proto) {
  ToProto(timings.queue, proto->mutable_queue());
  ToProto(timings.fetch, proto->mutable_fetch());
  ToProto(timings.decode, proto->mutable_decode());
  ToProto(timings.hash, proto->mutable_hash());
  ToProto(timings.match, proto->mutable_match());
  ToProto(timings.total, proto->mutable_total());
  ToProto(timings.started_at, proto->mutable_started_at());
}

// A hash given as bytes or hexadecimal text.
template <typename Proto>
StatusOr<std::vector<std::uint8_t>> HashBytes(const Proto& proto, const std::string& field) {
  if (!proto.value().empty()) return std::vector<std::uint8_t>(proto.value().begin(), proto.value().end());
  if (proto.hex().empty()) return Fault(field, fmt::format("{} has neither value nor hex", field));
  auto bytes = FromHex(proto.hex());
  if (!bytes) return Fault(field + ".hex", fmt::format("{}.hex is not pairs of hexadecimal digits", field));
  return *std::move(bytes);
}

Status CheckQuality(std::uint32_t quality, const std::string& field) {
  if (quality <= 100) return OkStatus();
  return Fault(field + ".quality", fmt::format("{}.quality is {}; 0 to 100 are accepted", field, quality));
}

StatusOr<std::optional<lists::ListMode>> ToMode(v1::ListMode mode) {
  switch (mode) {
    case v1::LIST_MODE_UNSPECIFIED:
      return std::optional<lists::ListMode>();
    case v1::LIST_MODE_ENFORCE:
      return std::optional(lists::ListMode::kEnforce);
    case v1::LIST_MODE_SHADOW:
      return std::optional(lists::ListMode::kShadow);
    case v1::LIST_MODE_OFF:
      return std::optional(lists::ListMode::kOff);
    case v1::ListMode_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::ListMode_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return Fault("policy.mode", fmt::format("policy.mode is {}, which is no ListMode", static_cast<int>(mode)));
}

// Takes those fields of `proto` that are set and for which `wanted` holds.
template <typename Wanted>
Status FillPolicy(const v1::ListPolicy& proto, const Wanted& wanted, lists::ListPolicy& policy) {
  if (proto.has_radius() && wanted("radius")) policy.radius = proto.radius();
  if (proto.has_review_radius() && wanted("review_radius")) policy.review_radius = proto.review_radius();
  if (proto.has_quality_floor() && wanted("quality_floor")) policy.quality_floor = proto.quality_floor();
  if (proto.has_min_reference_coverage() && wanted("min_reference_coverage")) {
    policy.min_reference_coverage = proto.min_reference_coverage();
  }
  if (proto.has_min_query_coverage() && wanted("min_query_coverage")) {
    policy.min_query_coverage = proto.min_query_coverage();
  }
  if (proto.has_orientations() && wanted("orientations")) policy.orientations = proto.orientations();
  if (proto.has_border_removal() && wanted("border_removal")) policy.border_removal = proto.border_removal();
  if (proto.has_find_regions() && wanted("find_regions")) policy.find_regions = proto.find_regions();
  if (proto.has_straighten() && wanted("straighten")) policy.straighten = proto.straighten();
  if (proto.has_restore_contrast() && wanted("restore_contrast")) {
    policy.restore_contrast = proto.restore_contrast();
  }
  if (wanted("mode")) {
    TAMIZ_ASSIGN_OR_RETURN(const std::optional<lists::ListMode> mode, ToMode(proto.mode()));
    if (mode) policy.mode = *mode;
  }
  if (proto.has_match_confidence() && wanted("match_confidence")) {
    policy.match_confidence = proto.match_confidence();
  }
  if (proto.has_review_confidence() && wanted("review_confidence")) {
    policy.review_confidence = proto.review_confidence();
  }
  if (proto.has_action_hint() && wanted("action_hint")) policy.action_hint = proto.action_hint();
  if (proto.has_max_age() && wanted("max_age")) {
    policy.max_age = std::chrono::seconds(TimeUtil::DurationToSeconds(proto.max_age()));
  }
  if (proto.has_breaker() && wanted("breaker")) {
    const v1::BreakerPolicy& breaker = proto.breaker();
    if (breaker.has_entry_hits()) policy.breaker.entry_hits = breaker.entry_hits();
    if (breaker.has_list_hits()) policy.breaker.list_hits = breaker.list_hits();
    if (breaker.has_window()) policy.breaker.window = std::chrono::seconds(breaker.window().seconds());
  }
  if (proto.has_sampling() && wanted("sampling")) {
    policy.sampling = media::SamplingRequest();
    if (const Status status = FillSampling(proto.sampling(), policy.sampling); !status.ok()) {
      return WithField(status, "policy." + Field(status));
    }
  }
  return OkStatus();
}

Status CheckTexts(const lists::ListInfo& info) {
  if (info.source_org.size() > kMaxOrgBytes) {
    return Fault("source_org", fmt::format("source_org has more than {} bytes", kMaxOrgBytes));
  }
  if (info.description.size() > kMaxDescriptionBytes) {
    return Fault("description", fmt::format("description has more than {} bytes", kMaxDescriptionBytes));
  }
  if (info.labels.size() > kMaxListLabels) {
    return Fault("labels", fmt::format("more than {} labels", kMaxListLabels));
  }
  for (const std::string& label : info.labels) {
    if (label.empty() || label.size() > kMaxLabelBytes) {
      return Fault("labels", fmt::format("a label has 1 to {} bytes", kMaxLabelBytes));
    }
  }
  return OkStatus();
}

void Fill(const match::RelativeRect& rect, v1::Region* proto) {
  proto->set_x(rect.left);
  proto->set_y(rect.top);
  proto->set_width(rect.width);
  proto->set_height(rect.height);
}

v1::ListMode ModeOf(lists::ListMode mode) { return static_cast<v1::ListMode>(mode); }

}  // namespace

void ToProto(WallTime time, google::protobuf::Timestamp* proto) {
  *proto = TimeUtil::MicrosecondsToTimestamp(
      std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count());
}

void ToProto(microseconds duration, google::protobuf::Duration* proto) {
  *proto = TimeUtil::MicrosecondsToDuration(duration.count());
}

void ToProto(const match::Match& match, v1::Match* proto) {
  proto->set_list_id(match.list_id);
  proto->set_list_name(match.list_name);
  proto->set_list_version(match.list_version);
  proto->set_entry_id(match.entry_id);
  for (const std::string& label : match.labels) proto->add_labels(label);
  proto->set_source_org(match.source_org);
  proto->set_hash_type(static_cast<v1::HashType>(match.hash_type));
  proto->set_exact(match.exact);
  proto->set_distance(match.distance);
  proto->set_radius(match.radius);
  if (match.transform)
    proto->set_transform(static_cast<v1::Transform>(static_cast<int>(*match.transform) + 1));
  proto->set_border_removed(match.border_removed);
  if (match.region) Fill(*match.region, proto->mutable_region());
  proto->set_straightened_degrees(match.straightened_degrees);
  proto->set_contrast_restored(match.contrast_restored);
  if (match.reference_region) Fill(*match.reference_region, proto->mutable_reference_region());
  proto->set_quality_query(match.quality_query);
  proto->set_quality_reference(match.quality_reference);
  for (const std::uint32_t part : match.parts) proto->add_parts(part);
  for (const match::TimeRange& range : match.query_ranges) Fill(range, proto->add_query_ranges());
  for (const match::TimeRange& range : match.reference_ranges) Fill(range, proto->add_reference_ranges());
  proto->set_query_coverage(match.query_coverage);
  proto->set_reference_coverage(match.reference_coverage);
  proto->set_corroborating_frames(match.corroborating_frames);
  for (const match::MatchSegment& segment : match.segments) Fill(segment, proto->add_segments());
  if (!match.segments.empty()) {
    proto->set_playback_speed(match.segments.front().speed);
    proto->set_reversed(match.segments.front().reversed);
  }
  proto->set_distinct_pictures(match.distinct_pictures);
  proto->set_limited(match.limited);
  proto->set_confidence(match.confidence);
  proto->mutable_basis()->set_calibration(match.basis.calibration);
  proto->mutable_basis()->set_date(match.basis.date);
  proto->mutable_basis()->set_method(match.basis.method);
  proto->set_shadow(match.shadow);
  proto->set_shadow_reason(std::string(match.shadow_reason));
  proto->set_review(match.review);
  proto->set_action_hint(match.action_hint);
  for (const auto& [key, value] : match.metadata) (*proto->mutable_metadata())[key] = value;
}

void ToProto(const scan::ScanProgress& progress, v1::ScanProgress* proto) {
  proto->set_frames_planned(progress.frames_planned);
  proto->set_frames_decoded(progress.frames_decoded);
  proto->set_frames_hashed(progress.frames_hashed);
  ToProto(progress.time_reached, proto->mutable_time_reached());
  ToProto(progress.duration, proto->mutable_duration());
  proto->set_size_bytes(progress.size_bytes);
  ToProto(progress.elapsed, proto->mutable_elapsed());
}

Status FillProgress(const v1::ScanStreamRequest& request, scan::ScanInput& input) {
  if (!request.has_progress_interval()) return OkStatus();
  const auto& interval = request.progress_interval();
  // Beyond what TimeUtil converts without complaint.
  if (interval.seconds() < 0 || interval.seconds() > 3600 || interval.nanos() < 0 ||
      interval.nanos() > 999'999'999) {
    return Fault("progress_interval", "progress_interval is out of range; 20 ms to 60 s are accepted");
  }
  input.progress_interval = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(interval));
  return OkStatus();
}

StatusOr<scan::ScanInput> ToScanInput(const v1::ScanRequest& request) {
  scan::ScanInput input;
  input.request_id = request.request_id();
  input.lists.assign(request.lists().begin(), request.lists().end());
  input.labels = {request.labels().begin(), request.labels().end()};
  input.return_hashes = request.return_hashes();
  input.stop_on_match = request.stop_on_match();
  TAMIZ_RETURN_IF_ERROR(FillSampling(request.sampling(), input.sampling));
  if (request.has_uri()) input.uri = request.uri();
  return input;
}

StatusOr<scan::ScanInput> ToScanInput(const v1::HashRequest& request) {
  scan::ScanInput input;
  input.request_id = request.request_id();
  TAMIZ_RETURN_IF_ERROR(FillSampling(request.sampling(), input.sampling));
  if (request.has_uri()) input.uri = request.uri();
  return input;
}

work::Lane ToLane(v1::Lane lane) { return lane == v1::LANE_BULK ? work::Lane::kBulk : work::Lane::kLive; }

void ToProto(const scan::ScanOutput& output, v1::ScanResult* result) {
  result->set_scan_id(output.scan_id);
  result->set_request_id(output.request_id);
  result->set_verdict(VerdictOf(output.conclusion.verdict));
  result->set_confidence(output.conclusion.confidence);
  for (const match::Match& match : output.conclusion.matches) ToProto(match, result->add_matches());
  FillSuppressed(output.conclusion, result);
  Fill(output.conclusion.reasons, result->mutable_incomplete_reasons());
  FillMedia(output, result->mutable_media());
  if (HasDigests(output)) Fill(output.digests, result->mutable_digests());
  FillCoverage(output, result->mutable_coverage());
  for (const scan::FrameHash& hash : output.hashes) Fill(hash, result->add_hashes());
  FillSnapshot(output.conclusion, result->mutable_snapshot());
  Fill(output.timings, result->mutable_timings());
}

void ToProto(const scan::ScanOutput& output, bool all_orientations, v1::HashResponse* response) {
  response->set_request_id(output.request_id);
  FillMedia(output, response->mutable_media());
  if (HasDigests(output)) Fill(output.digests, response->mutable_digests());
  for (const scan::FrameHash& hash : output.hashes) {
    Fill(hash, response->add_hashes());
    if (!all_orientations) continue;
    v1::OrientedHashes* oriented = response->add_orientations();
    oriented->set_index(hash.index);
    for (const hash::Hash256& value : hash.pdq.hashes) oriented->add_pdq(Bytes(value.ToBytes()));
  }
  FillCoverage(output, response->mutable_coverage());
  Fill(output.conclusion.reasons, response->mutable_incomplete_reasons());
}

StatusOr<match::Evidence> ToEvidence(const v1::LookupRequest& request) {
  if (request.hashes().empty()) return Fault("hashes", "hashes is empty; at least one is needed");
  if (request.hashes_size() > kMaxLookupHashes) {
    return Fault("hashes",
                 fmt::format("{} hashes; at most {} are accepted", request.hashes_size(), kMaxLookupHashes));
  }
  match::Evidence evidence;
  std::set<std::uint64_t> times;
  for (int i = 0; i < request.hashes_size(); ++i) {
    const v1::QueryHash& query = request.hashes(i);
    const std::string field = fmt::format("hashes[{}]", i);
    if (query.type() < v1::HASH_TYPE_MD5 || query.type() > v1::HASH_TYPE_PDQ) {
      return Fault(field + ".type", fmt::format("{}.type must be MD5, SHA1, SHA256 or PDQ", field));
    }
    const auto type = static_cast<lists::HashType>(query.type());
    TAMIZ_ASSIGN_OR_RETURN(std::vector<std::uint8_t> bytes, HashBytes(query, field));
    if (bytes.size() != lists::ValueBytes(type)) {
      return Fault(field + ".value", fmt::format("{} has {} bytes; {} has {}", field, bytes.size(),
                                                 lists::ToString(type), lists::ValueBytes(type)));
    }
    TAMIZ_RETURN_IF_ERROR(CheckQuality(query.quality(), field));
    if (type != lists::HashType::kPdq) {
      lists::EntryHash digest;
      digest.type = type;
      digest.value = std::move(bytes);
      evidence.foreign_digests.push_back(std::move(digest));
      continue;
    }
    constexpr std::uint64_t kMaxTimeMs = 1ull << 40;  // 34 years; microseconds still fit
    if (query.time_ms() > kMaxTimeMs)
      return Fault(field + ".time_ms", fmt::format("{}.time_ms is too large", field));
    match::FrameEvidence frame;
    frame.time = std::chrono::milliseconds(query.time_ms());
    frame.pdq.hashes[0] = hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(bytes));
    frame.pdq.quality = query.quality() == 0 ? 100 : static_cast<int>(query.quality());
    frame.orientations = hash::OrientationSet::kUpright;
    times.insert(query.time_ms());
    evidence.frames.push_back(std::move(frame));
  }
  std::ranges::stable_sort(evidence.frames, {}, &match::FrameEvidence::time);
  for (std::size_t i = 0; i < evidence.frames.size(); ++i)
    evidence.frames[i].index = static_cast<std::uint32_t>(i);
  if (times.size() > 1) {
    // The plan by which they were sampled is not told; their mean distance stands for it.
    const microseconds span = std::chrono::milliseconds(*times.rbegin() - *times.begin());
    evidence.frame_interval = span / static_cast<std::int64_t>(times.size() - 1);
    evidence.duration = std::chrono::milliseconds(*times.rbegin()) + evidence.frame_interval;
  }
  return evidence;
}

void ToProto(const match::Conclusion& conclusion, v1::LookupResponse* response) {
  response->set_verdict(VerdictOf(conclusion.verdict));
  response->set_confidence(conclusion.confidence);
  for (const match::Match& match : conclusion.matches) ToProto(match, response->add_matches());
  FillSuppressed(conclusion, response);
  Fill(conclusion.reasons, response->mutable_incomplete_reasons());
  FillSnapshot(conclusion, response->mutable_snapshot());
}

void ToProto(const lists::ListInfo& info, v1::HashList* list) {
  list->set_list_id(info.list_id);
  list->set_name(info.name);
  list->set_source_org(info.source_org);
  for (const std::string& label : info.labels) list->add_labels(label);
  list->set_description(info.description);
  list->set_kind(static_cast<v1::ListKind>(info.kind));
  v1::ListPolicy* policy = list->mutable_policy();
  policy->set_radius(info.policy.radius);
  if (info.policy.review_radius) policy->set_review_radius(*info.policy.review_radius);
  policy->set_quality_floor(info.policy.quality_floor);
  policy->set_min_reference_coverage(info.policy.min_reference_coverage);
  policy->set_min_query_coverage(info.policy.min_query_coverage);
  policy->set_orientations(info.policy.orientations);
  policy->set_border_removal(info.policy.border_removal);
  policy->set_find_regions(info.policy.find_regions);
  policy->set_straighten(info.policy.straighten);
  policy->set_restore_contrast(info.policy.restore_contrast);
  policy->set_mode(ModeOf(info.policy.mode));
  policy->set_match_confidence(info.policy.match_confidence);
  policy->set_review_confidence(info.policy.review_confidence);
  policy->set_action_hint(info.policy.action_hint);
  v1::BreakerPolicy* breaker = policy->mutable_breaker();
  breaker->set_entry_hits(info.policy.breaker.entry_hits);
  breaker->set_list_hits(info.policy.breaker.list_hits);
  breaker->mutable_window()->set_seconds(info.policy.breaker.window.count());
  if (info.policy.sampling != media::SamplingRequest())
    Fill(info.policy.sampling, policy->mutable_sampling());
  if (info.policy.max_age) {
    *policy->mutable_max_age() = TimeUtil::SecondsToDuration(info.policy.max_age->count());
  }
  list->set_version(info.version);
  list->set_digest(info.digest);
  list->set_entry_count(info.entry_count);
  ToProto(info.created_at, list->mutable_created_at());
  ToProto(info.updated_at, list->mutable_updated_at());
  list->set_built_in(info.built_in);
  const lists::Exceptions& exceptions = info.policy.exceptions;
  const WallTime now = Clock::System().WallNow();
  if (const lists::Hold* tripped = exceptions.Find(lists::HoldKind::kBreaker, "")) {
    ToProto(*tripped, list->mutable_breaker());
  }
  list->set_entries_tripped(static_cast<std::uint32_t>(exceptions.Count(lists::HoldKind::kBreaker, now)));
  list->set_entries_disabled(static_cast<std::uint32_t>(exceptions.Count(lists::HoldKind::kDisabled, now)));
}

StatusOr<lists::Hold> ToHold(const v1::DisableEntryRequest& request, WallTime now) {
  TAMIZ_RETURN_IF_ERROR(lists::Exceptions::CheckReason(request.reason()));
  lists::Hold hold;
  hold.entry_id = request.entry_id();
  hold.reason = request.reason();
  hold.since = now;
  if (!request.has_until()) return hold;
  if (request.enable()) return Fault("until", "until is for disabling; enabling takes effect at once");
  const auto& at = request.until();
  if (at.seconds() < 0 || at.seconds() > 9'000'000'000 || at.nanos() < 0 || at.nanos() > 999'999'999 ||
      WallTime(std::chrono::seconds(at.seconds())) <= now) {
    return Fault("until", "until must lie in the future, before the year 2255");
  }
  hold.until = WallTime(microseconds(TimeUtil::TimestampToMicroseconds(at)));
  return hold;
}

void ToProto(const lists::Hold& hold, v1::Hold* proto) {
  proto->set_kind(static_cast<v1::HoldKind>(hold.kind));
  proto->set_entry_id(hold.entry_id);
  proto->set_reason(hold.reason);
  proto->set_actor(hold.actor);
  ToProto(hold.since, proto->mutable_since());
  if (hold.until) ToProto(*hold.until, proto->mutable_until());
}

void ToProto(const lists::HoldEvent& event, v1::HoldEvent* proto) {
  ToProto(event.at, proto->mutable_at());
  proto->set_what(event.what);
  proto->set_entry_id(event.entry_id);
  proto->set_reason(event.reason);
  proto->set_actor(event.actor);
  if (event.until) ToProto(*event.until, proto->mutable_until());
}

StatusOr<lists::ListInfo> ToListInfo(const v1::CreateListRequest& request) {
  lists::ListInfo info;
  info.name = request.name();
  if (const Status status = lists::ValidateListName(info.name); !status.ok())
    return WithField(status, "name");
  info.source_org = request.source_org();
  info.labels.assign(request.labels().begin(), request.labels().end());
  info.description = request.description();
  if (!v1::ListKind_IsValid(request.kind())) {
    return Fault("kind", fmt::format("kind is {}, which is no ListKind", static_cast<int>(request.kind())));
  }
  switch (request.kind()) {
    case v1::LIST_KIND_UNSPECIFIED:
    case v1::LIST_KIND_BLOCK:
      info.kind = lists::ListKind::kBlock;
      break;
    case v1::LIST_KIND_ALLOW:
      info.kind = lists::ListKind::kAllow;
      break;
    case v1::ListKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::ListKind_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  TAMIZ_RETURN_IF_ERROR(FillPolicy(
      request.policy(), [](std::string_view) { return true; }, info.policy));
  TAMIZ_RETURN_IF_ERROR(CheckTexts(info));
  TAMIZ_RETURN_IF_ERROR(info.policy.Validate());
  return info;
}

Status ApplyUpdate(const v1::UpdateListRequest& request, lists::ListInfo& info) {
  const v1::HashList& update = request.update();
  std::set<std::string, std::less<>> mask(request.update_mask().paths().begin(),
                                          request.update_mask().paths().end());
  for (const std::string& path : mask) {
    const bool known = path == "source_org" || path == "labels" || path == "description" ||
                       path == "policy" ||
                       (path.starts_with("policy.") &&
                        v1::ListPolicy::descriptor()->FindFieldByName(path.substr(7)) != nullptr);
    if (!known) {
      return Fault("update_mask",
                   fmt::format("update_mask names \"{}\", which cannot be changed; accepted are "
                               "source_org, labels, description, policy and policy.<field>",
                               path.substr(0, 64)));
    }
  }
  // Named in a mask, a field is taken even if it is empty; without a mask only what is set is taken.
  const auto wanted = [&](std::string_view path, bool is_set) {
    return mask.empty() ? is_set : mask.contains(path);
  };
  if (wanted("source_org", !update.source_org().empty())) info.source_org = update.source_org();
  if (wanted("description", !update.description().empty())) info.description = update.description();
  if (wanted("labels", !update.labels().empty()))
    info.labels.assign(update.labels().begin(), update.labels().end());
  if (mask.contains("policy")) info.policy = lists::ListPolicy();
  // A named field of the policy that is unset goes back to its default.
  const lists::ListPolicy defaults;
  if (mask.contains("policy.radius")) info.policy.radius = defaults.radius;
  if (mask.contains("policy.review_radius")) info.policy.review_radius = defaults.review_radius;
  if (mask.contains("policy.quality_floor")) info.policy.quality_floor = defaults.quality_floor;
  if (mask.contains("policy.min_reference_coverage")) {
    info.policy.min_reference_coverage = defaults.min_reference_coverage;
  }
  if (mask.contains("policy.min_query_coverage"))
    info.policy.min_query_coverage = defaults.min_query_coverage;
  if (mask.contains("policy.orientations")) info.policy.orientations = defaults.orientations;
  if (mask.contains("policy.border_removal")) info.policy.border_removal = defaults.border_removal;
  if (mask.contains("policy.find_regions")) info.policy.find_regions = defaults.find_regions;
  if (mask.contains("policy.straighten")) info.policy.straighten = defaults.straighten;
  if (mask.contains("policy.restore_contrast")) info.policy.restore_contrast = defaults.restore_contrast;
  if (mask.contains("policy.match_confidence")) info.policy.match_confidence = defaults.match_confidence;
  if (mask.contains("policy.review_confidence")) info.policy.review_confidence = defaults.review_confidence;
  if (mask.contains("policy.mode")) info.policy.mode = defaults.mode;
  if (mask.contains("policy.action_hint")) info.policy.action_hint = defaults.action_hint;
  if (mask.contains("policy.max_age")) info.policy.max_age = defaults.max_age;
  if (mask.contains("policy.sampling")) info.policy.sampling = defaults.sampling;
  if (mask.contains("policy.breaker") && !update.policy().has_breaker())
    info.policy.breaker = defaults.breaker;
  TAMIZ_RETURN_IF_ERROR(FillPolicy(
      update.policy(),
      [&](std::string_view field) {
        return mask.empty() || mask.contains("policy") || mask.contains(fmt::format("policy.{}", field));
      },
      info.policy));
  TAMIZ_RETURN_IF_ERROR(CheckTexts(info));
  return info.policy.Validate();
}

StatusOr<lists::Entry> ToEntry(const v1::Entry& proto, const std::string& field, bool hashes) {
  lists::Entry entry;
  entry.id = proto.entry_id();
  entry.labels.assign(proto.labels().begin(), proto.labels().end());
  entry.metadata = {proto.metadata().begin(), proto.metadata().end()};
  entry.disabled = proto.disabled();
  if (proto.has_expires_at()) {
    // Up to the year 2255: system_clock counts nanoseconds in 64 bits.
    const auto& at = proto.expires_at();
    if (at.seconds() < 0 || at.seconds() > 9'000'000'000 || at.nanos() < 0 || at.nanos() > 999'999'999) {
      return Fault(field + ".expires_at", fmt::format("{}.expires_at must lie in 1970 to 2255", field));
    }
    entry.expires_at = WallTime(microseconds(TimeUtil::TimestampToMicroseconds(proto.expires_at())));
  }
  if (!hashes && !proto.hashes().empty()) {
    return Fault(field + ".hashes",
                 fmt::format("{}.hashes must be empty: they are computed from the media", field));
  }
  for (int i = 0; i < proto.hashes_size(); ++i) {
    const v1::EntryHash& given = proto.hashes(i);
    const std::string name = fmt::format("{}.hashes[{}]", field, i);
    if (given.type() < v1::HASH_TYPE_MD5 || given.type() > v1::HASH_TYPE_OPAQUE) {
      return Fault(name + ".type", fmt::format("{}.type is not set or unknown", name));
    }
    lists::EntryHash hash;
    hash.type = static_cast<lists::HashType>(given.type());
    TAMIZ_ASSIGN_OR_RETURN(hash.value, HashBytes(given, name));
    TAMIZ_RETURN_IF_ERROR(CheckQuality(given.quality(), name));
    hash.quality = given.quality() == 0 ? 100 : given.quality();
    if (given.has_time_ms()) hash.time_ms = given.time_ms();
    hash.opaque_type = given.opaque_type();
    entry.hashes.push_back(std::move(hash));
  }
  if (hashes) {
    if (const std::string fault = lists::FaultOf(entry); !fault.empty()) {
      return Fault(field, fmt::format("{}: {}", field, fault));
    }
  } else if (entry.id.empty() || entry.id.size() > 256) {
    return Fault(field + ".entry_id", fmt::format("{}.entry_id must have 1 to 256 bytes", field));
  }
  return entry;
}

void ToProto(const lists::Entry& entry, bool values, v1::Entry* proto) {
  proto->set_entry_id(entry.id);
  for (const lists::EntryHash& hash : entry.hashes) {
    v1::EntryHash* added = proto->add_hashes();
    added->set_type(static_cast<v1::HashType>(hash.type));
    if (values) {
      added->set_value(Bytes(hash.value));
      added->set_hex(ToHex(hash.value));
    }
    if (hash.type == lists::HashType::kPdq) added->set_quality(hash.quality);
    if (hash.time_ms) added->set_time_ms(*hash.time_ms);
    added->set_opaque_type(hash.opaque_type);
  }
  for (const std::string& label : entry.labels) proto->add_labels(label);
  for (const auto& [key, value] : entry.metadata) (*proto->mutable_metadata())[key] = value;
  if (entry.expires_at) ToProto(*entry.expires_at, proto->mutable_expires_at());
  proto->set_disabled(entry.disabled);
}

namespace {

Status UnknownKind(std::string_view field) {
  return Fault(field, fmt::format("{} needs a hash type: md5, sha1, sha256, pdq, photodna or opaque:NAME{}",
                                  field, field == "options.hash_columns" ? ", and a column" : ""));
}

StatusOr<lists::HashEncoding> ToEncoding(const std::string& name, std::string_view field) {
  const auto encoding = lists::ParseHashEncoding(name);
  if (!encoding)
    return Fault(field, fmt::format("{}: an encoding must be auto, hex, base64 or decimal", field));
  return *encoding;
}

}  // namespace

StatusOr<lists::ReadOptions> ToReadOptions(const v1::ImportOptions& options) {
  lists::ReadOptions read;
  read.format = options.format().empty() ? "auto" : options.format();
  const auto take = [](const std::string& name, std::string& column) {
    if (!name.empty()) column = name;
  };
  take(options.columns().entry_id(), read.columns.entry_id);
  take(options.columns().hash_type(), read.columns.hash_type);
  take(options.columns().value(), read.columns.value);
  take(options.columns().labels(), read.columns.labels);
  take(options.columns().metadata(), read.columns.metadata);
  take(options.columns().quality(), read.columns.quality);
  take(options.columns().time_ms(), read.columns.time_ms);
  read.columns.category = options.columns().category();
  if (options.delimiter().size() > 1) {
    return Fault("options.delimiter", "options.delimiter must be one character");
  }
  if (!options.delimiter().empty()) read.delimiter = options.delimiter()[0];
  read.has_header = !options.no_header();
  if (!options.default_hash_type().empty()) {
    read.default_hash_type = lists::ParseHashKind(options.default_hash_type());
    if (!read.default_hash_type) return UnknownKind("options.default_hash_type");
  }
  TAMIZ_ASSIGN_OR_RETURN(read.value_encoding, ToEncoding(options.value_encoding(), "options.value_encoding"));
  for (const v1::HashColumn& given : options.hash_columns()) {
    lists::HashColumn column;
    column.column = given.column();
    const auto kind = lists::ParseHashKind(given.hash_type());
    if (given.column().empty() || !kind) return UnknownKind("options.hash_columns");
    column.kind = *kind;
    TAMIZ_ASSIGN_OR_RETURN(column.encoding, ToEncoding(given.encoding(), "options.hash_columns"));
    read.hash_columns.push_back(std::move(column));
  }
  for (const v1::CategoryRule& rule : options.categories()) {
    read.categories.push_back({rule.category(), {rule.labels().begin(), rule.labels().end()}, rule.skip()});
  }
  TAMIZ_ASSIGN_OR_RETURN(read.junk, lists::JunkHashes::Parse({options.photodna_denylist().begin(),
                                                              options.photodna_denylist().end()}));
  read.derive_ids = options.derive_entry_ids();
  read.entry_id = options.entry_id();
  if (options.has_max_rejected_share() &&
      !(options.max_rejected_share() >= 0 && options.max_rejected_share() <= 1)) {
    return Fault("options.max_rejected_share", "options.max_rejected_share must be 0 to 1");
  }
  return read;
}

void ToProto(const lists::EntryCollector::Collected& collected, v1::ImportEntriesResponse* response) {
  response->set_rows_read(collected.rows_read);
  response->set_rows_rejected(collected.rows_rejected);
  for (const lists::Rejection& rejection : collected.rejections) {
    v1::RejectedRow* row = response->add_rejected();
    row->set_line(rejection.line);
    row->set_reason(rejection.reason);
  }
  response->set_rows_skipped(collected.rows_skipped);
  for (const auto& [reason, count] : collected.skipped) {
    v1::ReasonCount* skipped = response->add_skipped();
    skipped->set_reason(reason);
    skipped->set_count(count);
  }
  for (const auto& [reason, count] : collected.dropped_hashes) {
    v1::ReasonCount* dropped = response->add_dropped_hashes();
    dropped->set_reason(reason);
    dropped->set_count(count);
  }
  for (const auto& [category, count] : collected.categories) {
    v1::CategoryCount* counted = response->add_categories();
    counted->set_category(category);
    counted->set_rows(count.rows);
    counted->set_kept_out(count.kept_out);
  }
  response->set_format(collected.format);
}

void ToProto(const store::VersionDiff& diff, v1::DiffVersionsResponse* response) {
  response->set_entries_added(diff.added);
  response->set_entries_updated(diff.updated);
  response->set_entries_removed(diff.removed);
  for (const std::string& id : diff.added_ids) response->add_added_ids(id);
  for (const std::string& id : diff.updated_ids) response->add_updated_ids(id);
  for (const std::string& id : diff.removed_ids) response->add_removed_ids(id);
}

void ToProto(const scan::SelfTestReport& report, v1::SelfTestReport* proto) {
  proto->set_passed(report.passed);
  if (report.ran_at != WallTime{}) ToProto(report.ran_at, proto->mutable_ran_at());
  ToProto(report.duration, proto->mutable_duration());
  for (const scan::SelfTestCase& test : report.cases) {
    v1::SelfTestCase* added = proto->add_cases();
    added->set_name(test.name);
    added->set_passed(test.passed);
    added->set_detail(test.detail);
  }
}

void ToProto(const lists::ListSnapshot& snapshot, const lists::Catalog& catalog, v1::LoadedList* proto) {
  v1::ListVersionRef* list = proto->mutable_list();
  list->set_list_id(snapshot.info.list_id);
  list->set_list_name(snapshot.info.name);
  list->set_version(snapshot.info.version);
  list->set_digest(snapshot.info.digest);
  proto->set_entries(snapshot.entry_count());
  proto->set_hashes(snapshot.pdq_count() + snapshot.digest_count());
  proto->set_index_bytes(snapshot.memory_bytes());
  proto->set_delta_entries(snapshot.delta_entries());
  const lists::SuspectHashes suspects = snapshot.suspects();
  proto->set_flat_hashes(suspects.flat);
  proto->set_low_quality_hashes(suspects.low_quality);
  proto->set_shared_hashes(suspects.shared);
  ToProto(snapshot.loaded_at, proto->mutable_loaded_at());
  const lists::Exceptions& exceptions = snapshot.info.policy.exceptions;
  const WallTime now = Clock::System().WallNow();
  ToProto(catalog.CompleteAt(snapshot), proto->mutable_complete_at());
  proto->set_stale(catalog.IsStale(snapshot, now));
  proto->set_breaker_tripped(exceptions.Find(lists::HoldKind::kBreaker, "") != nullptr);
  proto->set_entries_tripped(static_cast<std::uint32_t>(exceptions.Count(lists::HoldKind::kBreaker, now)));
  proto->set_entries_disabled(static_cast<std::uint32_t>(exceptions.Count(lists::HoldKind::kDisabled, now)));
}

}  // namespace tamiz::server
