// Frames that come near a known video of which nothing was found: no evidence, but a reason to look closely.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/hash/hash256.h"
#include "core/lists/list_snapshot.h"
#include "core/match/second_look.h"

namespace tamiz::match {

// How near, in bits. A frame half a second beside a known one, or with a logo on it, is often some bits
// beyond the customary radius of 31; of 4 800 unrelated uploads one came so near to any of a million hashes
// (docs/CONFIDENCE.md).
inline constexpr hash::HammingDistance kLeadRadius = 40;

// Comparisons of hashes that an upload is worth, in all lists together: a tenth of a second.
inline constexpr std::uint64_t kMostLeadComparisons = 200'000'000;

struct DistantHit {
  std::uint32_t entry = 0;
  std::uint32_t position = 0;  // of a frame of a known video
  std::uint32_t frame = 0;     // of the upload
  hash::HammingDistance distance = 0;
};

// The nearest hit of each entry of which something is within kLeadRadius, nearest first; a bounded number.
// The upload's frames for which `is_usable` holds are looked up, upright and mirrored, evenly spread where
// there are more than `comparisons` affords, which are taken off it. `is_wanted`: of an entry, whether a hit
// is worth anything.
[[nodiscard]] std::vector<DistantHit> FindDistantHits(const KeptLooks& looks, const lists::ListSnapshot& list,
                                                      const std::function<bool(std::uint32_t)>& is_usable,
                                                      const std::function<bool(std::uint32_t)>& is_wanted,
                                                      std::uint64_t& comparisons);

}  // namespace tamiz::match
