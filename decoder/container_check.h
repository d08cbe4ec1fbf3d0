// Whether a container file is whole, told by its own structure without decoding anything.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/media/file_format.h"

namespace tamiz::decoder {

// A constant sentence if `content` ends before its structure says it does, empty if it is whole or cannot be
// told.
[[nodiscard]] std::string_view FindCut(media::FileFormat format, std::span<const std::uint8_t> content);

// Which boxes a file in boxes (MP4, HEIC, AVIF) has at its top.
struct TopBoxes {
  bool meta = false;  // stills are listed there
  bool moov = false;  // tracks are listed there
};
[[nodiscard]] TopBoxes FindTopBoxes(std::span<const std::uint8_t> content);

}  // namespace tamiz::decoder
