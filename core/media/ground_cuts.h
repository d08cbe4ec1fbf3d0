// What stands before a plain ground. Part of FindRegions.
#pragma once

#include <vector>

#include "core/media/cell_box.h"

namespace tamiz::media {

struct GroundCuts {
  std::vector<RegionCandidate> candidates;
  // Parts that no band of one brightness crosses any more, the whole picture if there is no band at all. Only
  // such as may hold pictures.
  std::vector<CellBox> leaves;
  // The picture is four others with a gap between them: the likeliest candidates, and nothing else.
  bool is_four = false;
};

// Cuts at bands of one brightness, along rows and columns in turn, again and again: screenshots, memes,
// collages with gaps. A band is made of lines whose cells but a 64th have one brightness, give or take 8
// levels; a gradient is no band. A photograph costs a glance at each line.
[[nodiscard]] GroundCuts CutAtGrounds(const LumaView& cells);

}  // namespace tamiz::media
