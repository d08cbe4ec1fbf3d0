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
[[nodiscard]] StatusOr<Conclusion> Conclude(const Evidence& evidence, const lists::Catalog& catalog,
                                            const std::vector<std::string>& wanted,
                                            std::vector<media::IncompleteReason> reasons, WallTime now);

// PDQ quality below which a frame says nothing, where no list says otherwise.
inline constexpr int kDefaultQualityFloor = 50;

}  // namespace tamiz::match
