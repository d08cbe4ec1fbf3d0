// Exact near-neighbour search over 256-bit hashes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/hash/hash256.h"
#include "core/index/array_store.h"

namespace tamiz::index {

// Largest radius that a policy may ask for, bits.
inline constexpr hash::HammingDistance kMaxRadius = 64;

struct Hit {
  std::uint32_t query;     // position in the queries
  std::uint32_t position;  // position in the hashes that the index was built from
  hash::HammingDistance distance;
  friend bool operator==(const Hit&, const Hit&) = default;
};

// Immutable; all methods thread-safe. Finds every hash within the radius, always: the tests hold it against
// brute force.
class HammingIndex {
 public:
  // Copies the hashes. At most 2^32 - 1.
  [[nodiscard]] static std::shared_ptr<const HammingIndex> Build(std::span<const hash::Hash256> hashes);

  virtual ~HammingIndex() = default;

  // Appends to `hits` every (query, position) with distance <= `max_distance` (<= kMaxRadius), each once,
  // ordered by query, then distance, then position.
  virtual void FindWithin(std::span<const hash::Hash256> queries, hash::HammingDistance max_distance,
                          std::vector<Hit>& hits) const = 0;

  // Of the hash at `position`.
  [[nodiscard]] virtual hash::HammingDistance DistanceTo(std::uint32_t position,
                                                         const hash::Hash256& hash) const = 0;

  [[nodiscard]] virtual std::size_t size() const = 0;
  // Of its own memory: what lies in a mapped file does not count.
  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;

  // Groups of at least `least` positions that hold one and the same hash: the first of each and how many,
  // ascending by position. A hash that many entries share is none of a picture.
  struct Crowd {
    std::uint32_t position;
    std::uint32_t count;
    friend bool operator==(const Crowd&, const Crowd&) = default;
  };
  [[nodiscard]] virtual std::vector<Crowd> Crowds(std::uint32_t least) const = 0;

  virtual void Save(ArrayWriter& to) const = 0;
  // Null if the arrays are not there or do not fit together. What they hold is not checked: whoever keeps
  // them has their digest.
  [[nodiscard]] static std::shared_ptr<const HammingIndex> Load(ArrayReader& from);
};

}  // namespace tamiz::index
