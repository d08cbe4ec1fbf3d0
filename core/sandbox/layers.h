// Layers of a decoder's confinement by the names that an operator reads and writes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {

// Without these no decoder gets an upload, whatever the configuration says.
inline constexpr std::uint32_t kIndispensableLayers = static_cast<std::uint32_t>(Layer::kSeccomp) |
                                                      static_cast<std::uint32_t>(Layer::kNoNewPrivileges) |
                                                      static_cast<std::uint32_t>(Layer::kResourceLimits);

// Names of the layers whose bits are set, "seccomp" first.
[[nodiscard]] std::vector<std::string> LayerNames(std::uint32_t layers);

// Bits of the layers named. INVALID_ARGUMENT names the one that does not exist, and those that do.
[[nodiscard]] StatusOr<std::uint32_t> LayersOf(std::span<const std::string> names);

// Why `active` is not enough for `required`, with what each missing layer needs; empty if it is enough.
[[nodiscard]] std::string MissingLayers(std::uint32_t required, std::uint32_t active);

}  // namespace tamiz::sandbox
