// Stills that one FFmpeg decoder takes whole: PNG, BMP, TIFF and the rarer kinds of JPEG.
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// Also APNG, whose frames are then sampled like a video's.
void DecodePng(Output& output);
void DecodeBmp(Output& output);
// Up to kMaxTiffPages pages, each a frame.
void DecodeTiff(Output& output);
// JPEG that libjpeg does not know. The caller has reported the media.
void DecodeUnusualJpeg(Output& output, int orientation);

inline constexpr std::uint32_t kMaxTiffPages = 32;

}  // namespace tamiz::decoder
