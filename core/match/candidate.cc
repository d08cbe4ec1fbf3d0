#include "core/match/candidate.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "core/lists/crop_id.h"
#include "core/match/confidence.h"
#include "core/match/known_video.h"

namespace tamiz::match {
namespace {

using lists::HashType;
using lists::ListMode;
using lists::ListSnapshot;
using std::chrono::microseconds;

// A frame that stands in step is found within so many times the radius: far from everything unrelated.
constexpr hash::HammingDistance kSecondLook = 2;
constexpr std::size_t kMostSegments = 100;  // of a match, written into an answer

Candidate NewCandidate(const ListSnapshot& list, std::uint32_t entry) {
  Candidate candidate;
  candidate.list = &list;
  candidate.entry = entry;
  // Only what the order of the answer needs; the rest is filled in for those that make it into the answer.
  candidate.match.list_name = list.info.name;
  candidate.match.entry_id = list.IdOf(entry);
  candidate.match.radius = list.info.policy.radius;
  if (list.info.policy.mode == ListMode::kShadow) {
    candidate.match.shadow = true;
    candidate.match.shadow_reason = "policy";
  } else if (list.info.policy.exceptions.TrippedBreaker(lists::PictureIdOf(candidate.match.entry_id)) !=
             nullptr) {
    candidate.match.shadow = true;
    candidate.match.shadow_reason = "breaker";
  }
  return candidate;
}

double Share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
}

calibration::Look LookOf(hash::LookKind kind) {
  switch (kind) {
    case hash::LookKind::kWhole:
      return calibration::Look::kWhole;
    case hash::LookKind::kBorderRemoved:
      return calibration::Look::kBorderRemoved;
    case hash::LookKind::kRegion:
      return calibration::Look::kRegion;
    case hash::LookKind::kStraightened:
      return calibration::Look::kStraightened;
  }
  return calibration::Look::kWhole;
}

// Which pictures the frames at `positions` show.
std::vector<bool> PicturesAt(const std::vector<std::uint32_t>& positions, const KnownVideo& known) {
  std::vector<bool> pictures(known.pictures().size());
  for (const std::uint32_t position : positions) {
    if (const std::uint32_t picture = known.PictureAt(position); picture != KnownVideo::kNone) {
      pictures[picture] = true;
    }
  }
  return pictures;
}

std::uint32_t Count(const std::vector<bool>& set) {
  return static_cast<std::uint32_t>(std::ranges::count(set, true));
}

void SetCoverage(Candidate& candidate, double reference_coverage, double query_coverage) {
  const lists::ListPolicy& policy = candidate.list->info.policy;
  candidate.match.reference_coverage = reference_coverage;
  candidate.match.query_coverage = query_coverage;
  // An entry may hold pictures beside its video frames: a picture that is found is found whole.
  const bool known_enough = candidate.found->picture || reference_coverage >= policy.min_reference_coverage;
  const bool covers_enough =
      candidate.upload_is_still || (known_enough && query_coverage >= policy.min_query_coverage);
  candidate.match.review = candidate.uses_review || !covers_enough;
}

// The upload's frames that were found, by place in time.
std::vector<FrameRuns::Run> FramesFound(const Found& found, const FrameOrder* order) {
  if (order == nullptr) return found.frames.runs();
  std::vector<std::uint32_t> places;
  for (const FrameRuns::Run& run : found.frames.runs()) {
    for (std::uint32_t frame = run.first; frame <= run.last; ++frame) places.push_back(order->PlaceOf(frame));
  }
  std::ranges::sort(places);
  FrameRuns in_order;
  for (const std::uint32_t place : places) in_order.Add(place);
  return in_order.runs();
}

// The upload's frames that show the entry, by place in time: those found, and those between two that were
// found in step.
std::vector<FrameRuns::Run> FramesShown(const Candidate& candidate, const FrameOrder* order) {
  std::vector<FrameRuns::Run> runs = FramesFound(*candidate.found, order);
  for (const AlignedSegment& segment : candidate.segments) {
    for (const AlignedSegment::Bridge& bridge : segment.bridges) {
      runs.push_back({bridge.first_frame, bridge.last_frame});
    }
  }
  std::ranges::sort(runs, {}, &FrameRuns::Run::first);
  std::vector<FrameRuns::Run> merged;
  for (const FrameRuns::Run& run : runs) {
    if (!merged.empty() && run.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, run.last);
    } else {
      merged.push_back(run);
    }
  }
  return merged;
}

