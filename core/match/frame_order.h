// Frames that came in two passes, in order of time.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace tamiz::match {

// Frames are numbered as they came: those of the plan, then those of a closer look, which lie between them.
// Here each has a place in time. Immutable.
class FrameOrder {
 public:
  // `times` by number, of which the first `plan_frames` are the plan's and the first `own_frames` of these
  // belong to the upload itself: the others are its parts', which have times of their own and stay behind.
  FrameOrder(const std::vector<std::chrono::microseconds>& times, std::uint32_t plan_frames,
             std::uint32_t own_frames);

  [[nodiscard]] std::uint32_t PlaceOf(std::uint32_t number) const { return place_of_[number]; }
  [[nodiscard]] std::span<const std::uint32_t> numbers() const { return numbers_; }          // by place
  [[nodiscard]] std::span<const std::chrono::microseconds> times() const { return times_; }  // by place
  // Frames of the plan among the places from `first` up to `last`, both included.
  [[nodiscard]] std::uint32_t PlanFrames(std::uint32_t first, std::uint32_t last) const {
    return plan_before_[last + 1] - plan_before_[first];
  }

 private:
  std::vector<std::uint32_t> numbers_, place_of_;
  std::vector<std::chrono::microseconds> times_;
  std::vector<std::uint32_t> plan_before_;  // by place, one more than there are places
};

}  // namespace tamiz::match
