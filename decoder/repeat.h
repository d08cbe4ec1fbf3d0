// Frames that show what another one showed.
#pragma once

#include "decoder/ffmpeg_handles.h"

namespace tamiz::decoder {

// Compares the luma of frames with that of one that is kept, in 64 by 64 cells as PDQ sees a picture: where
// no cell's mean differs by more than a quarter of a grey level, the hashes are the same but for a bit or
// two. Against the one kept, never against the last: a slow fade does not slip through. Costs a fraction of
// hashing for still scenes and next to nothing for others, which differ in their first rows. Not thread-safe.
class RepeatDetector {
 public:
  // False if nothing is kept, or for pixel formats without a luma plane of their own.
  [[nodiscard]] bool IsRepeat(const AVFrame& frame) const;
  // Takes a reference, no copy.
  void Keep(const AVFrame& frame);
  void Forget() { kept_.reset(); }

 private:
  FramePtr kept_;
};

}  // namespace tamiz::decoder
