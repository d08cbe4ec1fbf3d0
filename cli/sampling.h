// The options that choose the frames of a video.
#pragma once

#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <CLI/CLI.hpp>

#include "tamiz/v1/common.pb.h"

namespace tamiz::cli {

struct SamplingOptions {
  std::string interval;  // "500ms", "2s"; empty: the server's default
  unsigned max_frames = 0;
  bool every_frame = false;
  std::string sampling;  // a preset or a mode; empty: the server's default
  std::string max_gap, head;
};

// The names of presets and modes that --sampling takes.
[[nodiscard]] std::vector<std::string> SamplingNames();
// False if `name` is neither a preset nor a mode.
bool FillSamplingName(const std::string& name, v1::SamplingPlan& plan);

void AddSamplingOptions(CLI::App& command, SamplingOptions& options);

// INVALID_ARGUMENT if a time or a name cannot be read.
[[nodiscard]] grpc::Status FillSampling(const SamplingOptions& options, v1::SamplingPlan& plan);

// Reads "250ms", "1.5s", "2m", "1h" or a bare number of seconds.
[[nodiscard]] grpc::Status ParseSpan(const std::string& option, const std::string& text, double& seconds);

}  // namespace tamiz::cli