void WriteRanges(const Candidate& candidate, const UploadTimes& upload, Match& match) {
  if (upload.is_still && candidate.found->positions.empty()) return;
  const std::span<const microseconds> times =
      upload.order == nullptr ? std::span<const microseconds>(upload.frames) : upload.order->times();
  if (!upload.is_still) {
    std::vector<microseconds> shown;
    for (const FrameRuns::Run& run : FramesShown(candidate, upload.order)) {
      for (std::uint32_t frame = run.first; frame <= run.last; ++frame) shown.push_back(times[frame]);
    }
    match.query_ranges = upload.timeline.Ranges(std::move(shown));
  }
  if (candidate.found->positions.empty()) return;

  const KnownVideo known(*candidate.list, candidate.entry);
  const Timeline timeline(known.times(), microseconds::zero(), microseconds::zero());
  std::vector<microseconds> found;
  for (const std::uint32_t position : candidate.found->positions) {
    found.push_back(std::chrono::milliseconds(candidate.list->RefAt(position).time_ms));
  }
  for (const AlignedSegment& segment : candidate.segments) {
    for (const AlignedSegment::Bridge& bridge : segment.bridges) {
      const microseconds from = known.pictures()[bridge.first_picture].start;
      const microseconds to = known.pictures()[bridge.last_picture].end;
      std::ranges::copy_if(known.times(), std::back_inserter(found),
                           [&](microseconds time) { return time >= from && time <= to; });
    }
  }
  match.reference_ranges = timeline.Ranges(std::move(found));

  for (const AlignedSegment& segment : candidate.segments) {
    if (match.segments.size() == kMostSegments) break;
    MatchSegment& written = match.segments.emplace_back();
    written.query_range = {times[segment.first_frame],
                           upload.timeline.Ranges({times[segment.last_frame]}).back().end};
    written.reference_range = {known.pictures()[segment.first_picture].start,
                               timeline.Ranges({known.pictures()[segment.last_picture].end}).back().end};
    written.speed = segment.speed;
    written.reversed = segment.reversed;
    written.transform = hash::Inverse(segment.transform);
    written.frames = segment.frames;
    written.distinct_pictures = segment.pictures;
  }
}

bool IsInPart(const Found& found, std::span<const UploadPart> parts, std::size_t part) {
  const std::uint32_t begin = parts[part].first_frame;
  const std::uint32_t end = part + 1 < parts.size() ? parts[part + 1].first_frame : UINT32_MAX;
  return std::ranges::any_of(found.frames.runs(),
                             [&](const FrameRuns::Run& run) { return run.first < end && run.last >= begin; });
}

// Nothing where all is in the upload itself.
void WriteParts(const Found& found, std::span<const UploadPart> parts, Match& match) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // A closer look comes back to the upload itself.
    if (IsInPart(found, parts, i) && std::ranges::find(match.parts, parts[i].number) == match.parts.end())
      match.parts.push_back(parts[i].number);
  }
  if (match.parts == std::vector<std::uint32_t>{0}) match.parts.clear();
}

// What speaks for the entry beside the best frame. Frames of a shot that stands still say the same thing
// again and again; pictures that come in the known order say more than their number does.
std::uint32_t IndependentEvidence(const Candidate& candidate) {
  if (candidate.found == nullptr) return 1;
  // More frames of the same moment are not more evidence of a picture.
  auto evidence = static_cast<std::uint32_t>(
      std::ranges::count_if(candidate.found->frames.runs(),
                            [&](const FrameRuns::Run& run) { return run.first < candidate.plan_frames; }));
  if (candidate.match.distinct_pictures > 0) {
    evidence = std::min(candidate.match.distinct_pictures, candidate.match.corroborating_frames);
  }
  for (const AlignedSegment& segment : candidate.segments) evidence += segment.pictures;
  return std::max(evidence, 1u);
}

