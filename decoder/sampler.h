// Which frames of a moving picture are looked at.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tamiz::decoder {

// Takes the first frame, then the first frame at or after each multiple of the interval, and besides any
// frame that stays on screen for an interval or longer, so that nothing shown for long is missed however the
// multiples fall. Frames whose times hardly advance are taken after `max_skipped` others.
class FrameSampler {
 public:
  struct Choice {
    bool take_held = false;  // the frame that was held; before this one
    bool take = false;
    bool hold = false;  // keep it: the next call may take it
  };

  // Every frame if `interval` is not positive.
  FrameSampler(std::chrono::microseconds interval, std::uint64_t max_skipped)
      : interval_(interval), max_skipped_(std::max<std::uint64_t>(max_skipped, 1)) {}

  // `time` from the first frame, never less than before.
  [[nodiscard]] Choice Next(std::chrono::microseconds time) {
    Choice choice;
    if (interval_.count() <= 0) {
      choice.take = true;
      return choice;
    }
    // Containers round times, some to milliseconds.
    constexpr std::chrono::microseconds kRounding{500};
    choice.take_held = holding_ && time + kRounding - held_ >= interval_;
    const auto multiple = (time + kRounding) / interval_;
    if (multiple >= next_ || skipped_ >= max_skipped_) {
      choice.take = true;
      next_ = multiple + 1;
      skipped_ = 0;
      holding_ = false;
    } else {
      choice.hold = true;
      holding_ = true;
      held_ = time;
      ++skipped_;
    }
    return choice;
  }

  // Whether the frame held last is taken at the end of the stream; `shown` is how long it stays.
  [[nodiscard]] bool TakeHeldAtEnd(std::chrono::microseconds shown) const {
    return holding_ && shown >= interval_;
  }

 private:
  std::chrono::microseconds interval_;
  std::uint64_t max_skipped_;
  std::int64_t next_ = 0;  // multiple of the interval that is wanted next
  std::uint64_t skipped_ = 0;
  bool holding_ = false;
  std::chrono::microseconds held_{0};
};

// Times from the first frame on that never go back, whatever the stream says.
class PresentationClock {
 public:
  // `stated` is the frame's time on the stream's own scale, negative infinity (INT64_MIN) if it has none;
  // `duration` how long it is shown, 0 if unknown.
  [[nodiscard]] std::chrono::microseconds Next(std::int64_t stated, std::chrono::microseconds duration) {
    // Beyond this (142 years) a time is an error in the file.
    constexpr std::int64_t kAbsurd = std::int64_t{1} << 52;
    constexpr std::chrono::microseconds kLeast{1'000};
    constexpr std::chrono::microseconds kMost{10'000'000};
    constexpr std::chrono::microseconds kUsual{40'000};
    const auto step = std::clamp(last_step_.count() > 0 ? last_step_ : kUsual, kLeast, kMost);
    last_step_ = duration;
    const bool usable = stated > -kAbsurd && stated < kAbsurd;
    if (!started_) {
      started_ = true;
      origin_ = usable ? stated : 0;
      return time_;
    }
    std::chrono::microseconds next = time_ + step;
    if (usable) {
      next = std::chrono::microseconds(stated - origin_);
      if (next < time_ - std::chrono::seconds(1)) {
        // The stream's clock was set back: it goes on from here.
        origin_ -= (time_ + step - next).count();
        next = time_ + step;
      }
    }
    time_ = std::max(time_, next);
    return time_;
  }

  [[nodiscard]] std::chrono::microseconds time() const { return time_; }

 private:
  bool started_ = false;
  std::int64_t origin_ = 0;
  std::chrono::microseconds time_{0};
  std::chrono::microseconds last_step_{0};
};

}  // namespace tamiz::decoder
