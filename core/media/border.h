// Letterbox bars, pillarbox bars, frames and padding around a picture.
#pragma once

#include <optional>

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

}  // namespace tamiz::media
