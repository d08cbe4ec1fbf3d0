// HEIC and AVIF stills by libheif: grids whole, turned and cropped as the file says.
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// The primary picture, then the other top-level ones up to kMaxHeifPictures in all.
void DecodeHeif(Output& output);

inline constexpr int kMaxHeifPictures = 16;

}  // namespace tamiz::decoder
