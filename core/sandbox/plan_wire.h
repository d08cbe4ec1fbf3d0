// A sampling plan inside a decoder's job.
#pragma once

#include <algorithm>

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
  // A plan's spans are of the server's own making; those that are not as they should be are none.
  job.span_count = plan.HasGoodSpans() ? static_cast<std::uint32_t>(plan.spans.size()) : 0;
  for (std::uint32_t i = 0; i < job.span_count; ++i)
    job.spans[i] = {plan.spans[i].start.count(), plan.spans[i].end.count()};
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
  const std::size_t spans = std::min<std::size_t>(job.span_count, media::kMaxPlanSpans);
  for (std::size_t i = 0; i < spans; ++i) {
    plan.spans.push_back({std::chrono::microseconds(job.spans[i].start_micros),
                          std::chrono::microseconds(job.spans[i].end_micros)});
  }
  if (!plan.HasGoodSpans()) plan.spans.clear();
  return plan;
}

}  // namespace tamiz::sandbox
