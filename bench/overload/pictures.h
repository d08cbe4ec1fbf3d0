// Small pictures without an encoder.
#pragma once

#include <cstdint>
#include <string>

namespace tamiz::bench {

// A BMP of random blocks: 54 bytes and three for each pixel. `width` is a multiple of 4.
[[nodiscard]] std::string BlocksBmp(std::uint32_t width, std::uint32_t height, std::uint32_t seed);

}  // namespace tamiz::bench
