#include "core/match/frame_folding.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/lists/crop_id.h"

namespace tamiz::match {
namespace {

// Looks per search: more let the index overlap its memory accesses, until the hits of a list full of
// look-alikes take too much room.
constexpr std::size_t kMostLooksPerSearch = 64;
constexpr std::size_t kManyHits = 50'000;

bool IsWanted(hash::LookKind kind, const lists::ListPolicy& policy) {
  switch (kind) {
    case hash::LookKind::kWhole:
      return true;
    case hash::LookKind::kBorderRemoved:
      return policy.border_removal;
    case hash::LookKind::kRegion:
      return policy.find_regions;
    case hash::LookKind::kStraightened:
      return policy.straighten;
  }
  return false;
}

bool IsUsable(const FrameEvidence& look, const lists::ListPolicy& policy) {
  return UsableQuality(look, policy.restore_contrast) >= static_cast<int>(policy.quality_floor) &&
         IsWanted(look.kind, policy);
}

std::vector<FrameLook> UsableLooks(std::span<const FrameLook> looks, const lists::ListPolicy& policy) {
  std::vector<FrameLook> usable;
  std::copy_if(looks.begin(), looks.end(), std::back_inserter(usable),
               [&](const FrameLook& look) { return IsUsable(*look.evidence, policy); });
  return usable;
}

std::span<const hash::Transform> OrientationsOf(const FrameEvidence& look, const lists::ListPolicy& policy) {
  return hash::TransformsOf(policy.orientations ? look.orientations : hash::OrientationSet::kUpright);
}

struct LookHit {
  const FrameLook& look;
  hash::Transform transform;  // of the upload, giving the entry's picture
  std::uint32_t position;
  hash::HammingDistance distance;
};

// Calls `on_hit` for every hash of `list` within `radius` of an orientation of a look, in order of looks.
void Search(std::span<const FrameLook> looks, const lists::ListSnapshot& list, hash::HammingDistance radius,
            const std::function<void(const LookHit&)>& on_hit) {
  if (list.pdq_count() == 0) return;
  struct Query {
    std::size_t look;
    hash::Transform transform;
  };
  std::vector<Query> queries;
  std::vector<hash::Hash256> hashes;
  std::vector<index::Hit> hits;
  std::size_t looks_per_search = 4;
  for (std::size_t begin = 0, end = 0; begin < looks.size(); begin = end) {
    end = std::min(begin + looks_per_search, looks.size());
    queries.clear();
    hashes.clear();
    hits.clear();
    for (std::size_t i = begin; i < end; ++i) {
      const FrameEvidence& evidence = *looks[i].evidence;
      for (const hash::Transform transform : OrientationsOf(evidence, list.info.policy)) {
        queries.push_back({i, transform});
        hashes.push_back(evidence.pdq.hashes[static_cast<std::size_t>(transform)]);
      }
    }
    list.FindPdq(hashes, radius, hits);
    looks_per_search = hits.size() > kManyHits ? 1 : std::min(2 * looks_per_search, kMostLooksPerSearch);
    for (const index::Hit& hit : hits) {
      const Query& query = queries[hit.query];
      on_hit({looks[query.look], query.transform, hit.position, hit.distance});
    }
  }
}

// Smaller is better: nearer, then upright, then the plainer look, then of better quality, then earlier.
auto Rank(const BestHit& hit) {
  return std::make_tuple(hit.distance, hit.transform != hash::Transform::kIdentity, hit.kind, -hit.quality,
                         hit.frame, hit.transform, hit.position);
}

void AddPosition(Found& found, std::uint32_t position) {
  // Long videos find the same positions again and again.
  if (found.positions.size() >= found.tidy_at) {
    found.Tidy();
    found.tidy_at = std::max(found.tidy_at, 2 * found.positions.size());
  }
  found.positions.push_back(position);
}

// False if there was no room to note the frame.
bool Note(Found& found, const LookHit& hit, bool is_video, bool explained, FoldBudget& budget) {
  if (is_video) {
    AddPosition(found, hit.position);
  } else {
    found.picture = true;
  }
  found.unexplained |= !explained;
  if (found.frames.BeginsRun(hit.look.frame) && !budget.Take(1)) return false;
  found.frames.Add(hit.look.frame);
  return true;
}

// Keeps the hits nearest to the picture, each position once a frame.
void KeepHit(EntryFold& fold, const LookHit& hit, FoldBudget& budget) {
  const FrameHit kept{hit.look.frame, hit.position, static_cast<std::uint16_t>(hit.distance), hit.transform};
  auto first = fold.hits.end();
  while (first != fold.hits.begin() && std::prev(first)->frame == kept.frame) --first;
  const auto same = std::find_if(first, fold.hits.end(),
                                 [&](const FrameHit& other) { return other.position == kept.position; });
  if (same != fold.hits.end()) {
    if (kept.distance < same->distance) *same = kept;
    return;
  }
  if (static_cast<std::size_t>(fold.hits.end() - first) < ListFold::kMostHitsPerFrame) {
    if (budget.Take(1)) {
      fold.hits.push_back(kept);
    } else {
      fold.limited = true;
    }
    return;
  }
  const auto worst = std::max_element(
      first, fold.hits.end(), [](const FrameHit& a, const FrameHit& b) { return a.distance < b.distance; });
  if (kept.distance < worst->distance) *worst = kept;
}

std::uint32_t DistinctFrames(std::span<const FrameLook> looks) {
  FrameRuns frames;
  for (const FrameLook& look : looks) frames.Add(look.frame);
  return frames.size();
}

}  // namespace

void AllowedFrames::Allow(std::uint32_t frame, const Nearest& by) {
  const auto [at, is_new] = nearest_.try_emplace(frame, by);
  if (!is_new && by.distance < at->second.distance) at->second = by;
}

bool MayMatch(const lists::ListSnapshot& list, std::uint32_t entry, WallTime now) {
  const auto expires_at = list.ExpiresAt(entry);
  if (expires_at && *expires_at <= now) return false;
  const lists::Exceptions& exceptions = list.info.policy.exceptions;
  return exceptions.empty() || !exceptions.IsDisabled(lists::PictureIdOf(list.IdOf(entry)), now);
}

void Found::Tidy() {
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
}

ListFold::ListFold(const lists::ListSnapshot& list, WallTime now) : list_(list), now_(now) {}

void ListFold::Add(std::span<const FrameLook> looks, const AllowedFrames& allowed, FoldBudget& budget) {
  const lists::ListPolicy& policy = list_.info.policy;
  const std::vector<FrameLook> usable = UsableLooks(looks, policy);
  const bool closer = plan_frames_ != UINT32_MAX;
  if (!closer) usable_frames_ += DistinctFrames(usable);
  for (const FrameLook& look : usable) {
    if (!look.evidence->repeated)
      (closer ? closer_queries_ : queries_) += OrientationsOf(*look.evidence, policy).size();
  }
  const hash::HammingDistance reach = std::max(policy.radius, policy.review_radius.value_or(policy.radius));

  Search(usable, list_, reach, [&](const LookHit& hit) {
    const lists::PdqRef ref = list_.RefAt(hit.position);
    if (!MayMatch(list_, ref.entry, now_)) return;
    auto at = entries_.find(ref.entry);
    if (at == entries_.end()) {
      if (budget.entries == 0 || budget.units <= 0) {
        budget.exceeded = true;
        return;
      }
      --budget.entries;
      at = entries_.try_emplace(ref.entry).first;
    }
    EntryFold& fold = at->second;
    if (!std::exchange(fold.changed, true)) changed_.push_back(ref.entry);
    const bool is_video = ref.time_ms != lists::PdqRef::kNoTime;
    const bool explained = allowed.Explains(hit.look.frame, hit.distance);
    if (hit.distance <= policy.radius && !Note(fold.within_radius, hit, is_video, explained, budget)) {
      fold.limited = true;
    }
    if (reach > policy.radius && !Note(fold.within_review, hit, is_video, explained, budget)) {
      fold.limited = true;
    }
    if (is_video) KeepHit(fold, hit, budget);

    // The upload turned by `transform` is the entry's picture; a match says it the other way round.
    const FrameEvidence& evidence = *hit.look.evidence;
    const BestHit candidate{hit.distance,
                            hash::Inverse(hit.transform),
                            evidence.kind,
                            evidence.rect,
                            evidence.turned_degrees,
                            evidence.pdq.quality,
                            hit.look.frame,
                            hit.position,
                            explained ? allowed.By(hit.look.frame) : AllowedFrames::Nearest{}};
    if (!fold.best || std::make_tuple(explained, Rank(candidate)) <
                          std::make_tuple(!fold.best_unexplained, Rank(*fold.best))) {
      fold.best = candidate;
      fold.best_unexplained = !explained;
    }
  });
}

std::vector<std::uint32_t> ListFold::TakeChanged() {
  for (const std::uint32_t entry : changed_) entries_[entry].changed = false;
  return std::exchange(changed_, {});
}

void AllowFrames(std::span<const FrameLook> looks, const lists::ListSnapshot& list, WallTime now,
                 AllowedFrames& allowed) {
  Search(UsableLooks(looks, list.info.policy), list, list.info.policy.radius, [&](const LookHit& hit) {
    const std::uint32_t entry = list.RefAt(hit.position).entry;
    if (MayMatch(list, entry, now)) allowed.Allow(hit.look.frame, {hit.distance, &list, entry});
  });
}

}  // namespace tamiz::match
