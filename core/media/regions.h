// Pictures within a picture: in a screenshot, a meme's frame, a gallery view, a collage, picture-in-picture.
#pragma once

#include <cstdint>
#include <vector>

#include "core/media/reduced_luma.h"

namespace tamiz::media {

struct RegionLimits {
  // Rectangles at most. Each is another look at the picture.
  std::uint32_t max_regions = 8;
  // Their area together, as a multiple of the picture's.
  double max_area = 3;
};

// Upright rectangles that may be pictures of their own, likeliest first; the whole picture is none of them.
// Most photographs have none. Found are
//   - what stands between bands of one brightness each, cut again and again along rows and columns:
//   screenshots,
//     memes, collages with gaps;
//   - what straight steps of brightness divide from side to side: collages without gaps;
//   - what is sharp between two bands of the same width that are not: pictures before a blurred ground;
//   - what four straight sides enclose: picture-in-picture.
// Sides are off by a cell of the copy at most, as a rule. A rectangle has at least 48 pixels and a ninth of
// the picture along each side, and at least a 40th of its area.
//
// The same cells give the same answer. Cost: a few tenths of a millisecond where nothing is found, more where
// there are bands and rectangles (docs/adr/0031). Pure, thread-safe; reads cells as values only.
[[nodiscard]] std::vector<PixelRect> FindRegions(const ReducedLuma& copy, const RegionLimits& limits = {});

}  // namespace tamiz::media
