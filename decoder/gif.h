// GIF stills and animations.
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// Frames are composed over the canvas, what stays transparent is white.
void DecodeGif(Output& output);

// Where its trailer ends; 0 if it has none.
[[nodiscard]] std::size_t FindGifEnd(std::span<const std::uint8_t> content);

}  // namespace tamiz::decoder
