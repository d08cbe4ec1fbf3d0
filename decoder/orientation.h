// EXIF orientation: reading it and turning pictures upright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/media/luma.h"

namespace tamiz::decoder {

// Orientation 1…8 from an EXIF block (the TIFF structure, with or without "Exif\0\0" before it); 0 if it
// states none. Reads only the first directory (Exif 2.32, 4.6.2).
[[nodiscard]] int ReadExifOrientation(std::span<const std::uint8_t> exif);

// Writes `picture`, stored with EXIF `orientation` (1…8), upright to `out`. For 5…8 the result is
// picture.height wide and picture.width high. `out` must not overlap.
void TurnLuma(const media::LumaView& picture, int orientation, std::uint8_t* out, std::size_t out_stride);

}  // namespace tamiz::decoder
