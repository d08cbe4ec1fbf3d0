#include "core/index/multi_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <numeric>
#include <thread>
#include <tuple>
#include <utility>

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

MultiIndex::MultiIndex(SplitHashes hashes, const IndexShape& shape)
    : shape_(shape), hashes_(std::move(hashes)), parts_(shape.size()), masks_(shape.size()) {
  TAMIZ_CHECK(hashes_.size() <= kMaxHashes, "more hashes than positions");
  std::uint8_t first_bit = 0;
  int bits = 0;
  for (std::size_t p = 0; p < shape.size(); ++p) {
    TAMIZ_CHECK(shape[p].width >= 4 && shape[p].width <= 28 && shape[p].flips <= 2, "impossible part");
    Part& part = parts_[p];
    part.width = shape[p].width;
    part.first_bit = first_bit;
    const double load =
        static_cast<double>(hashes_.size()) / static_cast<double>(std::uint64_t{1} << part.width);
    part.bucket_bits = load > kFullerBuckets ? 3 : 4;
    part.count_bits = load > kFullerBuckets ? 4 : 2;
    first_bit = static_cast<std::uint8_t>(first_bit + part.width);
    bits += part.width;
  }
  TAMIZ_CHECK(bits == 256, "the parts must hold every bit once");
  MakePlans(shape);
}

MultiIndex::MultiIndex(std::span<const hash::Hash256> hashes, const IndexShape& shape, unsigned threads)
    : MultiIndex(
          hashes.size(), [&](std::size_t i) { return hashes[i]; }, shape, threads) {}

MultiIndex::MultiIndex(std::size_t size, const std::function<hash::Hash256(std::size_t)>& hash_of,
                       const IndexShape& shape, unsigned threads)
    : MultiIndex(SplitHashes(size), shape) {
  constexpr std::size_t kChunk = 1 << 16;
  InParallel((size + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t end = std::min((chunk + 1) * kChunk, size);
    for (std::size_t i = chunk * kChunk; i < end; ++i) hashes_.Set(i, ShuffleBits(hash_of(i)));
  });
  // Hashes that are the same meet in one bucket of every part. The widest has the fewest others in it.
  Part* widest = &*std::max_element(parts_.begin(), parts_.end(),
                                    [](const Part& a, const Part& b) { return a.width < b.width; });
  BuildPart(*widest, {});
  const std::vector<std::uint64_t> left_out = FindTwins(*widest, threads);
  InParallel(parts_.size(), threads, [&](std::size_t p) {
    if (&parts_[p] != widest || !left_out.empty()) BuildPart(parts_[p], left_out);
  });
}

std::vector<std::uint64_t> MultiIndex::FindTwins(const Part& part, unsigned threads) {
  struct Pair {
    std::uint32_t first;
    std::uint32_t other;
  };
  constexpr std::size_t kChunk = 1 << 16;
  const std::size_t chunks = (part.numbers.size() + kChunk - 1) / kChunk;
  std::vector<std::vector<Pair>> found(chunks);
  InParallel(chunks, threads, [&](std::size_t chunk) {
    const std::uint32_t* numbers = part.numbers.data();
    std::size_t begin = chunk * kChunk;
    const std::size_t end = std::min(begin + kChunk, part.numbers.size());
    // A bucket belongs to the chunk that it begins in.
    while (begin < end && begin > 0 && (numbers[begin - 1] & kLastOfBucket) == 0) ++begin;
    std::vector<std::uint32_t> bucket;
    while (begin < end) {
      bucket.clear();
      std::uint32_t number;
      do {
        number = numbers[begin++];
        bucket.push_back(number & ~kLastOfBucket);
      } while ((number & kLastOfBucket) == 0);
      if (bucket.size() == 1) continue;
      std::sort(bucket.begin(), bucket.end(), [&](std::uint32_t a, std::uint32_t b) {
        const hash::Hash256 left = hashes_.At(a);
        const hash::Hash256 right = hashes_.At(b);
        return left == right ? a < b : left < right;
      });
      std::uint32_t first = bucket.front();
      for (std::size_t i = 1; i < bucket.size(); ++i) {
        if (hashes_.At(bucket[i]) == hashes_.At(first)) {
          found[chunk].push_back({first, bucket[i]});
        } else {
          first = bucket[i];
        }
      }
    }
  });
  std::vector<Pair> pairs;
  for (std::vector<Pair>& some : found) {
    pairs.insert(pairs.end(), some.begin(), some.end());
    std::vector<Pair>().swap(some);
  }
  if (pairs.empty()) return {};
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tie(a.first, a.other) < std::tie(b.first, b.other);
  });
  std::vector<std::uint64_t> left_out((hashes_.size() + 63) / 64, 0);
  LargeArray<std::uint32_t> firsts;
  LargeArray<std::uint32_t> begins;
  LargeArray<std::uint32_t> others;
  others.reserve(pairs.size());
  for (const Pair& pair : pairs) {
    if (firsts.empty() || firsts.back() != pair.first) {
      firsts.push_back(pair.first);
      begins.push_back(static_cast<std::uint32_t>(others.size()));
    }
    others.push_back(pair.other);
    left_out[pair.other / 64] |= std::uint64_t{1} << (pair.other % 64);
  }
  begins.push_back(static_cast<std::uint32_t>(others.size()));
  twins_ = {std::move(firsts), std::move(begins), std::move(others)};
  return left_out;
}

