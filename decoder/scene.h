// Where one scene of a video ends and the next begins.
#pragma once

#include <cstdint>
#include <vector>

#include "decoder/ffmpeg_handles.h"

namespace tamiz::decoder {

// Compares each frame with the one before at a grid of points: cheap beside decoding. Finds cuts, not slow
// fades; those become frames by the plan's longest gap. Not thread-safe.
class SceneDetector {
 public:
  // Whether `frame` differs from the one before by far more than the frames before it did. True for the
  // first.
  [[nodiscard]] bool IsNew(const AVFrame& frame);

 private:
  std::vector<std::uint8_t> points_;
  std::vector<std::uint8_t> next_;
  int width_ = 0;
  int height_ = 0;
  double usual_ = 0;  // mean difference between neighbouring frames lately
};

}  // namespace tamiz::decoder
