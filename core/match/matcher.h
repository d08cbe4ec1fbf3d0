// From evidence to a verdict.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/lists/catalog.h"
#include "core/match/candidate.h"
#include "core/match/closer_look.h"
#include "core/match/consulted_lists.h"
#include "core/match/evidence.h"
#include "core/match/frame_folding.h"

namespace tamiz::match {

// PDQ quality below which a frame says nothing, where no list says otherwise.
inline constexpr int kDefaultQualityFloor = 50;

// An answer holds at most this many matches: the strongest.
inline constexpr std::size_t kMaxMatches = 1000;
// And at most this many of those that were taken away.
inline constexpr std::size_t kMaxSuppressions = 100;

// What is known of an upload once all its frames came.
struct UploadEnd {
  std::chrono::microseconds duration{0};        // zero for stills
  std::chrono::microseconds frame_interval{0};  // what a sampled frame stands for; zero for stills
  // More frames were there and not wanted, since the verdict was settled: their lack is no reason.
  bool settled_early = false;
  std::vector<media::IncompleteReason> reasons;  // what could not be looked at
};

// The look-up of one upload, frame by frame as it is decoded. Frames are looked up and forgotten: what is
// kept follows what was found, and the hashes of whole frames, up to a limit.
//
// One match a list and entry: the strongest digest that is equal, else the nearest frame. Of each list, a
// match
// - within the radius counts;
// - beyond it but within the review radius is marked `review`;
// - of a video upload is marked `review` too if it covers less of the known video, or of the upload, than the
//   policy asks for. A still upload that shows a frame of a known video is that known material: it counts,
//   whatever share of the video it is; `reference_ranges` says where.
// Shadow lists report without influence on the verdict.
//
// Allow lists (mode enforce) take matches away, count them in `suppressed` and say in `suppressions` which
// entry took away which. An equal digest takes away
// everything but equal digests of a stronger kind (MD5 and SHA-1 can be made to collide). A frame that shows
// an allowed picture takes away hits of that frame that are no nearer than the allowed picture; a match that
// loses all its frames is taken away.
//
// Pure: no I/O, no clock. Not thread-safe.
class Matching {
 public:
  // Looks up in the lists of `catalog` that `wanted` names (names or ids; empty: all that are not off). The
  // catalog outlives it. `now` decides on expiry. Error: NOT_FOUND names a wanted list that does not exist.
  [[nodiscard]] static StatusOr<Matching> Start(
      const lists::Catalog& catalog, const std::vector<std::string>& wanted, WallTime now,
      std::shared_ptr<const calibration::Calibration> calibration = calibration::BuiltIn());

  // The upload's digests; once at most, at any time before Finish.
  void SetDigests(const DigestEvidence& digests);
  // The next frames, each with all its looks, ordered by index within and between calls.
  void AddFrames(std::span<const FrameEvidence> looks);

  // What the consulted lists want looked at, taken together.
  [[nodiscard]] hash::LookOptions WantedLooks() const;

  // Matches found since the last call, or that have come to count since, as far as they are known: coverage
  // and ranges grow with later frames. Nothing before the digests are known if an allow list could take it
  // away. `duration` and `frame_interval` as in Evidence, as far as known.
  [[nodiscard]] std::vector<Match> TakeNews(std::chrono::microseconds duration,
                                            std::chrono::microseconds frame_interval);
  // True if the verdict is MATCH whatever frames come after, as of the last TakeNews.
  [[nodiscard]] bool IsSettled() const { return settled_; }

  // Spans of the upload in which more frames may turn entries that are for review, since too little of a
  // known video was found, into matches: strongest first as far as `limits` reach, given in order of time.
  // Empty if there are none. After all frames of the plan; `so_far` without reasons is enough.
  [[nodiscard]] std::vector<media::TimeSpan> WorthACloserLook(const UploadEnd& so_far,
                                                              const CloserLookLimits& limits);
  // What AddFrames brings from now on are frames of a closer look at the upload itself: of those spans,
  // numbered from 0 again. They add to what is found; they are not counted among the upload's frames, and
  // those at the time of a frame of the plan are left out.
  void BeginCloserLook();

  // Concludes. The catalog's unavailable lists and a lack of usable frames add their reasons. Last.
  [[nodiscard]] Conclusion Finish(UploadEnd end);

 private:
  using Digests = std::map<std::uint32_t, lists::HashType>;
  struct BlockList {
    ListFold fold;
    Digests by_digest;  // entries with an equal digest
    // Entries told of by TakeNews; true if they counted.
    std::map<std::uint32_t, bool> told;
    std::vector<std::uint32_t> changed;  // entries to look at for news
  };

  Matching(const lists::Catalog& catalog, ConsultedLists consulted, WallTime now,
           std::shared_ptr<const calibration::Calibration> calibration);

  // Whether an allow list knows the upload by a digest that is at least as strong as `type`. A collision in
  // MD5 or SHA-1 must not hide a file that a stronger digest knows.
  [[nodiscard]] bool DigestIsAllowed(lists::HashType type) const;
  // The match that is known of an entry, nothing if allow lists take it away.
  [[nodiscard]] std::optional<Candidate> CandidateOf(BlockList& list, std::uint32_t entry, bool is_still);
  // Sets confidences, drops what the policies do not want to be told of, and counts what was near.
  void Judge(std::vector<Candidate>& candidates, Conclusion& conclusion) const;
  // Entries for review that a closer look may help, nearest to a match first.
  [[nodiscard]] std::vector<Candidate> LackingCoverage();
  // Where known videos may be that a frame came near, of which nothing was found.
  [[nodiscard]] std::vector<Lead> DistantLeads();
  [[nodiscard]] bool IsKnownTime(const FrameEvidence& look) const;
  // Says which entry of an allow list took this one away.
  void NoteSuppressed(BlockList& list, std::uint32_t entry, Conclusion& conclusion) const;
  void NoteLackOfFrames(bool settled_early, Conclusion& conclusion) const;
  [[nodiscard]] std::uint32_t FramesOfQuality(std::uint32_t floor) const;

  const lists::Catalog* catalog_;
  std::shared_ptr<const calibration::Calibration> calibration_;
  ConsultedLists consulted_;
  WallTime now_;
  std::vector<media::IncompleteReason> list_reasons_;
  std::vector<BlockList> block_;
  FoldBudget budget_;

  bool has_digests_ = false;
  std::optional<lists::HashType> allowed_digest_;  // strongest kind that is equal
  AllowedFrames::Nearest allowed_by_;              // whose it is
  bool settled_ = false;

  // By frame.
  std::vector<std::chrono::microseconds> times_;
  std::vector<std::uint8_t> qualities_;  // of the best look, contrast restored where a list wants that
  std::uint32_t last_index_ = 0;
  std::vector<UploadPart> parts_;
  KeptLooks looks_;
  // Of a closer look.
  std::optional<std::uint32_t> plan_frames_;           // number of its first frame
  std::vector<std::chrono::microseconds> plan_times_;  // of the upload itself, ascending
  bool plan_exceeded_ = false;                         // the budget, before it
};

// The same for an upload that is known whole. Thread-safe.
[[nodiscard]] StatusOr<Conclusion> Conclude(
    const Evidence& evidence, const lists::Catalog& catalog, const std::vector<std::string>& wanted,
    std::vector<media::IncompleteReason> reasons, WallTime now,
    std::shared_ptr<const calibration::Calibration> calibration = calibration::BuiltIn());

}  // namespace tamiz::match
