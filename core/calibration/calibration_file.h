// Calibrations as files: JSON, made by `tamiz calibrate`.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/calibration/calibration.h"

namespace tamiz::calibration {

inline constexpr std::size_t kMaxFileBytes = 1 << 20;

// INVALID_ARGUMENT says which field is missing, unknown or out of its range.
[[nodiscard]] StatusOr<Calibration> Parse(std::string_view json);
[[nodiscard]] std::string Print(const Calibration& calibration);

// From a file; empty: the one that is compiled in. Errors name the file.
[[nodiscard]] StatusOr<std::shared_ptr<const Calibration>> Load(const std::string& path);

// deploy/calibration.json as it is compiled in.
[[nodiscard]] std::string_view BuiltInFile();

}  // namespace tamiz::calibration