// See AlignInTime; of the frames of `times`, which are places in time if the upload has an order.
void AlignFrames(Candidate& candidate, const KnownVideo& known, const UploadTimes& upload,
                 const SampledTimes& times) {
  std::vector<FrameHit> hits;
  const lists::ListPolicy& policy = candidate.list->info.policy;
  const std::uint32_t reach =
      candidate.uses_review ? policy.review_radius.value_or(policy.radius) : policy.radius;
  for (const FrameHit& hit : candidate.fold->hits) {
    if (hit.distance > reach) continue;
    if (upload.order == nullptr && hit.frame >= times.frames.size()) continue;
    hits.push_back(hit);
    if (upload.order != nullptr) hits.back().frame = upload.order->PlaceOf(hit.frame);
  }
  if (upload.order != nullptr) std::ranges::stable_sort(hits, {}, &FrameHit::frame);
  candidate.segments = Align(hits, known, times);
  if (candidate.segments.empty() || candidate.match.exact) return;
  if (upload.looks != nullptr) {
    std::vector<bool> found(times.frames.size());
    for (const FrameRuns::Run& run : FramesFound(*candidate.found, upload.order)) {
      for (std::uint32_t frame = run.first; frame <= run.last && frame < found.size(); ++frame)
        found[frame] = true;
    }
    for (AlignedSegment& segment : candidate.segments)
      LookAgain(*upload.looks, {*candidate.list, candidate.entry, known}, times, found,
                std::min(kSecondLook * reach, index::kMaxRadius), segment);
  }
  std::vector<bool> pictures = PicturesAt(candidate.found->positions, known);
  for (const AlignedSegment& segment : candidate.segments) {
    for (const AlignedSegment::Bridge& bridge : segment.bridges) {
      std::fill(pictures.begin() + bridge.first_picture, pictures.begin() + bridge.last_picture + 1, true);
    }
  }
  // The plan's frames only: however closely some of it is looked at, that is not more of the upload.
  std::uint32_t frames = 0;
  for (const FrameRuns::Run& run : FramesShown(candidate, upload.order)) {
    const std::uint32_t end = std::min(run.last + 1, candidate.plan_frames);
    frames += upload.order != nullptr ? upload.order->PlanFrames(run.first, run.last)
              : end > run.first       ? end - run.first
                                      : 0;
  }
  SetCoverage(candidate, Share(Count(pictures), known.pictures().size()),
              Share(frames, candidate.usable_frames));
}

}  // namespace

void RestOnDigest(Match& match, HashType type) {
  match.hash_type = type;
  match.exact = true;
  match.review = false;
  match.distance = 0;
  match.transform.reset();
  match.border_removed = false;
  match.region.reset();
  match.straightened_degrees = 0;
  match.contrast_restored = false;
  match.quality_query = 0;
  match.quality_reference = 100;
  match.query_coverage = 1;
  match.reference_coverage = 1;
}

Candidate DigestCandidate(const ListSnapshot& list, std::uint32_t entry, HashType type) {
  Candidate candidate = NewCandidate(list, entry);
  RestOnDigest(candidate.match, type);
  return candidate;
}

std::optional<Candidate> PerceptualCandidate(ListFold& of, std::uint32_t entry, bool upload_is_still) {
  const ListSnapshot& list = of.list();
  const auto at = of.entries().find(entry);
  if (at == of.entries().end() || !at->second.best) return std::nullopt;
  EntryFold& fold = at->second;
  const bool uses_review = !fold.within_radius.unexplained;
  if (uses_review && !fold.within_review.unexplained) return std::nullopt;
  Found& found = uses_review ? fold.within_review : fold.within_radius;
  found.Tidy();
  Candidate candidate = NewCandidate(list, entry);
  candidate.fold = &fold;
  candidate.found = &found;
  candidate.usable_frames = of.usable_frames();
  candidate.plan_frames = of.plan_frames();
  // A closer look goes where the entry was found already, to moments beside those that were looked up: to
  // what the plan found it is no further chance of being wrong.
  const std::uint32_t found_by_plan = found.frames.SizeBefore(of.plan_frames());
  candidate.queries = of.queries() + (found_by_plan > 0 ? 0 : of.closer_queries());
  candidate.uses_review = uses_review;
  candidate.upload_is_still = upload_is_still;
  Match& match = candidate.match;
  match.hash_type = HashType::kPdq;
  match.distance = fold.best->distance;
  match.transform = fold.best->transform;
  match.border_removed = fold.best->kind == hash::LookKind::kBorderRemoved;
  if (fold.best->kind == hash::LookKind::kRegion) match.region = fold.best->rect;
  if (fold.best->kind == hash::LookKind::kStraightened)
    match.straightened_degrees = fold.best->turned_degrees;
  match.contrast_restored = fold.best->quality < static_cast<int>(list.info.policy.quality_floor);
  match.quality_query = static_cast<std::uint32_t>(std::max(fold.best->quality, 0));
  match.quality_reference = list.RefAt(fold.best->position).quality;
  match.corroborating_frames = found.frames.size();
  match.limited = fold.limited;
  double reference_coverage = 1;
  if (!found.positions.empty()) {
    const KnownVideo known(list, entry);
    match.distinct_pictures = Count(PicturesAt(found.positions, known));
    reference_coverage = Share(match.distinct_pictures, known.pictures().size());
  }
  SetCoverage(candidate, reference_coverage, Share(found_by_plan, of.usable_frames()));
  return candidate;
}

