#include "core/match/closer_look.h"

#include <algorithm>
#include <cmath>

#include "core/match/known_video.h"

namespace tamiz::match {
namespace {

using std::chrono::microseconds;

// Leads of one candidate, and the hits and segments that they are drawn from.
constexpr std::size_t kMostLeads = 256;
constexpr std::size_t kMostHits = 16;
constexpr std::size_t kMostSegments = 8;
// A picture that a segment lacks is looked for so far beside the moment at which it should be shown, and
// further by this share of the time between that moment and the segment, which is known to run so fast only
// about.
constexpr double kBeside = 0.75;
constexpr double kUncertainty = 0.2;
// What lies further from a segment, or from a frame that was found alone, is looked for no more, in seconds:
// how fast it runs is not known so well, and a longer stretch would have been met by more of the plan's
// frames.
constexpr double kFurthestAlong = 60;
constexpr double kFurthestAround = 20;

double Seconds(microseconds time) { return static_cast<double>(time.count()) * 1e-6; }
microseconds Time(double seconds) { return microseconds(std::llround(seconds * 1e6)); }

// A lead and how far it is from what was found.
struct Ranked {
  Lead lead;
  double away = 0;
};

std::vector<bool> PicturesFound(const Candidate& candidate, const KnownVideo& known) {
  std::vector<bool> found(known.pictures().size());
  for (const std::uint32_t position : candidate.found->positions) {
    if (const std::uint32_t picture = known.PictureAt(position); picture != KnownVideo::kNone)
      found[picture] = true;
  }
  for (const AlignedSegment& segment : candidate.segments) {
    for (const AlignedSegment::Bridge& bridge : segment.bridges)
      std::fill(found.begin() + bridge.first_picture, found.begin() + bridge.last_picture + 1, true);
  }
  return found;
}

// `reached`: by picture, what was found or a lead goes for.
void AlongSegment(const AlignedSegment& segment, const KnownVideo& known, const std::vector<bool>& found,
                  const UploadTimes& upload, std::vector<bool>& reached, std::vector<Ranked>& leads) {
  const double speed = std::clamp(segment.speed, kSlowest, kFastest);
  const double first = Seconds(upload.frames[segment.first_frame]);
  const double last = Seconds(upload.frames[segment.last_frame]);
  const double end = Seconds(upload.end);
  // The segment's middle is known best; beyond its ends what is not known of its speed tells.
  const double middle = (first + last) / 2;
  const double there = segment.origin + (segment.reversed ? -segment.speed : segment.speed) * middle;
  for (std::uint32_t picture = 0; picture < found.size(); ++picture) {
    if (found[picture]) continue;
    const KnownVideo::Picture& one = known.pictures()[picture];
    const double ahead = (Seconds(one.start) + Seconds(one.end)) / 2 - there;
    const double at = middle + (segment.reversed ? -ahead : ahead) / speed;
    const double away = std::max({0.0, first - at, at - last});
    if (away > kFurthestAlong) continue;
    const double lasts = (Seconds(one.end) - Seconds(one.start)) / speed;
    const double reach = std::min(kBeside + kUncertainty * away + lasts / 2, kFurthestAround);
    // Where something was cut out, what follows comes sooner than this says.
    reached[picture] = reached[picture] || (at > -kFurthestAround && at < end + kFurthestAround);
    leads.push_back({{Time(at - reach), Time(at + reach), Time(at)}, away});
  }
}

// Where the known video would be that shows the picture at that time; what of it would be seen there is
// noted in `reached`.
Lead AroundFrame(const KnownVideo& known, std::uint32_t number, microseconds time,
                 std::vector<bool>& reached) {
  const double begin = Seconds(known.pictures().front().start);
  const double end = Seconds(known.pictures().back().end);
  const KnownVideo::Picture& picture = known.pictures()[number];
  // It may run either way from here.
  const double most = std::max(Seconds(picture.end) - begin, end - Seconds(picture.start));
  const double reach = std::min(most / kSlowest, kFurthestAround) + kBeside;
  for (std::uint32_t other = 0; other < reached.size(); ++other) {
    const KnownVideo::Picture& one = known.pictures()[other];
    const double away = std::max(Seconds(one.start - picture.end), Seconds(picture.start - one.end));
    if (away <= kFastest * reach) reached[other] = true;
  }
  return {Time(Seconds(time) - reach), Time(Seconds(time) + reach), time};
}

void AroundHits(const Candidate& candidate, const KnownVideo& known, const std::vector<microseconds>& frames,
                std::uint32_t own_frames, std::vector<bool>& reached, std::vector<Ranked>& leads) {
  std::vector<FrameHit> hits;
  for (const FrameHit& hit : candidate.fold->hits) {
    if (hit.frame >= own_frames) continue;
    const bool in_step = std::ranges::any_of(candidate.segments, [&](const AlignedSegment& segment) {
      return hit.frame >= segment.first_frame && hit.frame <= segment.last_frame;
    });
    if (!in_step) hits.push_back(hit);
  }
  std::ranges::stable_sort(hits, {}, &FrameHit::distance);
  if (hits.size() > kMostHits) hits.resize(kMostHits);
  for (const FrameHit& hit : hits) {
    const std::uint32_t number = known.PictureAt(hit.position);
    if (number == KnownVideo::kNone) continue;
    leads.push_back({AroundFrame(known, number, frames[hit.frame], reached), kFurthestAlong + hit.distance});
  }
}

// Whether these pictures are as many as the list asks for; if not it is a moment of a long film.
bool IsEnough(const std::vector<bool>& pictures, const lists::ListSnapshot& list) {
  return static_cast<double>(std::ranges::count(pictures, true)) >=
         list.info.policy.min_reference_coverage * static_cast<double>(pictures.size());
}

}  // namespace

std::vector<Lead> LeadsOf(const Candidate& candidate, const UploadTimes& upload) {
  if (candidate.fold == nullptr || candidate.found == nullptr || candidate.fold->hits.empty()) return {};
  const KnownVideo known(*candidate.list, candidate.entry);
  if (known.pictures().empty()) return {};
  const std::vector<bool> found = PicturesFound(candidate, known);
  // Parts have times of their own.
  const std::uint32_t own_frames = OwnFrames(upload.parts, static_cast<std::uint32_t>(upload.frames.size()));
  std::vector<bool> reached = found;
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < std::min(candidate.segments.size(), kMostSegments); ++i) {
    if (candidate.segments[i].last_frame < own_frames)
      AlongSegment(candidate.segments[i], known, found, upload, reached, ranked);
  }
  AroundHits(candidate, known, upload.frames, own_frames, reached, ranked);
  // Were all of it there, it might still be too little.
  if (!IsEnough(reached, *candidate.list)) return {};
  std::ranges::stable_sort(ranked, {}, &Ranked::away);
  if (ranked.size() > kMostLeads) ranked.resize(kMostLeads);
  std::vector<Lead> leads;
  for (const Ranked& one : ranked) leads.push_back(one.lead);
  return leads;
}

