// Sets of hashes that an index must cope with, made from a seed.
#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <tuple>
#include <vector>

#include "core/hash/hash256.h"
#include "core/index/hamming_index.h"

namespace tamiz::index::testing {

using Random = std::mt19937_64;

inline hash::Hash256 RandomHash(Random& random) {
  hash::Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

// `hash` with exactly `flips` bits changed.
inline hash::Hash256 Neighbour(hash::Hash256 hash, int flips, Random& random) {
  std::vector<int> bits(256);
  std::iota(bits.begin(), bits.end(), 0);
  for (int i = 0; i < flips; ++i) {
    std::swap(bits[i], bits[i + random() % (256 - i)]);
    hash.words[bits[i] / 64] ^= std::uint64_t{1} << (bits[i] % 64);
  }
  return hash;
}

inline std::vector<hash::Hash256> RandomHashes(std::size_t count, Random& random) {
  std::vector<hash::Hash256> hashes(count);
  for (auto& hash : hashes) hash = RandomHash(random);
  return hashes;
}

// Groups of near-duplicates around few centres, as re-compressions of few pictures are.
inline std::vector<hash::Hash256> ClusteredHashes(std::size_t count, std::size_t centres, int spread,
                                                  Random& random) {
  const auto middles = RandomHashes(centres, random);
  std::vector<hash::Hash256> hashes(count);
  for (auto& hash : hashes) {
    hash = Neighbour(middles[random() % centres], static_cast<int>(random() % (spread + 1)), random);
  }
  return hashes;
}

// The definition of the answer, as plain as it can be written.
inline std::vector<Hit> BruteForce(const std::vector<hash::Hash256>& hashes,
                                   const std::vector<hash::Hash256>& queries, hash::HammingDistance radius) {
  std::vector<Hit> hits;
  for (std::uint32_t q = 0; q < queries.size(); ++q) {
    const std::size_t begin = hits.size();
    for (std::uint32_t i = 0; i < hashes.size(); ++i) {
      const auto distance = hash::Distance(queries[q], hashes[i]);
      if (distance <= radius) hits.push_back({q, i, distance});
    }
    std::sort(hits.begin() + static_cast<std::ptrdiff_t>(begin), hits.end(), [](const Hit& a, const Hit& b) {
      return std::tie(a.distance, a.position) < std::tie(b.distance, b.position);
    });
  }
  return hits;
}

}  // namespace tamiz::index::testing

namespace tamiz::index {
inline void PrintTo(const Hit& hit, std::ostream* out) {
  *out << "{query " << hit.query << ", position " << hit.position << ", distance " << hit.distance << "}";
}
}  // namespace tamiz::index
