#include "core/match/timeline.h"

#include <algorithm>
#include <utility>

namespace tamiz::match {
namespace {

using std::chrono::microseconds;

void SortUnique(std::vector<microseconds>& times) {
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
}

}  // namespace

microseconds MedianGap(const std::vector<microseconds>& times) {
  if (times.size() < 2) return std::chrono::seconds(1);
  std::vector<microseconds> gaps;
  gaps.reserve(times.size() - 1);
  for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i] - times[i - 1]);
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

Timeline::Timeline(std::vector<microseconds> times, microseconds interval, microseconds end)
    : times_(std::move(times)), interval_(interval), end_(end) {
  SortUnique(times_);
  if (interval_ <= microseconds::zero()) interval_ = MedianGap(times_);
}

std::vector<TimeRange> Timeline::Ranges(std::vector<microseconds> matched) const {
  SortUnique(matched);
  std::vector<TimeRange> ranges;
  for (const microseconds start : matched) {
    microseconds end = start + interval_;
    const auto next = std::upper_bound(times_.begin(), times_.end(), start);
    // Half an interval of slack: sampled frames lie where the video has frames, not on exact multiples.
    if (next != times_.end() && *next - start <= interval_ + interval_ / 2) end = *next;
    if (end_ > start) end = std::min(end, end_);
    if (!ranges.empty() && start <= ranges.back().end) {
      ranges.back().end = std::max(ranges.back().end, end);
    } else {
      ranges.push_back({start, end});
    }
  }
  return ranges;
}

}  // namespace tamiz::match
