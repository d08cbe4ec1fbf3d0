// JPEG stills by libjpeg-turbo: only the luma plane of a YCbCr picture is transformed back, straight into the
// slot.
#pragma once

#include "decoder/output.h"

namespace tamiz::decoder {

// Decodes the whole content as one JPEG picture. Kinds that libjpeg does not know (lossless, hierarchical, 12
// bits) go to FFmpeg.
void DecodeJpeg(Output& output);

}  // namespace tamiz::decoder
