#include "core/index/linear_scan.h"

#include <algorithm>
#include <array>
#include <bit>

#define HWY_WANT_AVX3_DL 1  // for its population count of 64-bit lanes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/index/linear_scan.cc"
#include "hwy/foreach_target.h"  // compiles this file once for each instruction set
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tamiz::index::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// Machines without a known instruction set: groups of one.
std::size_t FindGroups(const HalfHash* HWY_RESTRICT first, const HalfHash* HWY_RESTRICT second,
                       std::size_t begin, std::size_t end, const hash::Hash256& query, std::uint64_t radius,
                       std::uint32_t* HWY_RESTRICT starts) {
  const auto half = [](const HalfHash& a, std::uint64_t b0, std::uint64_t b1) {
    return static_cast<std::uint64_t>(std::popcount(a.words[0] ^ b0) + std::popcount(a.words[1] ^ b1));
  };
  std::size_t found = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t distance = half(first[i], query.words[0], query.words[1]);
    if (distance > radius || distance + half(second[i], query.words[2], query.words[3]) > radius) continue;
    starts[found++] = static_cast<std::uint32_t>(i - begin);
  }
  return found;
}
#else
// Distances of Lanes(d) half hashes to `query`, each lane one; in an order that is the same for both halves.
template <class D, class V = hn::Vec<D> >
HWY_INLINE V HalfDistances(D d, const HalfHash* halves, V query) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(halves);
  const V a = hn::PopulationCount(hn::Xor(hn::LoadU(d, words), query));
  const V b = hn::PopulationCount(hn::Xor(hn::LoadU(d, words + hn::Lanes(d)), query));
  return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
}

// Writes the starts (from `begin`, in steps of ScanStep()) of the groups that may hold a hash within
// `radius`. `starts` has room for all groups of [begin, end). Groups may reach past `end`.
std::size_t FindGroups(const HalfHash* HWY_RESTRICT first, const HalfHash* HWY_RESTRICT second,
                       std::size_t begin, std::size_t end, const hash::Hash256& query, std::uint64_t radius,
                       std::uint32_t* HWY_RESTRICT starts) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::uint64_t repeated[2][HWY_MAX_BYTES / 8];
  for (std::size_t i = 0; i < lanes; ++i) {
    repeated[0][i] = query.words[i % 2];
    repeated[1][i] = query.words[2 + i % 2];
  }
  const auto query_first = hn::Load(d, repeated[0]);
  const auto query_second = hn::Load(d, repeated[1]);
  // Counts are small, so they may be compared as signed numbers, for which every machine has an instruction.
  const hn::RebindToSigned<decltype(d)> ds;
  const auto limit = hn::Set(ds, static_cast<std::int64_t>(radius) + 1);
  std::size_t found = 0;
  for (std::size_t i = begin; i < end; i += lanes) {
    const auto half = HalfDistances(d, first + i, query_first);
    if (HWY_LIKELY(hn::AllFalse(ds, hn::Lt(hn::BitCast(ds, half), limit)))) continue;
    const auto whole = hn::Add(half, HalfDistances(d, second + i, query_second));
    if (hn::AllFalse(ds, hn::Lt(hn::BitCast(ds, whole), limit))) continue;
    starts[found++] = static_cast<std::uint32_t>(i - begin);
  }
  return found;
}

#endif

std::size_t ScanStep() { return hn::Lanes(hn::ScalableTag<std::uint64_t>()); }
const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace tamiz::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tamiz::index {
namespace {

HWY_EXPORT(FindGroups);
HWY_EXPORT(ScanStep);
HWY_EXPORT(TargetName);

// Hashes that are looked at for all queries in turn: their first halves (32 KiB) stay in the nearest cache.
constexpr std::size_t kBlock = 2048;

hash::HammingDistance DistanceAt(const SplitHashes& hashes, std::size_t i, const hash::Hash256& query) {
  const HalfHash& a = hashes.first()[i];
  const HalfHash& b = hashes.second()[i];
  return static_cast<hash::HammingDistance>(
      std::popcount(a.words[0] ^ query.words[0]) + std::popcount(a.words[1] ^ query.words[1]) +
      std::popcount(b.words[0] ^ query.words[2]) + std::popcount(b.words[1] ^ query.words[3]));
}

}  // namespace

void ScanWithin(const SplitHashes& hashes, std::span<const hash::Hash256> queries,
                hash::HammingDistance max_distance, std::uint32_t first_query, std::vector<Hit>& hits) {
  const std::size_t step = HWY_DYNAMIC_DISPATCH(ScanStep)();
  const auto find_groups = HWY_DYNAMIC_DISPATCH(FindGroups);
  std::array<std::uint32_t, kBlock> starts;
  const std::size_t before = hits.size();
  for (std::size_t begin = 0; begin < hashes.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, hashes.size());
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const std::size_t groups =
          find_groups(hashes.first(), hashes.second(), begin, end, queries[q], max_distance, starts.data());
      for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t group_begin = begin + starts[g];
        for (std::size_t i = group_begin; i < std::min(group_begin + step, end); ++i) {
          const hash::HammingDistance distance = DistanceAt(hashes, i, queries[q]);
          if (distance > max_distance) continue;
          hits.push_back(
              {first_query + static_cast<std::uint32_t>(q), static_cast<std::uint32_t>(i), distance});
        }
      }
    }
  }
  if (queries.size() > 1) {
    std::stable_sort(hits.begin() + static_cast<std::ptrdiff_t>(before), hits.end(),
                     [](const Hit& a, const Hit& b) { return a.query < b.query; });
  }
}

void ScanWithinScalar(const SplitHashes& hashes, std::span<const hash::Hash256> queries,
                      hash::HammingDistance max_distance, std::uint32_t first_query, std::vector<Hit>& hits) {
  for (std::size_t q = 0; q < queries.size(); ++q) {
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const hash::HammingDistance distance = DistanceAt(hashes, i, queries[q]);
      if (distance > max_distance) continue;
      hits.push_back({first_query + static_cast<std::uint32_t>(q), static_cast<std::uint32_t>(i), distance});
    }
  }
}

const char* ScanTargetName() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

}  // namespace tamiz::index
#endif  // HWY_ONCE
