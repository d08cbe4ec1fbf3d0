// A known video as its list holds it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/lists/list_snapshot.h"

namespace tamiz::match {

// The frames of an entry in time, a shot that stands still counted once: "pictures". Immutable.
class KnownVideo {
 public:
  struct Picture {
    std::chrono::microseconds start{0};  // of its first frame
    std::chrono::microseconds end{0};    // of its last frame, which repeats the first
  };
  static constexpr std::uint32_t kNone = 0xffffffff;

  KnownVideo(const lists::ListSnapshot& list, std::uint32_t entry);

  [[nodiscard]] const std::vector<Picture>& pictures() const { return pictures_; }  // in order of time
  // Times of all frames, those that repeat a picture too.
  [[nodiscard]] const std::vector<std::chrono::microseconds>& times() const { return times_; }
  // Number of the picture that the hash at `position` of the list belongs to; kNone for no video frame.
  [[nodiscard]] std::uint32_t PictureAt(std::uint32_t position) const {
    return picture_of_[position - first_];
  }
  // Where the list holds the first frame of a picture.
  [[nodiscard]] std::uint32_t PositionOf(std::uint32_t picture) const { return position_of_[picture]; }
  // What one frame stands for: the median distance of frames, one second where there is only one.
  [[nodiscard]] std::chrono::microseconds interval() const { return interval_; }

 private:
  std::uint32_t first_ = 0;
  std::vector<std::uint32_t> picture_of_;  // by position from first_
  std::vector<Picture> pictures_;
  std::vector<std::uint32_t> position_of_;  // by picture
  std::vector<std::chrono::microseconds> times_;
  std::chrono::microseconds interval_{0};
};

}  // namespace tamiz::match
