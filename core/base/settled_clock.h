// Wall time for what cannot be undone.
#pragma once

#include <chrono>

#include "core/base/clock.h"

namespace tamiz {

// The wall clock, but a leap ahead is believed only when it has stood for a day: whoever deletes by age would
// otherwise delete everything because of a clock that was wrong for a minute. Not thread-safe.
class SettledClock {
 public:
  static constexpr std::chrono::hours kLeap{1};
  static constexpr std::chrono::hours kSettled{24};

  // `clock` outlives it; what it says now is believed.
  explicit SettledClock(const Clock& clock) : clock_(clock), offset_(Offset()) {}

  // Ask at least once a day.
  [[nodiscard]] WallTime WallNow() {
    const Duration now = Offset();
    if (now <= offset_ + kLeap) {
      offset_ = now;
      leapt_ = false;
    } else if (!leapt_ || now < leap_ - kLeap || now > leap_ + kLeap) {
      leapt_ = true;
      leap_ = now;
      leapt_at_ = clock_.Now();
    } else if (clock_.Now() - leapt_at_ >= kSettled) {
      offset_ = now;
      leapt_ = false;
    }
    return WallTime(
        std::chrono::duration_cast<WallTime::duration>(clock_.Now().time_since_epoch() + offset_));
  }
  // Whether the wall clock is ahead of what is believed.
  [[nodiscard]] bool Leapt() const { return leapt_; }

 private:
  using Duration = std::chrono::nanoseconds;
  [[nodiscard]] Duration Offset() const {
    return clock_.WallNow().time_since_epoch() - clock_.Now().time_since_epoch();
  }

  const Clock& clock_;
  Duration offset_;  // of wall time from steady time
  bool leapt_ = false;
  Duration leap_{0};  // the offset since the leap
  SteadyTime leapt_at_{};
};

}  // namespace tamiz
