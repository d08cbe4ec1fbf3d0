// From the times of sampled frames to spans of time.
#pragma once

#include <chrono>
#include <vector>

#include "core/match/evidence.h"

namespace tamiz::match {

// Median distance of `times`, which ascend; one second where there are fewer than two.
[[nodiscard]] std::chrono::microseconds MedianGap(const std::vector<std::chrono::microseconds>& times);

// The times at which one video was sampled. Immutable after construction.
class Timeline {
 public:
  // `times` of all sampled frames, in any order. `interval`: what one frame stands for; zero: the median
  // distance of the frames, or one second where there is only one. `end`: where the video ends; zero:
  // unknown.
  Timeline(std::vector<std::chrono::microseconds> times, std::chrono::microseconds interval,
           std::chrono::microseconds end);

  // The spans that the frames at `matched` stand for, joined where one frame follows the other. A frame
  // stands for the time until the next one, but where frames are missing (further apart than one and a half
  // intervals) for one interval only.
  [[nodiscard]] std::vector<TimeRange> Ranges(std::vector<std::chrono::microseconds> matched) const;

 private:
  std::vector<std::chrono::microseconds> times_;  // ascending, each once
  std::chrono::microseconds interval_;
  std::chrono::microseconds end_;
};

}  // namespace tamiz::match
