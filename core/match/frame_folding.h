// From hits of single frames to what was found of each entry.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/lists/catalog.h"
#include "core/match/alignment.h"
#include "core/match/evidence.h"
#include "core/match/frame_runs.h"

namespace tamiz::match {

// One look at a frame of the upload.
struct FrameLook {
  const FrameEvidence* evidence;
  std::uint32_t frame;  // number among the distinct frames, from 0
};

// Per frame the nearest entry on an allow list within that list's radius. Of the frames that are being folded
// only.
class AllowedFrames {
 public:
  struct Nearest {
    hash::HammingDistance distance = 0;
    const lists::ListSnapshot* list = nullptr;  // null: none
    std::uint32_t entry = 0;
  };
  void Allow(std::uint32_t frame, const Nearest& by);
  // Whether a hit at `distance` is explained at least as well by an allowed picture. Nearest wins, so that
  // allowing a look-alike does not hide the known picture itself.
  [[nodiscard]] bool Explains(std::uint32_t frame, hash::HammingDistance distance) const {
    const auto found = nearest_.find(frame);
    return found != nearest_.end() && found->second.distance <= distance;
  }
  [[nodiscard]] Nearest By(std::uint32_t frame) const {
    const auto found = nearest_.find(frame);
    return found != nearest_.end() ? found->second : Nearest{};
  }

 private:
  std::unordered_map<std::uint32_t, Nearest> nearest_;
};

// The hit that describes a match.
struct BestHit {
  hash::HammingDistance distance = 0;
  hash::Transform transform = hash::Transform::kIdentity;  // of the entry's picture, giving the upload
  hash::LookKind kind = hash::LookKind::kWhole;
  RelativeRect rect;
  double turned_degrees = 0;
  int quality = 0;             // PDQ quality of the upload's frame
  std::uint32_t frame = 0;     // of the upload
  std::uint32_t position = 0;  // of a PDQ hash of the list
  AllowedFrames::Nearest explained_by;
};

// What one scan may keep of what it finds: an upload made to hit everything costs this much memory and no
// more. A unit is a few bytes.
struct FoldBudget {
  std::int64_t units = 4'000'000;
  std::int64_t entries = 50'000;
  bool exceeded = false;  // something was left out

  // False, and noted, if that much is not left.
  bool Take(std::int64_t wanted) {
    if (units >= wanted) {
      units -= wanted;
      return true;
    }
    exceeded = true;
    return false;
  }
};

// What was found of an entry within one distance.
struct Found {
  FrameRuns frames;                      // of the upload
  std::vector<std::uint32_t> positions;  // of PDQ hashes of the list, video frames only; see Tidy
  bool picture = false;                  // at least one hit on a hash that is no video frame
  bool unexplained = false;              // by allowed pictures: at least one hit
  std::size_t tidy_at = 64;              // while collecting: when to drop repeated positions

  // Brings `positions` into ascending order, each once.
  void Tidy();
};

// What was found of one entry.
struct EntryFold {
  std::optional<BestHit> best;  // among hits that no allowed picture explains, if there are any
  bool best_unexplained = false;
  Found within_radius;
  Found within_review;  // within the review radius, which includes the above; unused where there is none
  // Hits on video frames by frame of the upload, at most kMostHitsPerFrame of each, the nearest.
  std::vector<FrameHit> hits;
  bool limited = false;  // some hits were left out for want of budget
  bool changed = false;  // since ListFold::TakeChanged
};

// False once the entry has expired, and while it is disabled.
[[nodiscard]] bool MayMatch(const lists::ListSnapshot& list, std::uint32_t entry, WallTime now);

// Everything that a list's policy calls near in the frames that came so far. Memory follows the number of
// entries found, not the length of the upload: neither looks nor hashes are kept.
class ListFold {
 public:
  static constexpr std::size_t kMostHitsPerFrame = 12;

  // `list` outlives it. `now` decides on expiry: expired and disabled entries are left out.
  ListFold(const lists::ListSnapshot& list, WallTime now);

  // Searches for `looks`, orientations included: all looks of some frames, in order; frames come in order
  // from call to call.
  void Add(std::span<const FrameLook> looks, const AllowedFrames& allowed, FoldBudget& budget);

  // Frames from `first_frame` on are those of a closer look: they find, and they are not counted below.
  void BeginCloserLook(std::uint32_t first_frame) { plan_frames_ = first_frame; }
  // Number of the first frame of a closer look; UINT32_MAX if there was none.
  [[nodiscard]] std::uint32_t plan_frames() const { return plan_frames_; }

  // Distinct frames that the list could be asked about.
  [[nodiscard]] std::uint32_t usable_frames() const { return usable_frames_; }
  // Hashes that were looked up, orientations included; those of repeated frames are not new ones.
  [[nodiscard]] std::uint64_t queries() const { return queries_; }
  // The same of a closer look.
  [[nodiscard]] std::uint64_t closer_queries() const { return closer_queries_; }
  // By entry.
  [[nodiscard]] std::unordered_map<std::uint32_t, EntryFold>& entries() { return entries_; }
  // Entries found or found more of since the last call, each once, in no order.
  [[nodiscard]] std::vector<std::uint32_t> TakeChanged();
  [[nodiscard]] const lists::ListSnapshot& list() const { return list_; }

 private:
  const lists::ListSnapshot& list_;
  const WallTime now_;
  std::uint32_t usable_frames_ = 0;
  std::uint32_t plan_frames_ = UINT32_MAX;
  std::uint64_t queries_ = 0;
  std::uint64_t closer_queries_ = 0;
  std::unordered_map<std::uint32_t, EntryFold> entries_;
  std::vector<std::uint32_t> changed_;
};

// Marks the frames that show a picture of the allow list `list`.
void AllowFrames(std::span<const FrameLook> looks, const lists::ListSnapshot& list, WallTime now,
                 AllowedFrames& allowed);

}  // namespace tamiz::match
