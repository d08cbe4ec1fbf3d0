// What people put around a picture or do to it, for tests.
#pragma once

#include <cstdint>

#include "tests/unit/hash/patterns.h"

namespace tamiz::hash {

// With full spectra, like photographs.
Picture Photograph(std::uint32_t width, std::uint32_t height, int seed);
// Of one brightness.
Picture Ground(std::uint32_t width, std::uint32_t height, std::uint8_t level);
// The picture lies within `onto`.
void Paste(const Picture& picture, std::uint32_t left, std::uint32_t top, Picture& onto);
// The picture turned clockwise about the middle of a frame of one brightness.
Picture Turned(const Picture& picture, double degrees, std::uint32_t width, std::uint32_t height,
               std::uint8_t ground = 0);

}  // namespace tamiz::hash
