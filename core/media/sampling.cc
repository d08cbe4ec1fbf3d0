#include "core/media/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tamiz::media {
namespace {

using std::chrono::microseconds;

constexpr std::array kPresets = {std::pair(SamplingPreset::kExact, std::string_view("exact")),
                                 std::pair(SamplingPreset::kAdaptive, std::string_view("adaptive")),
                                 std::pair(SamplingPreset::kFast, std::string_view("fast"))};
constexpr std::array kModes = {std::pair(SamplingMode::kInterval, std::string_view("interval")),
                               std::pair(SamplingMode::kEveryFrame, std::string_view("every_frame")),
                               std::pair(SamplingMode::kKeyFrames, std::string_view("key_frames")),
                               std::pair(SamplingMode::kSceneChanges, std::string_view("scene_changes")),
                               std::pair(SamplingMode::kHead, std::string_view("head")),
                               std::pair(SamplingMode::kBudget, std::string_view("budget"))};

template <typename Table, typename Value>
std::string_view NameIn(const Table& table, Value value) {
  const auto found = std::ranges::find(table, value, &Table::value_type::first);
  return found == table.end() ? std::string_view() : found->second;
}

template <typename Table>
auto ValueIn(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Table::value_type::second);
  return found == table.end() ? std::nullopt : std::optional(found->first);
}

Status Fault(std::string_view field, std::string_view message) {
  return WithField(InvalidArgument(fmt::format("sampling.{} {}", field, message)),
                   fmt::format("sampling.{}", field));
}

Status CheckTime(std::string_view field, const std::optional<microseconds>& time, microseconds least,
                 microseconds most, std::string_view range) {
  if (!time || (*time >= least && *time <= most)) return OkStatus();
  return Fault(field, fmt::format("is {} us; {} are accepted", time->count(), range));
}

}  // namespace

std::string_view ToString(SamplingPreset preset) { return NameIn(kPresets, preset); }
std::optional<SamplingPreset> ParseSamplingPreset(std::string_view text) { return ValueIn(kPresets, text); }
std::string_view ToString(SamplingMode mode) { return NameIn(kModes, mode); }
std::optional<SamplingMode> ParseSamplingMode(std::string_view text) { return ValueIn(kModes, text); }

microseconds SamplingPlan::Spacing() const {
  if (every_frame) return microseconds(0);
  if (regular || max_gap.count() <= 0) return interval;
  return max_gap;
}

bool SamplingPlan::HasGoodSpans() const {
  if (spans.size() > kMaxPlanSpans) return false;
  microseconds reached{0};
  for (const TimeSpan& span : spans) {
    if (span.start < reached || span.end <= span.start) return false;
    reached = span.end;
  }
  return true;
}

SamplingPlan Union(const SamplingPlan& a, const SamplingPlan& b) {
  SamplingPlan both;
  both.interval = std::min(a.interval, b.interval);
  both.max_frames = std::max(a.max_frames, b.max_frames);
  both.every_frame = a.every_frame || b.every_frame;
  both.regular = a.regular || b.regular;
  both.exact = a.exact || b.exact;
  both.key_frames = a.key_frames || b.key_frames;
  both.scene_changes = a.scene_changes || b.scene_changes;
  both.head = std::max(a.head, b.head);
  const auto [less, more] = std::minmax(a.max_gap, b.max_gap);
  both.max_gap = less.count() > 0 ? less : more;
  both.allowance = (a.allowance || b.allowance) && !both.regular;
  // One that does not spread asks for its frames wherever they are.
  both.spread = a.spread && b.spread;
  return both;
}

Status SamplingRequest::Validate(std::uint32_t most_frames) const {
  using namespace std::chrono_literals;
  if (preset && ToString(*preset).empty()) {
    return Fault("preset", fmt::format("is {}, which is no SamplingPreset", static_cast<int>(*preset)));
  }
  if (mode && ToString(*mode).empty()) {
    return Fault("mode", fmt::format("is {}, which is no SamplingMode", static_cast<int>(*mode)));
  }
  TAMIZ_RETURN_IF_ERROR(CheckTime("interval", interval, 10ms, 1h, "10 ms to 1 h"));
  TAMIZ_RETURN_IF_ERROR(CheckTime("max_gap", max_gap, 100ms, 1h, "100 ms to 1 h"));
  TAMIZ_RETURN_IF_ERROR(CheckTime("head", head, 1ms, 24h, "1 ms to 24 h"));
  if (max_frames && (*max_frames == 0 || *max_frames > most_frames)) {
    return Fault("max_frames",
                 fmt::format("is {}; 1 to {} are accepted (scan.max_frames)", *max_frames, most_frames));
  }
  return OkStatus();
}

SamplingPlan PlanOf(const SamplingRequest& request, const SamplingDefaults& defaults) {
  SamplingPlan plan;
  const SamplingPreset preset = request.preset.value_or(defaults.preset);
  // Whoever names an interval wants frames by it, whatever the server's default is.
  const bool fast = preset == SamplingPreset::kFast && (request.preset || !request.interval);
  const SamplingMode mode = request.mode.value_or(request.head ? SamplingMode::kHead
                                                  : fast       ? SamplingMode::kKeyFrames
                                                               : SamplingMode::kInterval);
  plan.interval = request.interval.value_or(defaults.interval);
  plan.max_frames = std::min(request.max_frames.value_or(defaults.max_frames), defaults.max_frames);
  plan.exact = preset == SamplingPreset::kExact;
  const microseconds gap = std::max(request.max_gap.value_or(kDefaultMaxGap), plan.interval);
  switch (mode) {
    case SamplingMode::kInterval:
      break;
    case SamplingMode::kEveryFrame:
      plan.every_frame = true;
      plan.exact = true;
      break;
    case SamplingMode::kKeyFrames:
      plan.regular = false;
      plan.key_frames = true;
      plan.max_gap = gap;
      plan.allowance = !request.mode;  // whoever names key frames wants no others
      break;
    case SamplingMode::kSceneChanges:
      plan.regular = false;
      plan.scene_changes = true;
      plan.max_gap = gap;
      break;
    case SamplingMode::kHead:
      plan.regular = false;
      plan.head = request.head.value_or(kDefaultHead);
      plan.max_gap = gap;
      break;
    case SamplingMode::kBudget:
      plan.spread = true;
      break;
  }
  return plan;
}

}  // namespace tamiz::media
