#include "core/scan/scan_plan.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace tamiz::scan {

using std::chrono::microseconds;

media::SamplingDefaults DefaultsOf(const Config& config) {
  return {media::ParseSamplingPreset(config.sampling).value_or(media::SamplingPreset::kAdaptive),
          std::chrono::duration_cast<microseconds>(config.interval), config.max_frames};
}

media::SamplingPlan PlanFor(const media::SamplingRequest& request, const media::SamplingDefaults& defaults,
                            const lists::Catalog& catalog, const std::vector<std::string>& wanted) {
  if (request.ChoosesFrames()) return media::PlanOf(request, defaults);
  std::optional<media::SamplingPlan> plan;
  for (const auto& list : catalog.lists) {
    const lists::ListInfo& info = list->info;
    const bool named = wanted.empty() || std::ranges::any_of(wanted, [&](const std::string& name) {
                         return name == info.name || name == info.list_id;
                       });
    if (!named || info.policy.mode == lists::ListMode::kOff || info.kind != lists::ListKind::kBlock) continue;
    // The service's own test list has nothing to ask for.
    if (info.built_in && wanted.empty()) continue;
    media::SamplingRequest asked = info.policy.sampling;
    if (request.max_frames) asked.max_frames = request.max_frames;
    const media::SamplingPlan one = media::PlanOf(asked, defaults);
    plan = plan ? media::Union(*plan, one) : one;
  }
  return plan ? *plan : media::PlanOf(request, defaults);
}

}  // namespace tamiz::scan
