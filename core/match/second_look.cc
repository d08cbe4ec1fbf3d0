#include "core/match/second_look.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/match/evidence.h"

namespace tamiz::match {
namespace {

// How far a picture may lie from where the segment's speed puts it: in seconds, or in intervals of the known
// video, whichever is more.
constexpr double kReach = 0.75;
// Frames beside an end that are not seen either end the search there, if they take so many seconds (or
// intervals of the known video, whichever is more).
constexpr int kMostMissed = 2;
constexpr double kLongestMissed = 1.5;

double Seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) * 1e-6; }

class Search {
 public:
  Search(const KeptLooks& looks, const KnownFrames& known, hash::HammingDistance radius,
         const AlignedSegment& segment)
      : looks_(looks),
        known_(known),
        radius_(radius),
        segment_(segment),
        reach_(kReach * std::max(1.0, Seconds(known.video.interval()))),
        slope_(segment.reversed ? -segment.speed : segment.speed) {}

  // The picture that the frame shows.
  [[nodiscard]] std::optional<std::uint32_t> PictureIn(std::uint32_t frame,
                                                       std::chrono::microseconds time) const {
    const std::span<const KeptLooks::Look> looks = looks_.Of(frame);
    if (looks.empty()) return std::nullopt;
    const double expected = segment_.origin + slope_ * Seconds(time);
    const auto& pictures = known_.video.pictures();
    auto picture = static_cast<std::size_t>(std::partition_point(pictures.begin(), pictures.end(),
                                                                 [&](const KnownVideo::Picture& p) {
                                                                   return Seconds(p.end) < expected - reach_;
                                                                 }) -
                                            pictures.begin());
    std::optional<std::uint32_t> nearest;
    hash::HammingDistance distance = radius_ + 1;
    for (; picture < pictures.size() && Seconds(pictures[picture].start) <= expected + reach_; ++picture) {
      for (const KeptLooks::Look& look : looks) {
        if (!hash::Holds(look.orientations, segment_.transform)) continue;
        const hash::HammingDistance here =
            known_.list.DistanceTo(known_.video.PositionOf(static_cast<std::uint32_t>(picture)),
                                   look.hashes[static_cast<std::size_t>(segment_.transform)]);
        if (here >= distance) continue;
        distance = here;
        nearest = static_cast<std::uint32_t>(picture);
      }
    }
    return nearest;
  }

 private:
  const KeptLooks& looks_;
  const KnownFrames& known_;
  const hash::HammingDistance radius_;
  const AlignedSegment& segment_;
  const double reach_;
  const double slope_;
};

}  // namespace

void KeptLooks::Add(const FrameEvidence& evidence, std::uint32_t frame) {
  if (looks_.size() >= kMost || evidence.orientations == hash::OrientationSet::kUpright) return;
  if (evidence.kind != hash::LookKind::kWhole && evidence.kind != hash::LookKind::kBorderRemoved) return;
  looks_.push_back({frame, evidence.orientations, evidence.pdq.hashes});
}

std::span<const KeptLooks::Look> KeptLooks::Of(std::uint32_t frame) const {
  const auto first = std::partition_point(looks_.begin(), looks_.end(),
                                          [&](const Look& look) { return look.frame < frame; });
  const auto last = std::find_if(first, looks_.end(), [&](const Look& look) { return look.frame != frame; });
  return {first, last};
}

void LookAgain(const KeptLooks& looks, const KnownFrames& known, const SampledTimes& times,
               const std::vector<bool>& found, hash::HammingDistance radius, AlignedSegment& segment) {
  const Search search(looks, known, radius, segment);
  std::vector<AlignedSegment::Bridge> seen;
  // True if the frame shows what it should.
  const auto look_at = [&](std::uint32_t frame) {
    if (found[frame]) return true;
    const std::optional<std::uint32_t> picture = search.PictureIn(times.NumberOf(frame), times.frames[frame]);
    if (picture) seen.push_back({frame, frame, *picture, *picture});
    return picture.has_value();
  };
  for (std::uint32_t frame = segment.first_frame; frame <= segment.last_frame; ++frame) (void)look_at(frame);
  const double patience =
      kLongestMissed * std::max(std::min(Seconds(times.interval), 1.0), Seconds(known.video.interval()));
  const auto look_on = [&](std::uint32_t end, int step) {
    int missed = 0;
    double seen_at = Seconds(times.frames[end]);
    for (std::int64_t frame = std::int64_t{end} + step;
         frame >= 0 && frame < static_cast<std::int64_t>(times.frames.size()); frame += step) {
      const double time = Seconds(times.frames[static_cast<std::size_t>(frame)]);
      if (look_at(static_cast<std::uint32_t>(frame))) {
        missed = 0;
        seen_at = time;
      } else if (++missed >= kMostMissed && std::abs(time - seen_at) >= patience) {
        break;
      }
    }
  };
  look_on(segment.first_frame, -1);
  look_on(segment.last_frame, 1);
  segment.bridges.insert(segment.bridges.end(), seen.begin(), seen.end());
}

}  // namespace tamiz::match
