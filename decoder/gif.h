// GIF stills and animations.
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// Frames are composed over the canvas, what stays transparent is white.
void DecodeGif(Output& output);

}  // namespace tamiz::decoder
