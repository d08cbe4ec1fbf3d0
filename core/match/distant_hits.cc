#include "core/match/distant_hits.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

namespace tamiz::match {
namespace {

constexpr std::size_t kMostHits = 16;
constexpr std::size_t kMostQueries = 8'192;
// How copies of videos are turned; the six others would cost three times as much again.
constexpr std::array kTransforms{hash::Transform::kIdentity, hash::Transform::kFlipHorizontal};
// More let the index overlap its memory accesses; the first few tell whether hits would take too much room.
constexpr std::size_t kFewQueries = 4, kMostQueriesPerSearch = 64;
// A list full of look-alikes says nothing about where to look.
constexpr std::size_t kManyHits = 50'000;

}  // namespace

std::vector<DistantHit> FindDistantHits(const KeptLooks& looks, const lists::ListSnapshot& list,
                                        const std::function<bool(std::uint32_t)>& is_usable,
                                        const std::function<bool(std::uint32_t)>& is_wanted,
                                        std::uint64_t& comparisons) {
  std::vector<const KeptLooks::Look*> usable;
  for (const KeptLooks::Look& look : looks.all()) {
    if (is_usable(look.frame)) usable.push_back(&look);
  }
  const std::span<const hash::Transform> transforms =
      std::span(kTransforms).first(list.info.policy.orientations ? kTransforms.size() : 1);
  const std::uint64_t each = std::max<std::size_t>(list.pdq_count(), 1);
  const std::size_t affordable =
      std::min<std::uint64_t>(comparisons / each, kMostQueries) / transforms.size();
  if (usable.empty() || affordable == 0) return {};
  const std::size_t stride = (usable.size() + affordable - 1) / affordable;

  struct Query {
    std::uint32_t frame;
    hash::Hash256 hash;
  };
  std::vector<Query> queries;
  for (std::size_t i = 0; i < usable.size(); i += stride) {
    for (const hash::Transform transform : transforms) {
      if (hash::Holds(usable[i]->orientations, transform))
        queries.push_back({usable[i]->frame, usable[i]->hashes[static_cast<std::size_t>(transform)]});
    }
  }
  comparisons -= std::min(comparisons, queries.size() * each);
  std::map<std::uint32_t, DistantHit> nearest;  // by entry
  std::size_t seen = 0;
  std::vector<hash::Hash256> hashes;
  std::vector<index::Hit> hits;
  std::size_t at_once = kFewQueries;
  for (std::size_t begin = 0, end = 0; begin < queries.size() && seen < kManyHits; begin = end) {
    end = std::min(begin + at_once, queries.size());
    at_once = std::min(2 * at_once, kMostQueriesPerSearch);
    hashes.clear();
    hits.clear();
    for (std::size_t i = begin; i < end; ++i) hashes.push_back(queries[i].hash);
    list.FindPdq(hashes, kLeadRadius, hits);
    seen += hits.size();
    for (const index::Hit& hit : hits) {
      const lists::PdqRef ref = list.RefAt(hit.position);
      if (ref.time_ms == lists::PdqRef::kNoTime || !is_wanted(ref.entry)) continue;
      const DistantHit found{ref.entry, hit.position, queries[begin + hit.query].frame, hit.distance};
      const auto [at, is_new] = nearest.try_emplace(ref.entry, found);
      if (!is_new && found.distance < at->second.distance) at->second = found;
    }
  }
  std::vector<DistantHit> found;
  for (const auto& [entry, hit] : nearest) found.push_back(hit);
  std::ranges::stable_sort(found, {}, &DistantHit::distance);
  if (found.size() > kMostHits) found.resize(kMostHits);
  return found;
}

}  // namespace tamiz::match
