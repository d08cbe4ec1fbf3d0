#include "core/match/frame_folding.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tamiz::match {
namespace {

// Looks per search: more let the index overlap its memory accesses, until the hits of a list full of
// look-alikes take too much room.
constexpr std::size_t kMostLooksPerSearch = 64;
constexpr std::size_t kManyHits = 50'000;

bool IsUsable(const FrameEvidence& look, const lists::ListPolicy& policy) {
  return look.pdq.quality >= static_cast<int>(policy.quality_floor) &&
         (policy.border_removal || !look.border_removed);
}

bool IsExpired(const lists::ListSnapshot& list, std::uint32_t entry, WallTime now) {
  const auto expires_at = list.ExpiresAt(entry);
  return expires_at && *expires_at <= now;
}

struct LookHit {
  const UploadFrames::Look& look;
  hash::Transform transform;  // of the upload, giving the entry's picture
  std::uint32_t position;
  hash::HammingDistance distance;
};

// Calls `on_hit` for every hash of `list` within `radius` of an orientation of a look, in order of looks.
void Search(std::span<const UploadFrames::Look> looks, const lists::ListSnapshot& list,
            hash::HammingDistance radius, const std::function<void(const LookHit&)>& on_hit) {
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
      const int orientations =
          list.info.policy.orientations && evidence.has_orientations ? hash::kTransforms : 1;
      for (int t = 0; t < orientations; ++t) {
        queries.push_back({i, static_cast<hash::Transform>(t)});
        hashes.push_back(evidence.pdq.hashes[static_cast<std::size_t>(t)]);
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

// Smaller is better: nearer, then upright, then without stripping, then of better quality, then earlier.
auto Rank(const BestHit& hit) {
  return std::make_tuple(hit.distance, hit.transform != hash::Transform::kIdentity, hit.look->border_removed,
                         -hit.look->pdq.quality, hit.look->index, hit.transform, hit.position);
}

void SortUnique(std::vector<std::uint32_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

void AddPosition(Found& found, std::uint32_t position) {
  // Long videos find the same positions again and again.
  if (found.positions.size() >= found.tidy_at) {
    SortUnique(found.positions);
    found.tidy_at = std::max(found.tidy_at, 2 * found.positions.size());
  }
  found.positions.push_back(position);
}

void Note(Found& found, const LookHit& hit, bool is_video, bool explained) {
  found.frames.Add(hit.look.frame);
  if (is_video) {
    AddPosition(found, hit.position);
  } else {
    found.picture = true;
  }
  found.unexplained |= !explained;
}

std::uint32_t DistinctFrames(const std::vector<UploadFrames::Look>& looks) {
  NumberSet frames;
  for (const auto& look : looks) frames.Add(look.frame);
  return frames.size();
}

}  // namespace

std::uint32_t NumberSet::size() const {
  std::uint32_t sum = 0;
  for (const std::uint64_t word : words_) sum += static_cast<std::uint32_t>(std::popcount(word));
  return sum;
}

UploadFrames::UploadFrames(const Evidence& evidence) {
  std::vector<const FrameEvidence*> ordered;
  ordered.reserve(evidence.frames.size());
  for (const FrameEvidence& look : evidence.frames) ordered.push_back(&look);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const FrameEvidence* a, const FrameEvidence* b) { return a->index < b->index; });
  looks_.reserve(ordered.size());
  for (const FrameEvidence* look : ordered) {
    if (looks_.empty() || looks_.back().evidence->index != look->index) times_.push_back(look->time);
    looks_.push_back({look, static_cast<std::uint32_t>(times_.size() - 1)});
  }
  using std::chrono::microseconds;
  is_still_ =
      evidence.duration <= microseconds::zero() &&
      std::all_of(times_.begin(), times_.end(), [](microseconds t) { return t <= microseconds::zero(); });
}

std::vector<UploadFrames::Look> UploadFrames::UsableLooks(const lists::ListPolicy& policy) const {
  std::vector<Look> usable;
  for (const Look& look : looks_) {
    if (IsUsable(*look.evidence, policy)) usable.push_back(look);
  }
  return usable;
}

std::uint32_t UploadFrames::FramesOfQuality(std::uint32_t quality_floor) const {
  lists::ListPolicy policy;
  policy.quality_floor = quality_floor;
  return DistinctFrames(UsableLooks(policy));
}

void AllowedFrames::Allow(std::uint32_t frame, hash::HammingDistance distance) {
  if (frame >= nearest_.size()) {
    nearest_.resize(std::size_t{frame} + 1, std::numeric_limits<hash::HammingDistance>::max());
  }
  nearest_[frame] = std::min(nearest_[frame], distance);
}

ListFold FoldFrames(const UploadFrames& frames, const lists::ListSnapshot& list, const AllowedFrames& allowed,
                    WallTime now) {
  const lists::ListPolicy& policy = list.info.policy;
  const std::vector<UploadFrames::Look> looks = frames.UsableLooks(policy);
  const hash::HammingDistance reach = std::max(policy.radius, policy.review_radius.value_or(policy.radius));

  std::unordered_map<std::uint32_t, EntryFold> folds;
  Search(looks, list, reach, [&](const LookHit& hit) {
    const lists::PdqRef ref = list.RefAt(hit.position);
    if (IsExpired(list, ref.entry, now)) return;
    EntryFold& fold = folds[ref.entry];
    const bool is_video = ref.time_ms != lists::PdqRef::kNoTime;
    const bool explained = allowed.Explains(hit.look.frame, hit.distance);
    if (hit.distance <= policy.radius) Note(fold.within_radius, hit, is_video, explained);
    Note(fold.within_review, hit, is_video, explained);

    // The upload turned by `transform` is the entry's picture; a match says it the other way round.
    const BestHit candidate{hit.distance, hash::Inverse(hit.transform), hit.look.evidence, hit.position};
    const bool first = fold.best.look == nullptr;
    if (first || std::make_tuple(explained, Rank(candidate)) <
                     std::make_tuple(!fold.best_unexplained, Rank(fold.best))) {
      fold.best = candidate;
      fold.best_unexplained = !explained;
    }
  });

  ListFold result;
  result.usable_frames = DistinctFrames(looks);
  result.entries.reserve(folds.size());
  for (auto& [entry, fold] : folds) {
    fold.entry = entry;
    SortUnique(fold.within_radius.positions);
    SortUnique(fold.within_review.positions);
    result.entries.push_back(std::move(fold));
  }
  std::sort(result.entries.begin(), result.entries.end(),
            [](const EntryFold& a, const EntryFold& b) { return a.entry < b.entry; });
  return result;
}

void AllowFrames(const UploadFrames& frames, const lists::ListSnapshot& list, WallTime now,
                 AllowedFrames& allowed) {
  Search(frames.UsableLooks(list.info.policy), list, list.info.policy.radius, [&](const LookHit& hit) {
    if (!IsExpired(list, list.RefAt(hit.position).entry, now)) allowed.Allow(hit.look.frame, hit.distance);
  });
}

}  // namespace tamiz::match
