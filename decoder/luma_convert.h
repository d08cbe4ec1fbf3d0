// Rows of samples as they come out of decoders, turned into 8-bit full-range luma.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tamiz::decoder {

// Luma of 8-bit R'G'B' by BT.601, 0.299 R + 0.587 G + 0.114 B rounded to nearest (16-bit fixed point).
[[nodiscard]] constexpr std::uint8_t RgbLuma(std::uint32_t r, std::uint32_t g, std::uint32_t b) {
  return static_cast<std::uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

// (y-16)*255/219 rounded down and clamped to 0…255. Down, because that is what swscale's way to RGB does, by
// which the reference vPDQ hashes are made: on its sample videos 0.7 bits from them in the mean, 1.0 if
// rounded to nearest.
[[nodiscard]] constexpr std::uint8_t ExpandLimited(std::uint8_t y) {
  const int clamped = (y < 16 ? 16 : y > 235 ? 235 : y) - 16;
  return static_cast<std::uint8_t>(clamped + ((clamped * 10774) >> 16));  // 36/219 in 16-bit fixed point
}

void ExpandLimitedRow(const std::uint8_t* in, std::uint8_t* out, std::size_t width);

// Interleaved 8-bit samples, `step` bytes a pixel.
void RgbRow(const std::uint8_t* r, const std::uint8_t* g, const std::uint8_t* b, std::size_t step,
            std::uint8_t* out, std::size_t width);

// luma[i] over white where alpha[i] is its opacity (255 opaque); in place.
void OverWhiteRow(std::uint8_t* luma, const std::uint8_t* alpha, std::size_t width);

// CMYK as in JPEG files: `inverted` if 255 means no ink, as Adobe's programs write it. 4 bytes a pixel.
void CmykRow(const std::uint8_t* cmyk, bool inverted, std::uint8_t* out, std::size_t width);

}  // namespace tamiz::decoder
