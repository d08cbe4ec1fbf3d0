#include "cli/sampling.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace tamiz::cli {

void AddSamplingOptions(CLI::App& command, SamplingOptions& options) {
  command.add_option("--interval", options.interval,
                     "time between frames of a video, for example 500ms or 2s");
  command.add_option("--max-frames", options.max_frames, "most frames to look at");
  command.add_flag("--every-frame", options.every_frame, "look at every frame");
}

grpc::Status FillSampling(const SamplingOptions& options, v1::SamplingPlan& plan) {
  if (!options.interval.empty()) {
    double seconds = 0;
    if (grpc::Status status = ParseSpan("--interval", options.interval, seconds); !status.ok()) return status;
    const auto nanos = static_cast<std::int64_t>(std::llround(seconds * 1e9));
    plan.mutable_interval()->set_seconds(nanos / 1'000'000'000);
    plan.mutable_interval()->set_nanos(static_cast<std::int32_t>(nanos % 1'000'000'000));
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
