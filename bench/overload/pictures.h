// Pictures to send.
#pragma once

#include <cstdint>
#include <string>

namespace tamiz::bench {

// A BMP of random blocks: 54 bytes and three for each pixel. `width` is a multiple of 4.
[[nodiscard]] std::string BlocksBmp(std::uint32_t width, std::uint32_t height, std::uint32_t seed);

// A JPEG with the detail of a photograph: about 1.5 bits for each pixel.
[[nodiscard]] std::string PhotoJpeg(std::uint32_t width, std::uint32_t height, std::uint32_t seed);

}  // namespace tamiz::bench
