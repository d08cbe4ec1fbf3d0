#include "core/match/known_video.h"

#include "core/match/timeline.h"

namespace tamiz::match {

KnownVideo::KnownVideo(const lists::ListSnapshot& list, std::uint32_t entry) {
  const auto [first, last] = list.PositionsOf(entry);
  first_ = first;
  picture_of_.reserve(last - first);
  for (std::uint32_t position = first; position < last; ++position) {
    const lists::PdqRef ref = list.RefAt(position);
    if (ref.time_ms == lists::PdqRef::kNoTime) {
      picture_of_.push_back(kNone);
      continue;
    }
    const std::chrono::milliseconds time(ref.time_ms);
    times_.push_back(time);
    if (!ref.repeats || pictures_.empty()) {
      pictures_.push_back({time, time});
      position_of_.push_back(position);
    }
    pictures_.back().end = time;
    picture_of_.push_back(static_cast<std::uint32_t>(pictures_.size() - 1));
  }
  interval_ = MedianGap(times_);
}

}  // namespace tamiz::match
