#include "core/index/multi_index.h"

#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <numeric>
#include <thread>
#include <tuple>

#include "core/base/check.h"
#include "core/index/bit_permutation.h"
#include "core/index/linear_scan.h"
#include "core/index/multi_index_search.h"

namespace tamiz::index {
namespace {

constexpr std::uint32_t kLineBytes = 64;
constexpr int kBlocksPerLineBits = 3;  // log2 of blocks in a cache line
static_assert(sizeof(MultiIndex::Block) << kBlocksPerLineBits == kLineBytes);

// Buckets holding more hashes than this on average get 4 bits of count, others 2.
constexpr double kFullerBuckets = 0.6;
// Each thread sorts one part at a time: 2^12 partitions at most, so that all of them have a line in cache.
constexpr int kMaxPartitionBits = 12;
constexpr int kBucketsPerPartitionBits = 11;

// Calls `work(i)` for each i < count, from up to `threads` threads.
template <typename Work>
void InParallel(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> helpers;
  for (unsigned t = 1; t < threads && t < count; ++t) helpers.emplace_back(run);
  run();
}

// All values of `width` bits with at most `flips` ones.
std::vector<std::uint32_t> MasksOf(int width, int flips) {
  std::vector<std::uint32_t> masks = {0};
  for (int i = 0; flips >= 1 && i < width; ++i) {
    masks.push_back(std::uint32_t{1} << i);
    for (int j = 0; flips >= 2 && j < i; ++j) masks.push_back(std::uint32_t{1} << i | std::uint32_t{1} << j);
  }
  std::sort(masks.begin(), masks.end());  // by cache line
  return masks;
}

}  // namespace

hash::HammingDistance ReachOf(const IndexShape& shape) {
  hash::HammingDistance sum = 0;
  for (const PartShape& part : shape) sum += part.flips + 1u;
  return sum - 1;
}

MultiIndex::MultiIndex(std::span<const hash::Hash256> hashes, const IndexShape& shape, unsigned threads)
    : hashes_(hashes.size()), parts_(shape.size()), masks_(shape.size()) {
  TAMIZ_CHECK(hashes.size() <= kMaxHashes, "more hashes than positions");
  std::uint8_t first_bit = 0;
  int bits = 0;
  for (std::size_t p = 0; p < shape.size(); ++p) {
    TAMIZ_CHECK(shape[p].width >= 4 && shape[p].width <= 28 && shape[p].flips <= 2, "impossible part");
    Part& part = parts_[p];
    part.width = shape[p].width;
    part.first_bit = first_bit;
    const double load =
        static_cast<double>(hashes.size()) / static_cast<double>(std::uint64_t{1} << part.width);
    part.bucket_bits = load > kFullerBuckets ? 3 : 4;
    part.count_bits = load > kFullerBuckets ? 4 : 2;
    first_bit = static_cast<std::uint8_t>(first_bit + part.width);
    bits += part.width;
  }
  TAMIZ_CHECK(bits == 256, "the parts must hold every bit once");
  MakePlans(shape);

  constexpr std::size_t kChunk = 1 << 16;
  InParallel((hashes.size() + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t end = std::min((chunk + 1) * kChunk, hashes.size());
    for (std::size_t i = chunk * kChunk; i < end; ++i) hashes_.Set(i, ShuffleBits(hashes[i]));
  });
  InParallel(parts_.size(), threads, [&](std::size_t p) { BuildPart(parts_[p]); });
}

// Counting sort in two steps: into partitions of neighbouring buckets, then each partition in cache.
void MultiIndex::BuildPart(Part& part) const {
  const std::size_t size = hashes_.size();
  const int partition_bits = std::clamp(part.width - kBucketsPerPartitionBits, 0, kMaxPartitionBits);
  const int low_bits = part.width - partition_bits;
  const std::size_t buckets = std::size_t{1} << low_bits;  // in a partition
  const std::size_t partitions = std::size_t{1} << partition_bits;
  const auto key_of = [&](std::size_t i) {
    const HalfHash& a = hashes_.first()[i];
    const HalfHash& b = hashes_.second()[i];
    const std::uint64_t words[4] = {a.words[0], a.words[1], b.words[0], b.words[1]};
    return BitsAt(words, part.first_bit, part.width);
  };

  std::vector<std::uint32_t> partition_begin(partitions + 1, 0);
  for (std::size_t i = 0; i < size; ++i) ++partition_begin[(key_of(i) >> low_bits) + 1];
  std::partial_sum(partition_begin.begin(), partition_begin.end(), partition_begin.begin());

  struct Keyed {
    std::uint32_t bucket;  // in the partition
    std::uint32_t number;
  };
  LargeArray<Keyed> keyed(size);
  {
    std::vector<std::uint32_t> next(partition_begin.begin(), partition_begin.end() - 1);
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint32_t key = key_of(i);
      keyed[next[key >> low_bits]++] = {key & static_cast<std::uint32_t>(buckets - 1),
                                        static_cast<std::uint32_t>(i)};
    }
  }

