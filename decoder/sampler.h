// Which frames of a moving picture are looked at.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

#include "core/media/sampling.h"

namespace tamiz::decoder {

// The rules of a media::SamplingPlan for one track.
struct SamplingRules {
  std::chrono::microseconds interval{0};  // not positive: every frame
  bool regular = true;
  bool key_frames = false;
  bool scene_changes = false;
  std::chrono::microseconds head{0};
  std::chrono::microseconds max_gap{0};
  bool allowance = false;
  // Where `regular` holds whatever else is said; ascending. What they are in outlives the rules.
  std::span<const media::TimeSpan> spans = {};

  // Time that one frame stands for at most.
  [[nodiscard]] std::chrono::microseconds Spacing() const {
    return regular || max_gap.count() <= 0 ? interval : max_gap;
  }
};

// What is known of a frame beside its time.
struct FrameMarks {
  bool key = false;
  bool new_scene = false;
};

// Takes the first frame, then whatever the rules want. By the regular rule that is the first frame at or
// after each multiple of the interval, and besides any frame that stays on screen for an interval or longer,
// so that nothing shown for long is missed however the multiples fall. Frames whose times hardly advance are
// taken after `max_skipped` others.
class FrameSampler {
 public:
  struct Choice {
    bool take_held = false;  // the frame that was held; before this one
    bool take = false;
    bool hold = false;  // keep it: the next call may take it
  };

  // Every frame if `interval` is not positive.
  FrameSampler(std::chrono::microseconds interval, std::uint64_t max_skipped)
      : FrameSampler(SamplingRules{.interval = interval}, max_skipped) {}
  FrameSampler(const SamplingRules& rules, std::uint64_t max_skipped)
      : rules_(rules), max_skipped_(std::max<std::uint64_t>(max_skipped, 1)) {}

  // `time` from the first frame, never less than before.
  [[nodiscard]] Choice Next(std::chrono::microseconds time, FrameMarks marks = {}) {
    Choice choice;
    if (rules_.interval.count() <= 0) {
      choice.take = true;
      return choice;
    }
    const auto since_taken = time + kRounding - taken_;
    // Nothing stays for longer than this without being taken.
    const auto longest = IsRegularAt(time) ? rules_.interval : rules_.max_gap;
    choice.take_held = holding_ && longest.count() > 0 && time + kRounding - held_ >= longest;
    new_scene_ = new_scene_ || marks.new_scene;
    const auto multiple = (time + kRounding) / rules_.interval;
    const bool spaced = since_taken >= rules_.interval;
    if (!started_ || skipped_ >= max_skipped_ || (IsRegularAt(time) && multiple >= next_) ||
        (rules_.key_frames && marks.key && spaced) || (rules_.scene_changes && new_scene_ && spaced) ||
        (rules_.max_gap.count() > 0 && since_taken >= rules_.max_gap)) {
      choice.take = true;
      started_ = true;
      taken_ = time;
      new_scene_ = false;
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

  // Frames before `end` are taken by the regular rule too.
  void BeRegularUntil(std::chrono::microseconds end) { regular_until_ = end; }

  [[nodiscard]] bool IsRegularAt(std::chrono::microseconds time) const {
    return rules_.regular || time < rules_.head || time < regular_until_ || IsInSpan(time);
  }

  [[nodiscard]] bool IsInSpan(std::chrono::microseconds time) const {
    return std::ranges::any_of(
        rules_.spans, [&](const media::TimeSpan& span) { return time >= span.start && time < span.end; });
  }

  // What was held is not asked about any more.
  void Release() { holding_ = false; }

  // Whether the frame held last is taken at the end of the stream; `shown` is how long it stays.
  [[nodiscard]] bool TakeHeldAtEnd(std::chrono::microseconds shown) const {
    const auto longest = IsRegularAt(held_) ? rules_.interval : rules_.max_gap;
    return holding_ && longest.count() > 0 && shown >= longest;
  }

 private:
  // Containers round times, some to milliseconds.
  static constexpr std::chrono::microseconds kRounding{500};

  SamplingRules rules_;
  std::uint64_t max_skipped_;
  std::chrono::microseconds regular_until_{0};
  bool started_ = false;
  bool new_scene_ = false;  // since the frame taken last
  std::chrono::microseconds taken_{0};
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