std::uint32_t OwnFrames(std::span<const UploadPart> parts, std::uint32_t frames) {
  const auto other = std::ranges::find_if(parts, [](const UploadPart& part) { return part.number != 0; });
  return other == parts.end() ? frames : other->first_frame;
}

bool IsInStill(const Found& found, std::span<const UploadPart> parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_still && IsInPart(found, parts, i)) return true;
  }
  return false;
}

void AlignInTime(Candidate& candidate, const UploadTimes& upload) {
  if (candidate.found == nullptr || candidate.found->positions.empty() || upload.is_still) return;
  const KnownVideo known(*candidate.list, candidate.entry);
  if (upload.order == nullptr) {
    AlignFrames(candidate, known, upload, {upload.frames, upload.interval, upload.end});
    return;
  }
  Candidate closer = candidate;
  const FrameOrder& order = *upload.order;
  AlignFrames(closer, known, upload, {order.times(), upload.interval, upload.end, order.numbers()});
  UploadTimes plan_only = upload;
  plan_only.order = nullptr;
  const std::span<const microseconds> plan = std::span(upload.frames).first(candidate.plan_frames);
  AlignFrames(candidate, known, plan_only, {plan, upload.interval, upload.end});
  // Frames between others can break a chain that spanned them: what was known without them stays known.
  const auto better = [](const Candidate& a, const Candidate& b) {
    return std::tuple(!a.match.review, a.match.reference_coverage, a.match.query_coverage) >=
           std::tuple(!b.match.review, b.match.reference_coverage, b.match.query_coverage);
  };
  if (better(closer, candidate)) {
    candidate = std::move(closer);
    return;
  }
  for (AlignedSegment& segment : candidate.segments) {
    segment.first_frame = order.PlaceOf(segment.first_frame);
    segment.last_frame = order.PlaceOf(segment.last_frame);
    for (AlignedSegment::Bridge& bridge : segment.bridges) {
      bridge.first_frame = order.PlaceOf(bridge.first_frame);
      bridge.last_frame = order.PlaceOf(bridge.last_frame);
    }
  }
}

bool StaysWhateverComes(const Candidate& candidate) {
  if (candidate.match.shadow || candidate.match.review) return false;
  // The share of the upload falls with every frame that shows something else, and confidence with every frame
  // that is looked up.
  const lists::ListPolicy& policy = candidate.list->info.policy;
  return candidate.match.exact || (policy.min_query_coverage <= 0 && policy.match_confidence <= 0);
}

bool Judge(Candidate& candidate, const calibration::Calibration& calibration) {
  Match& match = candidate.match;
  if (match.exact) {
    Confidence confidence = DigestConfidence(match.hash_type);
    match.confidence = confidence.value;
    match.basis = std::move(confidence.basis);
    return true;
  }
  calibration::Evidence& evidence = match.evidence;
  evidence.distance = match.distance;
  evidence.quality_query = match.quality_query;
  evidence.quality_reference = match.quality_reference;
  evidence.turned = match.transform.value_or(hash::Transform::kIdentity) != hash::Transform::kIdentity;
  evidence.look = LookOf(candidate.fold->best->kind);
  evidence.corroborating = IndependentEvidence(candidate);
  evidence.list_hashes = candidate.list->pdq_count();
  evidence.queries = candidate.queries;
  Confidence confidence = PerceptualConfidence(evidence, calibration);
  match.confidence = confidence.value;
  match.basis = std::move(confidence.basis);

  const lists::ListPolicy& policy = candidate.list->info.policy;
  if (match.confidence < policy.match_confidence) match.review = true;
  return !match.review || match.confidence >= policy.review_confidence;
}

Match Write(const Candidate& candidate, const UploadTimes& upload) {
  const ListSnapshot& list = *candidate.list;
  lists::Entry entry = list.EntryAt(candidate.entry);
  Match match = candidate.match;
  match.list_id = list.info.list_id;
  match.list_version = list.info.version;
  match.labels = std::move(entry.labels);
  match.source_org = list.info.source_org;
  match.action_hint = list.info.policy.action_hint;
  match.metadata = std::move(entry.metadata);
  if (const std::optional<lists::CropOf> crop = lists::ParseCropId(candidate.match.entry_id)) {
    match.entry_id = crop->entry_id;
    const auto share = [](std::uint32_t thousandths) { return thousandths / 1000.0; };
    match.reference_region = {share(crop->rect.left), share(crop->rect.top), share(crop->rect.width),
                              share(crop->rect.height)};
  }

  if (candidate.found != nullptr) {
    WriteRanges(candidate, upload, match);
    WriteParts(*candidate.found, upload.parts, match);
  }
  return match;
}

}  // namespace tamiz::match
