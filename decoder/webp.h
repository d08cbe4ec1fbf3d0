// WebP stills and animations by libwebp (FFmpeg has no animated WebP).
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// Animations are sampled as AnimationInterval in video.h says.
void DecodeWebp(Output& output);

}  // namespace tamiz::decoder
