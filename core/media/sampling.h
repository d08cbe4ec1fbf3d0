// Which frames of a moving picture are looked at: what callers ask for, and the plan that follows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace tamiz::media {

// Values equal those of tamiz.v1.SamplingPreset. Stored: do not change them.
enum class SamplingPreset : std::uint8_t { kExact = 1, kAdaptive = 2, kFast = 3 };
[[nodiscard]] std::string_view ToString(SamplingPreset preset);  // "exact", "adaptive", "fast"
[[nodiscard]] std::optional<SamplingPreset> ParseSamplingPreset(std::string_view text);

// Values equal those of tamiz.v1.SamplingMode. Stored: do not change them.
enum class SamplingMode : std::uint8_t {
  kInterval = 1,
  kEveryFrame = 2,
  kKeyFrames = 3,
  kSceneChanges = 4,
  kHead = 5,
  kBudget = 6,
};
[[nodiscard]] std::string_view ToString(SamplingMode mode);  // "interval", "every_frame", …
[[nodiscard]] std::optional<SamplingMode> ParseSamplingMode(std::string_view text);

struct TimeSpan {
  std::chrono::microseconds start{0};
  std::chrono::microseconds end{0};
  friend bool operator==(const TimeSpan&, const TimeSpan&) = default;
};

// Most spans of one plan.
inline constexpr std::size_t kMaxPlanSpans = 32;

// What decides whether a frame is taken: it is if one of these wants it, so that two plans can be joined. The
// first frame of a track is always taken.
struct SamplingPlan {
  // Time between frames. For key frames and scene changes: the least time from the frame taken before.
  std::chrono::microseconds interval = std::chrono::seconds(1);
  // Most frames to deliver; more is kFrameLimit. Variants of one frame count once.
  std::uint32_t max_frames = 7200;
  bool every_frame = false;
  // A frame each `interval`; and any frame that stays on screen for that long.
  bool regular = true;
  // The frames of `regular` are the first ones at or after each multiple of the interval, as a decoder that
  // decodes everything gives them. Otherwise a frame close by may stand for it, so that fewer are decoded.
  bool exact = true;
  bool key_frames = false;
  bool scene_changes = false;
  // `regular` for this long from the beginning only, if it is not set for the whole.
  std::chrono::microseconds head{0};
  // `regular` in these spans of time, of each track of the upload itself, if it is not set for the whole;
  // there the very frames, whatever `exact` says. At most kMaxPlanSpans, ascending, without overlap. A plan
  // that has some looks at no parts of the upload.
  std::vector<TimeSpan> spans;
  // A frame at the latest this long after the one before; zero: no such rule.
  std::chrono::microseconds max_gap{0};
  // Beside the above, the frames of `regular` as far as an allowance of decoding reaches: what is short or
  // small is looked at closely, since that costs little, and of the rest the time behind key frames.
  bool allowance = false;
  // max_frames are spread over the duration, where it is known, but not closer than `interval`.
  bool spread = false;

  // Time that one frame stands for at most, under this plan.
  [[nodiscard]] std::chrono::microseconds Spacing() const;
  // Whether `spans` are as they should be: what comes over a wire is asked.
  [[nodiscard]] bool HasGoodSpans() const;
  friend bool operator==(const SamplingPlan&, const SamplingPlan&) = default;
};

// The plan that takes every frame that either takes. Of plans without spans.
[[nodiscard]] SamplingPlan Union(const SamplingPlan& a, const SamplingPlan& b);

// What a request or a list's policy asks for. Unset fields take the defaults.
struct SamplingRequest {
  std::optional<SamplingPreset> preset;
  std::optional<SamplingMode> mode;
  std::optional<std::chrono::microseconds> interval;
  std::optional<std::chrono::microseconds> max_gap;
  std::optional<std::chrono::microseconds> head;
  std::optional<std::uint32_t> max_frames;

  // Whether it says anything about which frames are looked at; the number of frames alone does not.
  [[nodiscard]] bool ChoosesFrames() const { return preset || mode || interval || max_gap || head; }
  // INVALID_ARGUMENT with the field below `sampling`, the value and the range.
  [[nodiscard]] Status Validate(std::uint32_t most_frames) const;
  friend bool operator==(const SamplingRequest&, const SamplingRequest&) = default;
};

// What holds where a request says nothing.
struct SamplingDefaults {
  SamplingPreset preset = SamplingPreset::kAdaptive;
  std::chrono::microseconds interval = std::chrono::seconds(1);
  std::uint32_t max_frames = 7200;  // also the ceiling
};

// Where key frames are further apart than this, other frames are taken too.
inline constexpr std::chrono::seconds kDefaultMaxGap{10};
// What the mode `head` looks at closely.
inline constexpr std::chrono::seconds kDefaultHead{30};

[[nodiscard]] SamplingPlan PlanOf(const SamplingRequest& request, const SamplingDefaults& defaults);

}  // namespace tamiz::media
