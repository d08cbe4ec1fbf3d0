#include "core/match/matcher.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "core/match/confidence.h"
#include "core/match/consulted_lists.h"
#include "core/match/frame_folding.h"
#include "core/match/timeline.h"
#include "core/match/verdict.h"
#include "fmt/format.h"

namespace tamiz::match {
namespace {

using lists::HashType;
using lists::ListMode;
using lists::ListSnapshot;
using lists::PdqRef;
using media::IncompleteCode;
using std::chrono::microseconds;

// Strongest first: the first that is equal is the one reported.
constexpr HashType kDigestTypes[] = {HashType::kSha256, HashType::kSha1, HashType::kMd5};

using Bytes = std::span<const std::uint8_t>;

// A match, and where it came from until it is written out in full.
struct Candidate {
  Match match;
  const ListSnapshot* list = nullptr;
  std::uint32_t entry = 0;
  // Perceptual evidence: which of the fold's finds made the match.
  std::optional<EntryFold> fold;
  const Found* found() const {
    if (!fold) return nullptr;
    return uses_review ? &fold->within_review : &fold->within_radius;
  }
  bool uses_review = false;
};

std::vector<Bytes> DigestsOfType(const Evidence& evidence, HashType type) {
  std::vector<Bytes> values;
  if (evidence.digests) {
    if (type == HashType::kSha256) values.emplace_back(evidence.digests->sha256);
    if (type == HashType::kSha1) values.emplace_back(evidence.digests->sha1);
    if (type == HashType::kMd5) values.emplace_back(evidence.digests->md5);
  }
  for (const lists::EntryHash& hash : evidence.foreign_digests) {
    if (hash.type == type) values.emplace_back(hash.value);
  }
  return values;
}

// Entries of `list` that have a digest of the upload, each with the strongest type that is equal.
std::map<std::uint32_t, HashType> EntriesByDigest(const Evidence& evidence, const ListSnapshot& list,
                                                  WallTime now) {
  std::map<std::uint32_t, HashType> found;
  for (const HashType type : kDigestTypes) {
    for (const Bytes value : DigestsOfType(evidence, type)) {
      for (const std::uint32_t entry : list.FindDigest(type, value)) {
        const auto expires_at = list.ExpiresAt(entry);
        if (!expires_at || *expires_at > now) found.emplace(entry, type);  // keeps the first, the strongest
      }
    }
  }
  return found;
}

int StrengthOf(HashType type) {
  return static_cast<int>(std::end(kDigestTypes) -
                          std::find(std::begin(kDigestTypes), std::end(kDigestTypes), type));
}

// What the allow lists say of the upload.
struct Allowed {
  std::optional<HashType> digest;  // strongest kind that is equal
  AllowedFrames frames;

