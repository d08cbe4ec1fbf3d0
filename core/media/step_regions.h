// What straight steps of brightness divide or enclose. Part of FindRegions.
#pragma once

#include <vector>

#include "core/media/cell_box.h"
#include "core/media/step_map.h"

namespace tamiz::media {

// Collages without gaps: a box that straight steps divide from side to side, along rows, columns or both.
void FindDivided(const StepMap& steps, const CellBox& box, std::vector<RegionCandidate>& found);

// Collages of four without gaps, of which only some edges show: a straight step from the middle of the
// picture to its edge along the rows, and one along the columns.
bool FindFour(const StepMap& steps, std::vector<RegionCandidate>& found);

// Picture-in-picture: what four straight sides, or three and the picture's edge, enclose. What begins with
// ground at the picture's edge is none.
void FindEnclosed(const StepMap& steps, std::vector<RegionCandidate>& found);

// A picture before its own blurred copy: what is sharp between two bands of one width that are not.
void FindBetweenBlurred(const StepMap& steps, std::vector<RegionCandidate>& found);

}  // namespace tamiz::media
