// A picture that was turned by a few degrees, seen before a plain ground.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/media/reduced_luma.h"

namespace tamiz::media {

// The picture turned back upright.
struct Straightened {
  std::vector<std::uint8_t> pixels;
  std::uint32_t width = 0, height = 0;
  double turned_degrees = 0;  // by how much it was found turned, clockwise as seen, -20…20
  PixelRect bounds;           // of the turned picture, in pixels of the picture that the copy was made of
  [[nodiscard]] LumaView view() const { return {pixels.data(), width, height, width}; }
};

// The picture without the ground, turned back; nothing where no straight side shows an angle of 0.6 to 20
// degrees.
//
// The ground is what at least three corners have in common: one brightness, give or take 10 levels. The sides
// are the straight parts of the outline against it; those of at least two edges must agree on the angle.
// Upright borders are StripBorder's business. At most 512 pixels a side come back, sampled bilinearly from
// the copy.
//
// The same cells give the same answer. Cost: a glance at the corners, mostly. Pure, thread-safe; reads cells
// as values only.
[[nodiscard]] std::optional<Straightened> Straighten(const ReducedLuma& copy);

}  // namespace tamiz::media
