// From evidence to a verdict.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/lists/catalog.h"
#include "core/match/evidence.h"

namespace tamiz::match {

// Looks `evidence` up in the lists of `catalog` that `wanted` names (names or ids; empty: all that are not
// off), folds the hits of its frames into matches per entry, and concludes. `reasons` are what could not
// be looked at so far. A catalog's unavailable lists and a lack of usable frames add theirs. `now` decides
// on expiry. Pure: no I/O, no clock; thread-safe. Error: NOT_FOUND names a wanted list that does not exist.
//
// One match a list and entry: the strongest digest that is equal, else the nearest frame. Of each list, a
// match
// - within the radius counts;
// - beyond it but within the review radius is marked `review`;
// - of a video upload is marked `review` too if it covers less of the known video, or of the upload, than the
//   policy asks for. A still upload that shows a frame of a known video is that known material: it counts,
//   whatever share of the video it is; `reference_ranges` says where.
// Shadow lists report without influence on the verdict.
//
// Allow lists (mode enforce) take matches away and count them in `suppressed`. An equal digest takes away
// everything but equal digests of a stronger kind (MD5 and SHA-1 can be made to collide). A frame that shows
// an allowed picture takes away hits of that frame that are no nearer than the allowed picture; a match that
// loses all its frames is taken away.
[[nodiscard]] StatusOr<Conclusion> Conclude(const Evidence& evidence, const lists::Catalog& catalog,
                                            const std::vector<std::string>& wanted,
                                            std::vector<media::IncompleteReason> reasons, WallTime now);

// PDQ quality below which a frame says nothing, where no list says otherwise.
inline constexpr int kDefaultQualityFloor = 50;

// An answer holds at most this many matches: the strongest.
inline constexpr std::size_t kMaxMatches = 1000;

}  // namespace tamiz::match