  // A collision in MD5 or SHA-1 must not hide a file that a stronger digest knows.
  [[nodiscard]] bool Suppresses(HashType type) const {
    return digest && StrengthOf(*digest) >= StrengthOf(type);
  }
};

Allowed AskAllowLists(const Evidence& evidence, const UploadFrames& frames,
                      const std::vector<const ListSnapshot*>& allow_lists, WallTime now) {
  Allowed allowed;
  for (const ListSnapshot* list : allow_lists) {
    for (const auto& [entry, type] : EntriesByDigest(evidence, *list, now)) {
      if (!allowed.digest || StrengthOf(type) > StrengthOf(*allowed.digest)) allowed.digest = type;
    }
    AllowFrames(frames, *list, now, allowed.frames);
  }
  return allowed;
}

// Times of the frames of a known video that are in the index.
std::vector<microseconds> TimesOf(const ListSnapshot& list, std::uint32_t entry) {
  std::vector<microseconds> times;
  const auto [first, last] = list.PositionsOf(entry);
  for (std::uint32_t position = first; position < last; ++position) {
    const PdqRef ref = list.RefAt(position);
    if (ref.time_ms != PdqRef::kNoTime) times.push_back(std::chrono::milliseconds(ref.time_ms));
  }
  return times;
}

Candidate NewCandidate(const ListSnapshot& list, std::uint32_t entry) {
  Candidate candidate;
  candidate.list = &list;
  candidate.entry = entry;
  // Only what the order of the answer needs; the rest is filled in for those that make it into the answer.
  candidate.match.list_name = list.info.name;
  candidate.match.entry_id = list.IdOf(entry);
  candidate.match.radius = list.info.policy.radius;
  candidate.match.shadow = list.info.policy.mode == ListMode::kShadow;
  return candidate;
}

void SetDigest(Match& match, HashType type) {
  match.hash_type = type;
  match.exact = true;
  match.review = false;
  match.distance = 0;
  match.transform.reset();
  match.border_removed = false;
  match.quality_query = 0;
  match.quality_reference = 100;
  match.query_coverage = 1;
  match.reference_coverage = 1;
}

double Share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
}

// The match that a fold stands for; nothing if allowed pictures explain all of it.
std::optional<Candidate> PerceptualCandidate(const ListSnapshot& list, EntryFold fold,
                                             std::uint32_t usable_frames, bool upload_is_still) {
  const lists::ListPolicy& policy = list.info.policy;
  Candidate candidate = NewCandidate(list, fold.entry);
  if (!fold.within_radius.unexplained) {
    if (!fold.within_review.unexplained) return std::nullopt;
    candidate.uses_review = true;
  }
  Match& match = candidate.match;
  match.hash_type = HashType::kPdq;
  match.distance = fold.best.distance;
  match.transform = fold.best.transform;
  match.border_removed = fold.best.look->border_removed;
  match.quality_query = static_cast<std::uint32_t>(std::max(fold.best.look->pdq.quality, 0));
  match.quality_reference = list.RefAt(fold.best.position).quality;
  candidate.fold = std::move(fold);
  const Found& found = *candidate.found();
  match.corroborating_frames = found.frames.size();
  match.query_coverage = Share(match.corroborating_frames, usable_frames);
  const std::uint32_t known_frames = list.VideoFramesOf(candidate.entry);
  match.reference_coverage =
      found.positions.empty() || known_frames == 0 ? 1 : Share(found.positions.size(), known_frames);
  // An entry may hold pictures beside its video frames: a picture that is found is found whole.
  const bool known_enough = found.picture || match.reference_coverage >= policy.min_reference_coverage;
  const bool covers_enough =
      upload_is_still || (known_enough && match.query_coverage >= policy.min_query_coverage);
  match.review = candidate.uses_review || !covers_enough;
  return candidate;
}

// Everything that one list knows of the upload.
void AskBlockList(const Evidence& evidence, const UploadFrames& frames, const ListSnapshot& list,
                  const Allowed& allowed, WallTime now, std::vector<Candidate>& candidates,
                  std::uint32_t& suppressed) {
  std::map<std::uint32_t, HashType> by_digest = EntriesByDigest(evidence, list, now);
  ListFold fold = FoldFrames(frames, list, allowed.frames, now);
  for (EntryFold& entry_fold : fold.entries) {
    const std::uint32_t entry = entry_fold.entry;
    const auto digest = by_digest.extract(entry);
    const bool exact = !digest.empty() && !allowed.Suppresses(digest.mapped());
    auto candidate = PerceptualCandidate(list, std::move(entry_fold), fold.usable_frames, frames.is_still());
    const bool perceptual = candidate.has_value() && !allowed.digest;
    if (!exact && !perceptual) {
      ++suppressed;
      continue;
    }
    if (!candidate) candidate = NewCandidate(list, entry);
    if (exact) SetDigest(candidate->match, digest.mapped());
    candidates.push_back(*std::move(candidate));
  }
  for (const auto& [entry, type] : by_digest) {
    if (allowed.Suppresses(type)) {
      ++suppressed;
      continue;
    }
    candidates.push_back(NewCandidate(list, entry));
    SetDigest(candidates.back().match, type);
  }
}

// Fills in what the order of the answer did not need.
Match WriteOut(Candidate&& candidate, const UploadFrames& frames, const Timeline& upload_timeline) {
  const ListSnapshot& list = *candidate.list;
  lists::Entry entry = list.EntryAt(candidate.entry);
  Match match = std::move(candidate.match);
  match.list_id = list.info.list_id;
  match.list_version = list.info.version;
  match.labels = std::move(entry.labels);
  match.source_org = list.info.source_org;
  match.action_hint = list.info.policy.action_hint;
  match.metadata = std::move(entry.metadata);

  if (const Found* found = candidate.found()) {
    if (!frames.is_still()) {
      std::vector<microseconds> matched;
      for (std::uint32_t frame = 0; frame < frames.count(); ++frame) {
        if (found->frames.Contains(frame)) matched.push_back(frames.times()[frame]);
      }
      match.query_ranges = upload_timeline.Ranges(std::move(matched));
    }
    if (!found->positions.empty()) {
      std::vector<microseconds> matched;
      for (const std::uint32_t position : found->positions) {
        matched.push_back(std::chrono::milliseconds(list.RefAt(position).time_ms));
      }
      const Timeline known(TimesOf(list, candidate.entry), microseconds::zero(), microseconds::zero());
      match.reference_ranges = known.Ranges(std::move(matched));
    }
  }

  ConfidenceInput input;
  input.hash_type = match.hash_type;
  input.exact = match.exact;
  input.distance = match.distance;
  input.quality_query = match.quality_query;
  input.quality_reference = match.quality_reference;
  input.turned = match.transform.value_or(hash::Transform::kIdentity) != hash::Transform::kIdentity;
  input.border_removed = match.border_removed;
  input.corroborating_frames = match.corroborating_frames;
  input.list_hashes = list.pdq_count();
  Confidence confidence = ConfidenceOf(input);
  match.confidence = confidence.value;
  match.basis = std::move(confidence.basis);
  return match;
}

// Says so where there was nothing to look at, for all lists or for one of them.
void NoteLackOfFrames(const UploadFrames& frames, const std::vector<const ListSnapshot*>& block_lists,
                      bool digest_known, Conclusion& conclusion) {
  std::uint32_t floor = kDefaultQualityFloor;
  if (!block_lists.empty()) {
    floor = (*std::min_element(block_lists.begin(), block_lists.end(),
                               [](const ListSnapshot* a, const ListSnapshot* b) {
                                 return a->info.policy.quality_floor < b->info.policy.quality_floor;
                               }))
                ->info.policy.quality_floor;
  }
  conclusion.frames_hashed = frames.FramesOfQuality(floor);
  conclusion.frames_low_quality = frames.count() - conclusion.frames_hashed;
  if (frames.count() == 0) {
    if (conclusion.reasons.empty()) {
      conclusion.reasons.push_back(
          {IncompleteCode::kNoVisualContent,
           "there is no perceptual hash to look up: a digest that is on no list says "
           "nothing about the picture"});
    }
    return;
  }
  if (digest_known) return;
  if (conclusion.frames_hashed == 0) {
    conclusion.reasons.push_back(
        {IncompleteCode::kLowQuality,
         fmt::format("none of {} frames reaches the quality floor of {}: too little structure to compare",
                     frames.count(), floor)});
    return;
  }
  // Frames may satisfy one list and say nothing to another.
  for (const ListSnapshot* list : block_lists) {
    const lists::ListPolicy& policy = list->info.policy;
    if (policy.mode != ListMode::kEnforce || list->pdq_count() == 0) continue;
    if (!frames.UsableLooks(policy).empty()) continue;
    conclusion.reasons.push_back(
        {IncompleteCode::kLowQuality,
         fmt::format("no frame reaches the quality floor of {} that list {} asks for", policy.quality_floor,
                     list->info.name)});
  }
}

}  // namespace