  part.numbers = LargeArray<std::uint32_t>(size);
  part.blocks = LargeArray<Block>((std::size_t{1} << part.width) >> part.bucket_bits);
  const std::size_t block_buckets = std::size_t{1} << part.bucket_bits;
  const std::uint32_t most = (std::uint32_t{1} << part.count_bits) - 1;
  std::vector<std::uint32_t> next(buckets);
  Block* block = part.blocks.data();
  for (std::size_t p = 0; p < partitions; ++p) {
    std::fill(next.begin(), next.end(), 0);
    for (std::uint32_t i = partition_begin[p]; i < partition_begin[p + 1]; ++i) ++next[keyed[i].bucket];
    std::uint32_t position = partition_begin[p];
    for (std::size_t bucket = 0; bucket < buckets; bucket += block_buckets, ++block) {
      *block = {position, 0};
      for (std::size_t slot = 0; slot < block_buckets; ++slot) {
        const std::uint32_t count = next[bucket + slot];
        block->counts |= std::min(count, most) << (slot * part.count_bits);
        next[bucket + slot] = position;
        position += count;
      }
    }
    for (std::uint32_t i = partition_begin[p]; i < partition_begin[p + 1]; ++i) {
      part.numbers[next[keyed[i].bucket]++] = keyed[i].number;
    }
    // `next` now holds where each bucket ends; marking the end of an empty bucket marks again the one before
    // it.
    for (const std::uint32_t end : next) {
      if (end > partition_begin[p]) part.numbers[end - 1] |= kLastOfBucket;
    }
  }
}

void MultiIndex::MakePlans(const IndexShape& shape) {
  for (std::size_t p = 0; p < shape.size(); ++p) {
    const int line_bits = parts_[p].bucket_bits + kBlocksPerLineBits;
    for (int flips = 0; flips <= shape[p].flips; ++flips) {
      auto& masks = masks_[p].masks[static_cast<std::size_t>(flips)];
      auto& lines = masks_[p].lines[static_cast<std::size_t>(flips)];
      masks = MasksOf(shape[p].width, flips);
      TAMIZ_CHECK(masks.size() <= kMaxProbes, "too many look-ups in one part");
      for (const std::uint32_t mask : masks) {
        if (lines.empty() || lines.back() >> line_bits != mask >> line_bits) lines.push_back(mask);
      }
    }
  }
  // Smaller radii need fewer flips: from the most expensive part one flip at a time, down to leaving parts
  // out.
  const auto price = [&](std::size_t p, int flips) {
    return flips < 0 ? std::size_t{0} : masks_[p].masks[static_cast<std::size_t>(flips)].size();
  };
  const hash::HammingDistance reach = ReachOf(shape);
  for (hash::HammingDistance radius = 0; radius <= reach; ++radius) {
    std::vector<int> flips;
    for (const PartShape& part : shape) flips.push_back(part.flips);
    for (hash::HammingDistance r = reach; r > radius; --r) {
      std::size_t best = 0;
      std::size_t best_saving = 0;
      for (std::size_t p = 0; p < flips.size(); ++p) {
        const std::size_t saving = price(p, flips[p]) - price(p, flips[p] - 1);
        if (flips[p] >= 0 && saving > best_saving) std::tie(best, best_saving) = std::tie(p, saving);
      }
      --flips[best];
    }
    Plan plan;
    for (std::size_t p = 0; p < flips.size(); ++p) {
      if (flips[p] < 0) continue;
      const auto f = static_cast<std::size_t>(flips[p]);
      plan.push_back({static_cast<std::uint8_t>(p), static_cast<std::uint8_t>(f), &masks_[p].masks[f],
                      &masks_[p].lines[f]});
    }
    plans_.push_back(std::move(plan));
  }
}

