// Letterbox bars, pillarbox bars, frames and padding around a picture.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/media/luma.h"

namespace tamiz::media {

// The picture inside its border: a view into the same memory; nothing if there is no border worth stripping.
//
// A border is made of whole lines of one brightness (each edge its own, whatever it is), give or take 8
// levels and a 64th of the pixels, and ends with an edge: within 9 lines a 16th of the pixels must differ by
// more than 20 levels, or the opposite edge must have a like border. So gradients, skies and vignettes are no
// borders. Bars within bars are stripped too. Nothing is returned if
//   - less than a 128th of the width and of the height would go, which hardly changes a hash, or
//   - less than 32 pixels or an eighth of the width or of the height would stay.
//
// The same pixels give the same answer. Lines are judged by samples, at most some 1000 pixels each; a picture
// without a border costs a few lines. Pure, thread-safe; reads pixels as values only.
[[nodiscard]] std::optional<LumaView> StripBorder(const LumaView& luma);

// What StripBorder finds, and further guesses where that is not certain, likeliest first; the whole picture
// is none of them. Certain is what StripBorder finds if the picture differs from the border along half of
// each edge. Elsewhere, and where the border has two brightnesses, the picture may have a margin of its own.
// Guessed are what remains if only bars of the outermost brightness go, if bars may be off by 2 levels only,
// and pictures of the usual shapes (1:1, 16:9, 4:3 ...) in the middle that hold what was found. None is
// within a 128th of another.
inline constexpr std::size_t kMostWays = 6;
struct StrippedWays {
  std::vector<LumaView> insides;
  bool is_certain = false;  // the first; all others are guesses
};
[[nodiscard]] StrippedWays StripBorderInWays(const LumaView& luma);

}  // namespace tamiz::media