void MultiIndex::AddTwins(std::vector<Hit>& hits, std::size_t begin) const {
  if (twins_.firsts.empty()) return;
  const std::size_t end = hits.size();
  for (std::size_t i = begin; i < end; ++i) {
    const Hit hit = hits[i];
    const auto* first = std::lower_bound(twins_.firsts.begin(), twins_.firsts.end(), hit.position);
    if (first == twins_.firsts.end() || *first != hit.position) continue;
    const auto group = static_cast<std::size_t>(first - twins_.firsts.begin());
    for (std::uint32_t k = twins_.begins[group]; k < twins_.begins[group + 1]; ++k) {
      hits.push_back({hit.query, twins_.others[k], hit.distance});
    }
  }
}

std::vector<HammingIndex::Crowd> MultiIndex::Crowds(std::uint32_t least) const {
  std::vector<Crowd> crowds;
  for (std::size_t group = 0; group < twins_.firsts.size(); ++group) {
    const std::uint32_t count = 1 + twins_.begins[group + 1] - twins_.begins[group];
    if (count >= least) crowds.push_back({twins_.firsts[group], count});
  }
  return crowds;
}

// Counting sort in two steps: into partitions of neighbouring buckets, then each partition in cache.
void MultiIndex::BuildPart(Part& part, const std::vector<std::uint64_t>& left_out) const {
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
  const auto is_left_out = [&](std::size_t i) {
    return !left_out.empty() && (left_out[i / 64] >> (i % 64) & 1) != 0;
  };

  std::vector<std::uint32_t> partition_begin(partitions + 1, 0);
  for (std::size_t i = 0; i < size; ++i) {
    if (!is_left_out(i)) ++partition_begin[(key_of(i) >> low_bits) + 1];
  }
  std::partial_sum(partition_begin.begin(), partition_begin.end(), partition_begin.begin());

  struct Keyed {
    std::uint32_t bucket;  // in the partition
    std::uint32_t number;
  };
  LargeArray<Keyed> keyed(partition_begin.back());
  {
    std::vector<std::uint32_t> next(partition_begin.begin(), partition_begin.end() - 1);
    for (std::size_t i = 0; i < size; ++i) {
      if (is_left_out(i)) continue;
      const std::uint32_t key = key_of(i);
      keyed[next[key >> low_bits]++] = {key & static_cast<std::uint32_t>(buckets - 1),
                                        static_cast<std::uint32_t>(i)};
    }
  }

  LargeArray<std::uint32_t> numbers(keyed.size());
  LargeArray<Block> blocks((std::size_t{1} << part.width) >> part.bucket_bits);
  const std::size_t block_buckets = std::size_t{1} << part.bucket_bits;
  const std::uint32_t most = (std::uint32_t{1} << part.count_bits) - 1;
  std::vector<std::uint32_t> next(buckets);
  Block* block = blocks.data();
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
      numbers[next[keyed[i].bucket]++] = keyed[i].number;
    }
    // `next` now holds where each bucket ends; marking the end of an empty bucket marks again the one before
    // it.
    for (const std::uint32_t end : next) {
      if (end > partition_begin[p]) numbers[end - 1] |= kLastOfBucket;
    }
  }
  part.numbers = std::move(numbers);
  part.blocks = std::move(blocks);
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

