// A picture as Tamiz sees it: an 8-bit luma plane.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tamiz::media {

// Borrowed view of a full-range (0 black … 255 white) luma plane, rows from the top. The bytes may lie in
// memory that a decoder still can write to: use them as values only, never as lengths or indices.
struct LumaView {
  const std::uint8_t* data = nullptr;
  std::uint32_t width = 0;   // pixels, > 0
  std::uint32_t height = 0;  // pixels, > 0
  std::size_t stride = 0;    // bytes from row to row, >= width
};

}  // namespace tamiz::media
