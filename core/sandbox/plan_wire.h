// A sampling plan inside a decoder's job.
#pragma once

#include "core/media/sampling.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

inline void WritePlan(const media::SamplingPlan& plan, Job& job) {
  job.interval_micros = plan.interval.count();
  job.max_gap_micros = plan.max_gap.count();
  job.head_micros = plan.head.count();
  job.max_frames = plan.max_frames;
  const auto bit = [](bool set, Choice choice) { return set ? static_cast<std::uint32_t>(choice) : 0u; };
  job.choices = bit(plan.every_frame, Choice::kEveryFrame) | bit(plan.regular, Choice::kRegular) |
                bit(plan.exact, Choice::kExact) | bit(plan.key_frames, Choice::kKeyFrames) |
                bit(plan.scene_changes, Choice::kSceneChanges) | bit(plan.spread, Choice::kSpread) |
                bit(plan.allowance, Choice::kAllowance);
}

[[nodiscard]] inline media::SamplingPlan ReadPlan(const Job& job) {
  media::SamplingPlan plan;
  plan.interval = std::chrono::microseconds(job.interval_micros);
  plan.max_gap = std::chrono::microseconds(job.max_gap_micros);
  plan.head = std::chrono::microseconds(job.head_micros);
  plan.max_frames = job.max_frames;
  const auto is_set = [&](Choice choice) { return (job.choices & static_cast<std::uint32_t>(choice)) != 0; };
  plan.every_frame = is_set(Choice::kEveryFrame);
  plan.regular = is_set(Choice::kRegular);
  plan.exact = is_set(Choice::kExact);
  plan.key_frames = is_set(Choice::kKeyFrames);
  plan.scene_changes = is_set(Choice::kSceneChanges);
  plan.spread = is_set(Choice::kSpread);
  plan.allowance = is_set(Choice::kAllowance);
  return plan;
}

}  // namespace tamiz::sandbox