hash::HammingDistance MultiIndex::DistanceTo(std::uint32_t position, const hash::Hash256& hash) const {
  return hash::Distance(hashes_.At(position), ShuffleBits(hash));
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
      AddTwins(hits, before);
      for (std::size_t q = 0; q < queries.size(); ++q) {
        if (crowded[q] == 0) continue;
        ScanWithin(hashes_, std::span(shuffled).subspan(q, 1), radius, static_cast<std::uint32_t>(q), hits);
      }
    } else {
      AddTwins(hits, before);
    }
  }
  std::sort(hits.begin() + static_cast<std::ptrdiff_t>(before), hits.end(), [](const Hit& a, const Hit& b) {
    return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
  });
}

std::size_t MultiIndex::memory_bytes() const {
  std::size_t sum = sizeof *this + hashes_.memory_bytes();
  for (const Part& part : parts_) {
    sum += part.blocks.heap_bytes() + part.numbers.heap_bytes();
  }
  sum += twins_.firsts.heap_bytes() + twins_.begins.heap_bytes() + twins_.others.heap_bytes();
  for (const Masks& masks : masks_) {
    for (std::size_t f = 0; f < masks.masks.size(); ++f) {
      sum += (masks.masks[f].capacity() + masks.lines[f].capacity()) * sizeof(std::uint32_t);
    }
  }
  return sum;
}

void MultiIndex::Save(ArrayWriter& to) const {
  to.Put("pdq.shape",
         std::span(reinterpret_cast<const std::uint8_t*>(shape_.data()), shape_.size() * sizeof(PartShape)),
         ArrayUse::kAnswered);
  to.Put("pdq.first", hashes_.first_array(), ArrayUse::kSearched);
  to.Put("pdq.second", hashes_.second_array(), ArrayUse::kSearched);
  to.Put("pdq.twins.firsts", twins_.firsts, ArrayUse::kAnswered);
  to.Put("pdq.twins.begins", twins_.begins, ArrayUse::kAnswered);
  to.Put("pdq.twins.others", twins_.others, ArrayUse::kAnswered);
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    to.Put(fmt::format("pdq.part{}.blocks", p), parts_[p].blocks, ArrayUse::kSearched);
    to.Put(fmt::format("pdq.part{}.numbers", p), parts_[p].numbers, ArrayUse::kSearched);
  }
}

std::shared_ptr<const MultiIndex> MultiIndex::Load(SplitHashes hashes, ArrayReader& from) {
  const auto saved_shape = from.Array<PartShape>("pdq.shape");
  if (!saved_shape || hashes.size() > kMaxHashes) return nullptr;
  const IndexShape shape(saved_shape->begin(), saved_shape->end());
  int bits = 0;
  for (const PartShape& part : shape) {
    if (part.width < 4 || part.width > 28 || part.flips > 2) return nullptr;
    bits += part.width;
  }
  if (bits != 256) return nullptr;
  std::shared_ptr<MultiIndex> index(new MultiIndex(std::move(hashes), shape));
  auto firsts = from.Array<std::uint32_t>("pdq.twins.firsts");
  auto begins = from.Array<std::uint32_t>("pdq.twins.begins");
  auto others = from.Array<std::uint32_t>("pdq.twins.others");
  if (!firsts || !begins || !others || (!firsts->empty() && begins->size() != firsts->size() + 1))
    return nullptr;
  const std::size_t numbered = index->hashes_.size() - others->size();
  index->twins_ = {*std::move(firsts), *std::move(begins), *std::move(others)};
  for (std::size_t p = 0; p < shape.size(); ++p) {
    Part& part = index->parts_[p];
    auto blocks = from.Array<Block>(fmt::format("pdq.part{}.blocks", p));
    auto numbers = from.Array<std::uint32_t>(fmt::format("pdq.part{}.numbers", p));
    if (!blocks || !numbers || numbers->size() != numbered ||
        blocks->size() != (std::size_t{1} << part.width) >> part.bucket_bits) {
      return nullptr;
    }
    part.blocks = *std::move(blocks);
    part.numbers = *std::move(numbers);
  }
  return index;
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
