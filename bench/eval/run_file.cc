#include "bench/eval/run_file.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include "fmt/format.h"

namespace tamiz::calibration {
// NOLINTBEGIN: names that nlohmann-json looks for
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Evidence, distance, quality_query, quality_reference, turned, look,
                                   corroborating, list_hashes, queries)
// NOLINTEND
}  // namespace tamiz::calibration

namespace tamiz::eval {
// NOLINTBEGIN
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Upload::Wrong, rank, evidence)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Upload, source, edit, known, usable, entries, queries, queries_by_look,
                                   found, evidence, distance_with_crops, wrong, wrong_crops)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Dropped, picture, like, likeness)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(NearPair, picture, edit, look, entry, distance, turned, file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Options, seed, list_size, max_side, only_whole, quarters,
                                   distinct_unrelated)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Run, options, listed_sources, filler_sources, unrelated_sources,
                                   pictures_found, known, known_with_margin, list_entries, crop_entries,
                                   list_sources, unrelated, unrelated_drawn, unrelated_unusable,
                                   unrelated_repeated, unrelated_alike, dropped, unrelated_names,
                                   unrelated_origins, nearest, uploads, unrelated_distances, seconds,
                                   processor_seconds, peak_megabytes)
// NOLINTEND

Status Save(const Run& run, const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << nlohmann::json(run).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (out.flush()) return OkStatus();
  return InvalidArgument(fmt::format("{} cannot be written", file.string()));
}

StatusOr<Run> LoadRun(const std::filesystem::path& file) {
  Run run;
  try {
    std::ifstream in(file, std::ios::binary);
    nlohmann::json::parse(in).get_to(run);
  } catch (const nlohmann::json::exception& error) {
    return InvalidArgument(fmt::format("{} is no saved run: {}", file.string(), error.what()));
  }
  run.edits = AllEdits();
  for (const Upload& upload : run.uploads) {
    if (upload.edit >= run.edits.size())
      return InvalidArgument(fmt::format("{} was made with other edits; scan again", file.string()));
  }
  return run;
}

}  // namespace tamiz::eval
