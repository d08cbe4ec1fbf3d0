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

// A part of a picture, in pixels.
struct PixelRect {
  std::uint32_t left = 0, top = 0, width = 0, height = 0;
  friend bool operator==(const PixelRect&, const PixelRect&) = default;
};

// `rect` lies within `luma`.
[[nodiscard]] inline LumaView Crop(const LumaView& luma, const PixelRect& rect) {
  return {luma.data + std::size_t{rect.top} * luma.stride + rect.left, rect.width, rect.height, luma.stride};
}

}  // namespace tamiz::media
