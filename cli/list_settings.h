// A list's settings as options.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tamiz/v1/list_service.pb.h"

namespace tamiz::cli {

// Unset: the server's default, or left as it is.
struct ListSettings {
  std::optional<std::string> source_org, description, kind, mode, action_hint, sampling, max_age;
  std::vector<std::string> labels;
  std::optional<unsigned> breaker_entry_hits, breaker_list_hits, breaker_window;  // the last in seconds
  std::optional<unsigned> radius, review_radius, quality_floor;
  std::optional<double> min_reference_coverage, min_query_coverage;
  std::optional<double> match_confidence, review_confidence;
  std::optional<std::string> orientations, border_removal, find_regions, straighten,
      restore_contrast;  // "on", "off"
};

void AddListSettings(CLI::App& command, ListSettings& settings, bool creating);
void FillCreate(const std::string& name, const ListSettings& settings, v1::CreateListRequest& request);
void FillUpdate(const std::string& name, const ListSettings& settings, v1::UpdateListRequest& request);

}  // namespace tamiz::cli
