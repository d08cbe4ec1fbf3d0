// Exact search by multi-index hashing with parts of mixed widths.
//
// The 256 bits are cut into parts. Two hashes within a distance r must agree in at least one part up to its
// number of flips if the sum over all parts of (flips + 1) is at least r + 1 (pigeonhole; Norouzi, Punjani,
// Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014, generalised to unequal parts).
// Each part has a table from its bits to the hashes that have them; a search looks under all values within
// the part's flips of the query's and checks what stands there.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/index/hamming_index.h"
#include "core/index/large_array.h"
#include "core/index/split_hashes.h"

namespace tamiz::index {

// The parts of an index, in order of their bits. Widths sum to 256.
struct PartShape {
  std::uint8_t width;  // bits, 4…28
  std::uint8_t flips;  // 0…2
};
using IndexShape = std::vector<PartShape>;

// Largest radius that `shape` can answer.
[[nodiscard]] hash::HammingDistance ReachOf(const IndexShape& shape);

// The shape that bench/index found best for so many hashes.
[[nodiscard]] IndexShape ShapeFor(std::size_t hashes);

// Immutable; thread-safe. Radii beyond its reach are answered by a scan.
class MultiIndex final : public HammingIndex {
 public:
  static constexpr std::size_t kMaxHashes = std::size_t{1} << 31;
  // Every search of a part is at most this many look-ups.
  static constexpr std::size_t kMaxProbes = 512;

  // Uses up to `threads` threads. At most kMaxHashes.
  MultiIndex(std::span<const hash::Hash256> hashes, const IndexShape& shape, unsigned threads);
  // The same of `size` hashes that `hash_of` makes, called from these threads in any order.
  MultiIndex(std::size_t size, const std::function<hash::Hash256(std::size_t)>& hash_of,
             const IndexShape& shape, unsigned threads);

  void FindWithin(std::span<const hash::Hash256> queries, hash::HammingDistance max_distance,
                  std::vector<Hit>& hits) const override;
  [[nodiscard]] hash::HammingDistance DistanceTo(std::uint32_t position,
                                                 const hash::Hash256& hash) const override;
  [[nodiscard]] std::size_t size() const override { return hashes_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const override;
  [[nodiscard]] std::vector<Crowd> Crowds(std::uint32_t least) const override;
  void Save(ArrayWriter& to) const override;
  // As HammingIndex::Load; `hashes` are those of the saved index.
  [[nodiscard]] static std::shared_ptr<const MultiIndex> Load(SplitHashes hashes, ArrayReader& from);

  // Several neighbouring buckets in 8 bytes, so that finding a bucket is one memory access and an empty
  // bucket, the usual case, ends there. `counts` has 2 bits for each of 16 buckets, or 4 bits for each of 8
  // where buckets are fuller; the largest value means "so many or more".
  struct Block {
    std::uint32_t first;  // position in `numbers` of the block's first bucket
    std::uint32_t counts;
  };

  // One part's table.
  struct Part {
    std::uint8_t width = 0;
    std::uint8_t first_bit = 0;
    std::uint8_t bucket_bits = 0;  // log2 of buckets in a block: 4 or 3
    std::uint8_t count_bits = 0;   // 2 or 4
    FlatArray<Block> blocks;
    // Positions of hashes, bucket by bucket; kLastOfBucket is set in the last of each. Of hashes that are the
    // same only the first is here, so that a list of one hash a million times has no bucket of a million.
    FlatArray<std::uint32_t> numbers;
  };
  static constexpr std::uint32_t kLastOfBucket = std::uint32_t{1} << 31;

  // How one part is searched for one radius.
  struct Step {
    std::uint8_t part;
    std::uint8_t flips;
    // Differences to the query's bits under which to look, ordered by cache line.
    const std::vector<std::uint32_t>* masks;
    // First mask of each cache line.
    const std::vector<std::uint32_t>* lines;
  };
  using Plan = std::vector<Step>;

  // What a search reads, for the code that is compiled for each instruction set.
  struct View {
    const HalfHash* first;
    const HalfHash* second;
    const Part* parts;
  };

 private:
  // Masks of a part by number of flips (0, 1, 2).
  struct Masks {
    std::array<std::vector<std::uint32_t>, 3> masks;
    std::array<std::vector<std::uint32_t>, 3> lines;
  };

  MultiIndex(SplitHashes hashes, const IndexShape& shape);  // nothing built
  // Numbers the hashes that are not in `left_out` (a bit for each; may be empty).
  void BuildPart(Part& part, const std::vector<std::uint64_t>& left_out) const;
  // Fills twins_ and gives the positions that parts leave out.
  std::vector<std::uint64_t> FindTwins(const Part& part, unsigned threads);
  void MakePlans(const IndexShape& shape);
  // Adds, for each hit from `begin` on, those at the other positions with the same hash.
  void AddTwins(std::vector<Hit>& hits, std::size_t begin) const;

  // Positions that hold the same hash: groups in order of their first position, which stands for the group in
  // the parts.
  struct Twins {
    FlatArray<std::uint32_t> firsts;  // by group, ascending
    FlatArray<std::uint32_t> begins;  // by group, and one more: into `others`
    FlatArray<std::uint32_t> others;  // ascending in each group
  };

  IndexShape shape_;
  SplitHashes hashes_;  // bits shuffled
  Twins twins_;
  std::vector<Part> parts_;
  std::vector<Masks> masks_;  // by part
  std::vector<Plan> plans_;   // by radius, up to the reach
};

}  // namespace tamiz::index