std::optional<Lead> LeadOf(const lists::ListSnapshot& list, const DistantHit& hit, microseconds at) {
  const KnownVideo known(list, hit.entry);
  const std::uint32_t number = known.PictureAt(hit.position);
  if (number == KnownVideo::kNone) return std::nullopt;
  std::vector<bool> reached(known.pictures().size());
  const Lead lead = AroundFrame(known, number, at, reached);
  return IsEnough(reached, list) ? std::optional(lead) : std::nullopt;
}

void CloserSpans::Add(const Lead& lead) {
  const microseconds at = std::clamp(lead.at, microseconds(0), end_);
  microseconds before = at - std::max(lead.start, microseconds(0));
  microseconds after = std::min(lead.end, end_) - at;
  // Where there is no room for it, as much as there is room for.
  for (int tries = 0; tries < 4; ++tries, before /= 2, after /= 2) {
    if (before < microseconds(0) || after < microseconds(0) || before + after <= microseconds(0)) return;
    if (TryAdd({at - before, at + after})) return;
  }
}

bool CloserSpans::TryAdd(media::TimeSpan span) {
  std::vector<media::TimeSpan> joined;
  for (const media::TimeSpan& other : spans_) {
    // What lies between two that are near is decoded in any case.
    if (other.end + limits_.each < span.start || span.end + limits_.each < other.start) {
      joined.push_back(other);
    } else {
      span = {std::min(span.start, other.start), std::max(span.end, other.end)};
    }
  }
  joined.insert(std::ranges::lower_bound(joined, span.start, {}, &media::TimeSpan::start), span);
  microseconds cost{0};
  for (const media::TimeSpan& one : joined) cost += one.end - one.start + limits_.each;
  if (cost > limits_.most || joined.size() > media::kMaxPlanSpans) return false;
  spans_ = std::move(joined);
  return true;
}

}  // namespace tamiz::match
