#include "core/match/frame_order.h"

#include <algorithm>
#include <numeric>

namespace tamiz::match {

FrameOrder::FrameOrder(const std::vector<std::chrono::microseconds>& times, std::uint32_t plan_frames,
                       std::uint32_t own_frames) {
  std::vector<std::uint32_t> closer(times.size() - plan_frames);
  std::iota(closer.begin(), closer.end(), plan_frames);
  // Several tracks of one upload take turns, so that times go back.
  std::ranges::stable_sort(closer, {}, [&](std::uint32_t number) { return times[number]; });
  numbers_.reserve(times.size());
  auto next = closer.begin();
  for (std::uint32_t number = 0; number < own_frames; ++number) {
    for (; next != closer.end() && times[*next] < times[number]; ++next) numbers_.push_back(*next);
    numbers_.push_back(number);
  }
  numbers_.insert(numbers_.end(), next, closer.end());
  for (std::uint32_t number = own_frames; number < plan_frames; ++number) numbers_.push_back(number);

  place_of_.resize(times.size());
  plan_before_.reserve(times.size() + 1);
  plan_before_.push_back(0);
  for (std::uint32_t place = 0; place < numbers_.size(); ++place) {
    place_of_[numbers_[place]] = place;
    times_.push_back(times[numbers_[place]]);
    plan_before_.push_back(plan_before_.back() + (numbers_[place] < plan_frames ? 1 : 0));
  }
}

}  // namespace tamiz::match
