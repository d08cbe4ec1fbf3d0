// What WarmUp() decodes.
#pragma once

#include <cstdint>
#include <span>

#include "core/media/file_format.h"

namespace tamiz::decoder {

struct WarmUpSample {
  media::FileFormat format;
  std::span<const std::uint8_t> content;
};

// Tiny files of the formats that uploads have most often.
[[nodiscard]] std::span<const WarmUpSample> WarmUpSamples();

}  // namespace tamiz::decoder