StatusOr<Conclusion> Conclude(const Evidence& evidence, const lists::Catalog& catalog,
                              const std::vector<std::string>& wanted,
                              std::vector<media::IncompleteReason> reasons, WallTime now) {
  Conclusion conclusion;
  conclusion.generation = catalog.generation;
  conclusion.reasons = std::move(reasons);
  TAMIZ_ASSIGN_OR_RETURN(const ConsultedLists consulted,
                         ChooseLists(catalog, wanted, now, conclusion.reasons));
  for (const auto* group : {&consulted.block, &consulted.allow}) {
    for (const ListSnapshot* list : *group) {
      conclusion.lists.push_back(
          {list->info.list_id, list->info.name, list->info.version, list->info.digest});
    }
  }

  const UploadFrames frames(evidence);
  const Allowed allowed = AskAllowLists(evidence, frames, consulted.allow, now);
  std::vector<Candidate> candidates;
  for (const ListSnapshot* list : consulted.block) {
    AskBlockList(evidence, frames, *list, allowed, now, candidates, conclusion.suppressed);
  }

  const std::size_t kept = std::min(candidates.size(), kMaxMatches);
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                    candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return IsStronger(a.match, b.match); });
  const Timeline timeline(frames.times(), evidence.frame_interval, evidence.duration);
  for (std::size_t i = 0; i < kept; ++i) {
    conclusion.matches.push_back(WriteOut(std::move(candidates[i]), frames, timeline));
  }

  NoteLackOfFrames(frames, consulted.block, allowed.digest.has_value(), conclusion);
  Decide(conclusion);
  return conclusion;
}

}  // namespace tamiz::match
