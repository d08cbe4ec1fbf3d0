// A picture that was turned by a few degrees, seen before a plain ground.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/media/reduced_luma.h"

namespace tamiz::media {

// The picture turned back upright.
struct Straightened {
  std::vector<std::uint8_t> cells;
  std::uint32_t width = 0, height = 0;  // in cells
  std::uint32_t factor = 1;             // pixels of the picture a cell, along each side
  double turned_degrees = 0;            // by how much it was found turned, clockwise as seen, -20…20
  bool is_certain = false;              // three sides at least agree, each of them most of its outline
  PixelRect bounds;  // of the turned picture, in pixels of the picture that the copy was made of
  [[nodiscard]] LumaView view() const { return {cells.data(), width, height, width}; }
};

// The picture without the ground, turned back; nothing where no straight side shows an angle of 0.6 to 20
// degrees.
//
// The ground is what at least three corners have in common: one brightness, give or take 10 levels. The sides
// are the straight parts of the outline against it; those of at least two edges must agree on the angle.
// Upright borders are StripBorder's business. At most 256 cells a side come back, sampled
// bilinearly from a copy with cells of that size.
//
// The same cells give the same answer. Cost: a glance at the corners, mostly. Pure, thread-safe; reads cells
// as values only.
[[nodiscard]] std::optional<Straightened> Straighten(const ReducedLuma& copy);

}  // namespace tamiz::media
