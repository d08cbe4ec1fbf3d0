#include "cli/sampling.h"

#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace tamiz::cli {
namespace {

constexpr std::pair<const char*, v1::SamplingPreset> kPresets[] = {
    {"exact", v1::SAMPLING_PRESET_EXACT},
    {"adaptive", v1::SAMPLING_PRESET_ADAPTIVE},
    {"fast", v1::SAMPLING_PRESET_FAST},
};
constexpr std::pair<const char*, v1::SamplingMode> kModes[] = {
    {"interval", v1::SAMPLING_MODE_INTERVAL},
    {"every-frame", v1::SAMPLING_MODE_EVERY_FRAME},
    {"key-frames", v1::SAMPLING_MODE_KEY_FRAMES},
    {"scene-changes", v1::SAMPLING_MODE_SCENE_CHANGES},
    {"head", v1::SAMPLING_MODE_HEAD},
    {"budget", v1::SAMPLING_MODE_BUDGET},
};

grpc::Status FillTime(const std::string& option, const std::string& text, google::protobuf::Duration& time) {
  double seconds = 0;
  if (grpc::Status status = ParseSpan(option, text, seconds); !status.ok()) return status;
  const auto nanos = static_cast<std::int64_t>(std::llround(seconds * 1e9));
  time.set_seconds(nanos / 1'000'000'000);
  time.set_nanos(static_cast<std::int32_t>(nanos % 1'000'000'000));
  return grpc::Status::OK;
}

}  // namespace

void AddSamplingOptions(CLI::App& command, SamplingOptions& options) {
  command.add_option("--interval", options.interval,
                     "time between frames of a video, for example 500ms or 2s");
  command.add_option("--max-frames", options.max_frames, "most frames to look at");
  command.add_flag("--every-frame", options.every_frame, "look at every frame");
  command
      .add_option("--sampling", options.sampling,
                  "which frames of a video: exact, adaptive or fast, or interval, every-frame, key-frames, "
                  "scene-changes, head, budget")
      ->check(CLI::IsMember(SamplingNames()));
  command.add_option("--max-gap", options.max_gap,
                     "longest time without a frame between key frames or scene changes, and after the head");
  command.add_option("--head", options.head, "how much of the beginning is looked at closely");
}

std::vector<std::string> SamplingNames() {
  std::vector<std::string> names;
  for (const auto& [name, value] : kPresets) names.emplace_back(name);
  for (const auto& [name, value] : kModes) names.emplace_back(name);
  return names;
}

bool FillSamplingName(const std::string& name, v1::SamplingPlan& plan) {
  for (const auto& [known, value] : kPresets) {
    if (name == known) plan.set_preset(value);
  }
  for (const auto& [known, value] : kModes) {
    if (name == known) plan.set_mode(value);
  }
  return plan.preset() != v1::SAMPLING_PRESET_UNSPECIFIED || plan.mode() != v1::SAMPLING_MODE_UNSPECIFIED;
}

grpc::Status FillSampling(const SamplingOptions& options, v1::SamplingPlan& plan) {
  if (!options.interval.empty()) {
    const grpc::Status status = FillTime("--interval", options.interval, *plan.mutable_interval());
    if (!status.ok()) return status;
  }
  if (!options.max_gap.empty()) {
    const grpc::Status status = FillTime("--max-gap", options.max_gap, *plan.mutable_max_gap());
    if (!status.ok()) return status;
  }
  if (!options.head.empty()) {
    const grpc::Status status = FillTime("--head", options.head, *plan.mutable_head());
    if (!status.ok()) return status;
  }
  if (!options.sampling.empty() && !FillSamplingName(options.sampling, plan)) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "--sampling " + options.sampling + ": unknown"};
  }
  plan.set_max_frames(options.max_frames);
  plan.set_every_frame(options.every_frame);
  return grpc::Status::OK;
}

grpc::Status ParseSpan(const std::string& option, const std::string& text, double& seconds) {
  const grpc::Status wrong(grpc::StatusCode::INVALID_ARGUMENT,
                           fmt::format("{} {}: expected a time such as 250ms, 1.5s, 2m or 1h", option, text));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  const double factor = unit.empty() || unit == "s" ? 1
                        : unit == "ms"              ? 0.001
                        : unit == "m"               ? 60
                        : unit == "h"               ? 3600
                                                    : 0;
  if (error != std::errc() || factor == 0 || !(number >= 0) || number * factor > 1e9) return wrong;
  seconds = number * factor;
  return grpc::Status::OK;
}

}  // namespace tamiz::cli