void MultiIndex::FindWithin(std::span<const hash::Hash256> queries, hash::HammingDistance max_distance,
                            std::vector<Hit>& hits) const {
  const std::size_t before = hits.size();
  const hash::HammingDistance radius = std::min(max_distance, kMaxRadius);
  std::vector<hash::Hash256> shuffled(queries.size());
  std::transform(queries.begin(), queries.end(), shuffled.begin(), ShuffleBits);

  if (radius >= plans_.size()) {
    ScanWithin(hashes_, shuffled, radius, 0, hits);
  } else {
    // Checking a candidate takes longer than scanning past a hash: a query that falls among very many
    // look-alikes is answered by a scan.
    const std::size_t limit = 4096 + hashes_.size() / 16;
    std::vector<std::uint8_t> crowded(queries.size(), 0);
    SearchParts({hashes_.first(), hashes_.second(), parts_.data()}, plans_[radius], shuffled, radius, limit,
                crowded, hits);
    if (std::find(crowded.begin(), crowded.end(), 1) != crowded.end()) {
      hits.erase(std::remove_if(hits.begin() + static_cast<std::ptrdiff_t>(before), hits.end(),
                                [&](const Hit& hit) { return crowded[hit.query] != 0; }),
                 hits.end());
      for (std::size_t q = 0; q < queries.size(); ++q) {
        if (crowded[q] == 0) continue;
        ScanWithin(hashes_, std::span(shuffled).subspan(q, 1), radius, static_cast<std::uint32_t>(q), hits);
      }
    }
  }
  std::sort(hits.begin() + static_cast<std::ptrdiff_t>(before), hits.end(), [](const Hit& a, const Hit& b) {
    return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
  });
}

std::size_t MultiIndex::memory_bytes() const {
  std::size_t sum = sizeof *this + hashes_.memory_bytes();
  for (const Part& part : parts_) {
    sum += part.blocks.capacity() * sizeof(Block) + part.numbers.capacity() * sizeof(std::uint32_t);
  }
  for (const Masks& masks : masks_) {
    for (std::size_t f = 0; f < masks.masks.size(); ++f) {
      sum += (masks.masks[f].capacity() + masks.lines[f].capacity()) * sizeof(std::uint32_t);
    }
  }
  return sum;
}

IndexShape ShapeFor(std::size_t hashes) {
  struct Group {
    std::size_t count;
    PartShape part;
  };
  const auto shape_of = [](std::initializer_list<Group> groups) {
    IndexShape shape;
    for (const Group& group : groups) shape.insert(shape.end(), group.count, group.part);
    return shape;
  };
  // More and narrower parts need less memory for empty buckets and find more candidates that are none.
  if (hashes <= 300'000) return shape_of({{16, {16, 1}}});
  if (hashes <= 600'000) return shape_of({{6, {21, 2}}, {6, {18, 1}}, {1, {22, 1}}});
  if (hashes <= 3'000'000) return shape_of({{8, {22, 2}}, {4, {20, 1}}});
  return shape_of({{10, {23, 2}}, {1, {26, 1}}});
}

}  // namespace tamiz::index
