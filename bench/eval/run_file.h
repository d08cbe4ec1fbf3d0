// A run as a file, so that a report or a fit can be made again without scanning again.
#pragma once

#include <filesystem>

#include "bench/eval/evaluation.h"

namespace tamiz::eval {

// JSON: all of `run` but its edits, which are AllEdits().
[[nodiscard]] Status Save(const Run& run, const std::filesystem::path& file);
// INVALID_ARGUMENT: not such a file, or one of other edits.
[[nodiscard]] StatusOr<Run> LoadRun(const std::filesystem::path& file);

}  // namespace tamiz::eval
