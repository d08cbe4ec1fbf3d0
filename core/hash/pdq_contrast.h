// Whether a picture that PDQ calls featureless is only dim.
#pragma once

#include "core/hash/pdq_kernels.h"

namespace tamiz::hash {

// Contrast is restored by this factor at most. Beyond it the grey levels of an 8-bit picture are so few that
// rounding and noise would pass for structure.
inline constexpr float kMostContrastRestored = 3.0F;
// What spans fewer grey levels is nearly flat and stays so.
inline constexpr int kLeastContrast = 24;

// PDQ's quality sums differences of brightness, so it falls as contrast does, while the hash hardly moves:
// each bit compares one frequency with the median. This is the quality that the picture has once its
// brightness, from the 1st to the 99th percentile of the 64 times 64 means, is stretched to the whole range,
// by no more than the factor above. 0…100, never below `quality`, which is PdqQuality(block).
[[nodiscard]] int QualityAtFullContrast(const PdqBlock& block, int quality);

}  // namespace tamiz::hash
