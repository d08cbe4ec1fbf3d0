// Hashes to search and to search for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "core/hash/hash256.h"

namespace tamiz::index {

using Random = std::mt19937_64;

// Nine of ten random, one of ten a near-duplicate of another (0 to 31 bits changed).
std::vector<hash::Hash256> UniformHashes(std::size_t count, Random& random);

// As those of real pictures: neighbouring frequencies depend on each other (correlation 0.14 in the lowest
// row, falling), and half of them belong to groups of look-alikes, few of which are large (crops and
// re-compressions of what was there before, 0 to 60 bits changed).
std::vector<hash::Hash256> ClusteredHashes(std::size_t count, Random& random);

struct Queries {
  std::vector<hash::Hash256> foreign;  // new ones of the same kind
  std::vector<hash::Hash256> near;     // within 31 bits of a hash of the set
};
Queries MakeQueries(std::size_t count, const std::vector<hash::Hash256>& hashes, bool clustered,
                    Random& random);

// Frames of a video that is not in the set: each a few bits from the one before.
std::vector<hash::Hash256> MakeVideo(std::size_t frames, Random& random);

}  // namespace tamiz::index
