#include "core/match/matcher.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/lists/crop_id.h"
#include "core/match/digest_lookup.h"
#include "core/match/verdict.h"
#include "fmt/format.h"

namespace tamiz::match {

using lists::HashType;
using lists::ListMode;
using lists::ListSnapshot;
using media::IncompleteCode;
using std::chrono::microseconds;

namespace {

// Hits that are put in order when an upload is concluded, over all entries: about a second of work at worst.
constexpr std::size_t kMostHitsAligned = 1'000'000;

// Entries that are asked whether a closer look may help them, those that are then put in order for it, and
// the hits of these in all: what that costs is little beside the conclusion.
constexpr std::size_t kMostAsked = 4'096;
constexpr std::size_t kMostHelped = 32;
constexpr std::size_t kMostHitsHelped = 200'000;
// Frames this close are the same frame.
constexpr microseconds kSameTime{500};

Suppression::Side SideOf(const ListSnapshot& list, std::uint32_t entry, HashType type,
                         hash::HammingDistance distance) {
  return {list.info.list_id, list.info.name, list.info.version, std::string(list.IdOf(entry)), type,
          distance};
}

}  // namespace

StatusOr<Matching> Matching::Start(const lists::Catalog& catalog, const std::vector<std::string>& wanted,
                                   WallTime now,
                                   std::shared_ptr<const calibration::Calibration> calibration) {
  std::vector<media::IncompleteReason> reasons;
  TAMIZ_ASSIGN_OR_RETURN(ConsultedLists consulted, ChooseLists(catalog, wanted, now, reasons));
  Matching matching(catalog, std::move(consulted), now, std::move(calibration));
  matching.list_reasons_ = std::move(reasons);
  return matching;
}

Matching::Matching(const lists::Catalog& catalog, ConsultedLists consulted, WallTime now,
                   std::shared_ptr<const calibration::Calibration> calibration)
    : catalog_(&catalog), calibration_(std::move(calibration)), consulted_(std::move(consulted)), now_(now) {
  block_.reserve(consulted_.block.size());
  for (const ListSnapshot* list : consulted_.block) {
    block_.push_back({ListFold(*list, now), {}, {}, {}});
  }
}

void Matching::SetDigests(const DigestEvidence& digests) {
  has_digests_ = true;
  for (const ListSnapshot* list : consulted_.allow) {
    for (const auto& [entry, type] : EntriesByDigest(digests, *list, now_)) {
      if (allowed_digest_ && StrengthOf(type) <= StrengthOf(*allowed_digest_)) continue;
      allowed_digest_ = type;
      allowed_by_ = {0, list, entry};
    }
  }
  for (BlockList& list : block_) {
    list.by_digest = EntriesByDigest(digests, list.fold.list(), now_);
    for (const auto& [entry, type] : list.by_digest) list.changed.push_back(entry);
  }
}

void Matching::AddFrames(std::span<const FrameEvidence> looks) {
  std::vector<FrameLook> numbered;
  numbered.reserve(looks.size());
  const bool restore = std::ranges::any_of(
      block_, [](const BlockList& list) { return list.fold.list().info.policy.restore_contrast; });
  for (const FrameEvidence& look : looks) {
    if (IsKnownTime(look)) continue;
    const auto quality = static_cast<std::uint8_t>(std::clamp(UsableQuality(look, restore), 0, 100));
    if (times_.empty() || look.index != last_index_) {
      times_.push_back(look.time);
      qualities_.push_back(quality);
      last_index_ = look.index;
      if (parts_.empty() || parts_.back().number != look.part) {
        parts_.push_back({look.part, static_cast<std::uint32_t>(times_.size() - 1), look.is_still});
      }
    }
    qualities_.back() = std::max(qualities_.back(), quality);
    numbered.push_back({&look, static_cast<std::uint32_t>(times_.size() - 1)});
    looks_.Add(look, numbered.back().frame);
  }
  AllowedFrames allowed;
  for (const ListSnapshot* list : consulted_.allow) AllowFrames(numbered, *list, now_, allowed);
  for (BlockList& list : block_) {
    list.fold.Add(numbered, allowed, budget_);
    const std::vector<std::uint32_t> changed = list.fold.TakeChanged();
    list.changed.insert(list.changed.end(), changed.begin(), changed.end());
  }
}

hash::LookOptions Matching::WantedLooks() const {
  hash::LookOptions wanted{false, false, false, false};
  for (const auto* group : {&consulted_.block, &consulted_.allow}) {
    for (const ListSnapshot* list : *group) {
      if (list->pdq_count() == 0) continue;
      const lists::ListPolicy& policy = list->info.policy;
      wanted.orientations |= policy.orientations;
      wanted.borders |= policy.border_removal;
      wanted.regions |= policy.find_regions;
      wanted.straighten |= policy.straighten;
    }
  }
  return wanted;
}

bool Matching::DigestIsAllowed(HashType type) const {
  return allowed_digest_ && StrengthOf(*allowed_digest_) >= StrengthOf(type);
}

std::optional<Candidate> Matching::CandidateOf(BlockList& list, std::uint32_t entry, bool is_still) {
  const ListSnapshot& snapshot = list.fold.list();
  const auto digest = list.by_digest.find(entry);
  const bool exact = digest != list.by_digest.end() && !DigestIsAllowed(digest->second);
  bool in_still = is_still;
  // A still beside a clip is as good as one alone.
  if (const auto fold = list.fold.entries().find(entry); fold != list.fold.entries().end())
    in_still = in_still || IsInStill(fold->second.within_radius, parts_);
  std::optional<Candidate> candidate = PerceptualCandidate(list.fold, entry, in_still);
  if (!exact) return allowed_digest_ ? std::nullopt : candidate;
  if (!candidate) return DigestCandidate(snapshot, entry, digest->second);
  RestOnDigest(candidate->match, digest->second);
  return candidate;
}

std::vector<Match> Matching::TakeNews(microseconds duration, microseconds frame_interval) {
  std::vector<Match> news;
  // A digest on an allow list can take away every match that frames make.
  if (!has_digests_ && !consulted_.allow.empty()) return news;
  std::optional<Timeline> timeline;
  for (BlockList& list : block_) {
    for (const std::uint32_t entry : std::exchange(list.changed, {})) {
      const auto told = list.told.find(entry);
      const bool is_new = told == list.told.end();
      if (!is_new && told->second) continue;
      if (is_new && list.told.size() >= kMaxMatches && settled_) continue;
      // Whether it stays a still is known at the end only.
      std::optional<Candidate> candidate = CandidateOf(list, entry, false);
      if (!candidate || !match::Judge(*candidate, *calibration_)) continue;
      settled_ = settled_ || StaysWhateverComes(*candidate);
      const bool counts = !candidate->match.review;
      if (is_new ? list.told.size() >= kMaxMatches : !counts) continue;
      list.told[entry] = counts;
      if (!timeline) timeline.emplace(times_, frame_interval, duration);
      news.push_back(Write(*candidate, {times_, *timeline, frame_interval, false, parts_}));
    }
  }
  return news;
}

std::vector<Candidate> Matching::LackingCoverage() {
  std::vector<Candidate> lacking;
  std::size_t asked = 0;
  for (BlockList& list : block_) {
    const double wanted = list.fold.list().info.policy.min_reference_coverage;
    if (wanted <= 0) continue;
    std::vector<std::uint32_t> found;
    for (const auto& [entry, fold] : list.fold.entries()) {
      if (!fold.hits.empty()) found.push_back(entry);
    }
    std::ranges::sort(found);
    for (const std::uint32_t entry : found) {
      if (++asked > kMostAsked) break;
      std::optional<Candidate> candidate = CandidateOf(list, entry, false);
      if (!candidate || candidate->match.exact || candidate->upload_is_still || candidate->found->picture)
        continue;
      if (candidate->match.reference_coverage < wanted) lacking.push_back(*std::move(candidate));
    }
  }
  std::ranges::stable_sort(lacking, [](const Candidate& a, const Candidate& b) {
    const auto key = [](const Candidate& c) {
      return std::tuple(c.match.shadow, c.uses_review, -c.match.reference_coverage, c.match.distance);
    };
    return key(a) < key(b);
  });
  return lacking;
}

std::vector<media::TimeSpan> Matching::WorthACloserLook(const UploadEnd& so_far,
                                                        const CloserLookLimits& limits) {
  // A digest on an allow list takes away all that frames find.
  if (allowed_digest_ || so_far.duration <= microseconds::zero() || times_.empty()) return {};
  std::vector<Candidate> lacking = LackingCoverage();
  const Timeline timeline(times_, so_far.frame_interval, so_far.duration);
  const UploadTimes upload{.frames = times_,
                           .timeline = timeline,
                           .interval = std::max(so_far.frame_interval, MedianGap(times_)),
                           .is_still = false,
                           .parts = parts_,
                           .looks = &looks_,
                           .end = so_far.duration};
  CloserSpans spans(limits, so_far.duration);
  std::size_t hits_left = kMostHitsHelped;
  std::size_t helped = 0;
  for (Candidate& candidate : lacking) {
    if (helped == kMostHelped) break;
    if (candidate.fold->hits.size() > hits_left) continue;
    hits_left -= candidate.fold->hits.size();
    ++helped;
    AlignInTime(candidate, upload);
    // What lies between frames in step may be enough.
    if (candidate.match.reference_coverage >= candidate.list->info.policy.min_reference_coverage) continue;
    for (const Lead& lead : LeadsOf(candidate, upload)) spans.Add(lead);
  }
  // What was found leads first; then what only came near.
  for (const Lead& lead : DistantLeads()) spans.Add(lead);
  return spans.spans();
}

std::vector<Lead> Matching::DistantLeads() {
  std::vector<Lead> leads;
  const std::uint32_t own_frames = OwnFrames(parts_, static_cast<std::uint32_t>(times_.size()));
  std::uint64_t comparisons = kMostLeadComparisons;
  for (BlockList& block : block_) {
    const ListSnapshot& list = block.fold.list();
    const lists::ListPolicy& policy = list.info.policy;
    if (!list.HasVideoFrames()) continue;
    if (std::max(policy.radius, policy.review_radius.value_or(policy.radius)) >= kLeadRadius) continue;
    const std::vector<DistantHit> hits = FindDistantHits(
        looks_, list,
        [&](std::uint32_t frame) { return frame < own_frames && qualities_[frame] >= policy.quality_floor; },
        [&](std::uint32_t entry) {
          return !block.fold.entries().contains(entry) && MayMatch(list, entry, now_);
        },
        comparisons);
    for (const DistantHit& hit : hits) {
      if (const std::optional<Lead> lead = LeadOf(list, hit, times_[hit.frame])) leads.push_back(*lead);
    }
  }
  return leads;
}

void Matching::BeginCloserLook() {
  plan_frames_ = static_cast<std::uint32_t>(times_.size());
  plan_times_.assign(times_.begin(), times_.begin() + OwnFrames(parts_, *plan_frames_));
  std::ranges::sort(plan_times_);
  plan_exceeded_ = budget_.exceeded;
  last_index_ = UINT32_MAX;
  for (BlockList& list : block_) list.fold.BeginCloserLook(*plan_frames_);
}

bool Matching::IsKnownTime(const FrameEvidence& look) const {
  if (!plan_frames_) return false;
  const auto next = std::ranges::lower_bound(plan_times_, look.time - kSameTime);
  return next != plan_times_.end() && *next <= look.time + kSameTime;
}

Conclusion Matching::Finish(UploadEnd end) {
  Conclusion conclusion;
  conclusion.generation = catalog_->generation;
  conclusion.reasons = std::move(end.reasons);
  conclusion.reasons.insert(conclusion.reasons.end(), list_reasons_.begin(), list_reasons_.end());
  for (const auto* group : {&consulted_.block, &consulted_.allow}) {
    for (const ListSnapshot* list : *group) {
      conclusion.lists.push_back(
          {list->info.list_id, list->info.name, list->info.version, list->info.digest});
    }
  }

  // Nothing in time about it: one picture, or several without times.
  const bool is_still =
      end.duration <= microseconds::zero() &&
      std::ranges::all_of(times_, [](microseconds time) { return time <= microseconds::zero(); });
  std::vector<Candidate> candidates;
  for (BlockList& list : block_) {
    const auto ask = [&](std::uint32_t entry) {
      if (auto candidate = CandidateOf(list, entry, is_still)) {
        candidates.push_back(*std::move(candidate));
      } else {
        NoteSuppressed(list, entry, conclusion);
      }
    };
    std::vector<std::uint32_t> found;
    for (const auto& [entry, fold] : list.fold.entries()) found.push_back(entry);
    std::ranges::sort(found);
    for (const std::uint32_t entry : found) ask(entry);
    for (const auto& [entry, type] : list.by_digest) {
      if (!list.fold.entries().contains(entry)) ask(entry);
    }
  }

  // A budget of frames that is spread over the whole puts them further apart than the plan says.
  const std::size_t plan_frames = plan_frames_.value_or(static_cast<std::uint32_t>(times_.size()));
  const microseconds interval =
      std::max(end.frame_interval,
               MedianGap({times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(plan_frames)}));
  std::optional<FrameOrder> order;
  if (plan_frames < times_.size()) order.emplace(times_, *plan_frames_, OwnFrames(parts_, *plan_frames_));
  const Timeline timeline(times_, end.frame_interval, end.duration);
  const UploadTimes upload{.frames = times_,
                           .timeline = timeline,
                           .interval = interval,
                           .is_still = is_still,
                           .parts = parts_,
                           .looks = &looks_,
                           .end = conclusion.reasons.empty() ? end.duration : microseconds::zero(),
                           .order = order ? &*order : nullptr};
  const auto is_stronger = [](const Candidate& a, const Candidate& b) {
    return IsStronger(a.match, b.match);
  };
  // Those that count count without it, so those for review come first where there are too many.
  std::ranges::sort(candidates, is_stronger);
  std::size_t hits_left = kMostHitsAligned;
  for (const bool review : {true, false}) {
    for (Candidate& candidate : candidates) {
      if (candidate.fold == nullptr || candidate.match.review != review) continue;
      if (candidate.fold->hits.size() > hits_left) {
        candidate.match.limited = true;
        continue;
      }
      hits_left -= candidate.fold->hits.size();
      AlignInTime(candidate, upload);
    }
  }
  Judge(candidates, conclusion);
  std::ranges::sort(candidates, is_stronger);
  // A picture and its crops are one thing that is known: the strongest speaks for it.
  std::set<std::pair<const ListSnapshot*, std::string>> told;
  for (const Candidate& candidate : candidates) {
    if (conclusion.matches.size() == kMaxMatches) break;
    const std::string picture(lists::PictureIdOf(candidate.match.entry_id));
    if (told.emplace(candidate.list, picture).second) conclusion.matches.push_back(Write(candidate, upload));
  }

  // Nobody asked for more than the plan.
  if (plan_frames_ ? plan_exceeded_ : budget_.exceeded) {
    conclusion.reasons.push_back({IncompleteCode::kMatchLimit,
                                  "the upload hit more entries, or some more often, than one scan follows "
                                  "up; narrow the radius or the "
                                  "lists, or look at it by hand"});
  }
  NoteLackOfFrames(end.settled_early, conclusion);
  Decide(conclusion);
  return conclusion;
}

void Matching::Judge(std::vector<Candidate>& candidates, Conclusion& conclusion) const {
  std::map<std::string_view, NearMisses> near;
  std::erase_if(candidates, [&](Candidate& candidate) {
    const bool tell = match::Judge(candidate, *calibration_);
    if (!tell) ++near[candidate.list->info.name].dropped;
    if (tell && candidate.match.review) ++near[candidate.list->info.name].review;
    return !tell;
  });
  for (auto& [name, misses] : near) {
    misses.list_name = name;
    conclusion.near_misses.push_back(std::move(misses));
  }
}

void Matching::NoteSuppressed(BlockList& list, std::uint32_t entry, Conclusion& conclusion) const {
  ++conclusion.suppressed;
  if (conclusion.suppressions.size() >= kMaxSuppressions) return;
  const ListSnapshot& snapshot = list.fold.list();
  Suppression& noted = conclusion.suppressions.emplace_back();
  const auto fold = list.fold.entries().find(entry);
  const bool is_near = fold != list.fold.entries().end() && fold->second.best.has_value();
  if (const auto digest = list.by_digest.find(entry); digest != list.by_digest.end()) {
    noted.taken_away = SideOf(snapshot, entry, digest->second, 0);
  } else if (is_near) {
    noted.taken_away = SideOf(snapshot, entry, HashType::kPdq, fold->second.best->distance);
  }
  if (allowed_digest_) {
    noted.by = SideOf(*allowed_by_.list, allowed_by_.entry, *allowed_digest_, 0);
  } else if (is_near && fold->second.best->explained_by.list != nullptr) {
    const AllowedFrames::Nearest& nearest = fold->second.best->explained_by;
    noted.by = SideOf(*nearest.list, nearest.entry, HashType::kPdq, nearest.distance);
  }
}

std::uint32_t Matching::FramesOfQuality(std::uint32_t floor) const {
  const std::size_t frames = plan_frames_.value_or(static_cast<std::uint32_t>(times_.size()));
  return static_cast<std::uint32_t>(std::count_if(qualities_.begin(),
                                                  qualities_.begin() + static_cast<std::ptrdiff_t>(frames),
                                                  [&](std::uint8_t quality) { return quality >= floor; }));
}

void Matching::NoteLackOfFrames(bool settled_early, Conclusion& conclusion) const {
  const std::vector<const ListSnapshot*>& block_lists = consulted_.block;
  std::uint32_t floor = kDefaultQualityFloor;
  if (!block_lists.empty()) {
    floor = (*std::min_element(block_lists.begin(), block_lists.end(),
                               [](const ListSnapshot* a, const ListSnapshot* b) {
                                 return a->info.policy.quality_floor < b->info.policy.quality_floor;
                               }))
                ->info.policy.quality_floor;
  }
  conclusion.frames_hashed = FramesOfQuality(floor);
  conclusion.frames_low_quality =
      plan_frames_.value_or(static_cast<std::uint32_t>(times_.size())) - conclusion.frames_hashed;
  if (settled_early) return;
  if (times_.empty()) {
    if (conclusion.reasons.empty()) {
      conclusion.reasons.push_back(
          {IncompleteCode::kNoVisualContent,
           "there is no perceptual hash to look up: a digest that is on no list says "
           "nothing about the picture"});
    }
    return;
  }
  if (allowed_digest_) return;
  if (conclusion.frames_hashed == 0) {
    conclusion.reasons.push_back(
        {IncompleteCode::kLowQuality,
         fmt::format("none of {} frames reaches the quality floor of {}: too little structure to compare",
                     times_.size(), floor)});
    return;
  }
  // Frames may satisfy one list and say nothing to another.
  for (const BlockList& block : block_) {
    const ListSnapshot& list = block.fold.list();
    const lists::ListPolicy& policy = list.info.policy;
    if (policy.mode != ListMode::kEnforce || list.pdq_count() == 0) continue;
    if (block.fold.usable_frames() > 0) continue;
    conclusion.reasons.push_back(
        {IncompleteCode::kLowQuality,
         fmt::format("no frame reaches the quality floor of {} that list {} asks for", policy.quality_floor,
                     list.info.name)});
  }
}

StatusOr<Conclusion> Conclude(const Evidence& evidence, const lists::Catalog& catalog,
                              const std::vector<std::string>& wanted,
                              std::vector<media::IncompleteReason> reasons, WallTime now,
                              std::shared_ptr<const calibration::Calibration> calibration) {
  TAMIZ_ASSIGN_OR_RETURN(Matching matching, Matching::Start(catalog, wanted, now, std::move(calibration)));
  matching.SetDigests(evidence);
  if (std::ranges::is_sorted(evidence.frames, {}, &FrameEvidence::index)) {
    matching.AddFrames(evidence.frames);
  } else {
    std::vector<FrameEvidence> ordered = evidence.frames;
    std::ranges::stable_sort(ordered, {}, &FrameEvidence::index);
    matching.AddFrames(ordered);
  }
  return matching.Finish({evidence.duration, evidence.frame_interval, false, std::move(reasons)});
}

}  // namespace tamiz::match
