// Where in an upload more frames would tell whether a known video is there.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "core/match/candidate.h"
#include "core/match/distant_hits.h"
#include "core/media/sampling.h"

namespace tamiz::match {

// What a closer look may cost, in time of the upload that is decoded for it.
struct CloserLookLimits {
  std::chrono::microseconds most{0};  // in all
  // What each span costs beside its length: decoding begins at the key frame before it.
  std::chrono::microseconds each{0};
};

// A stretch of the upload in which a known video, or more of it, may be.
struct Lead {
  std::chrono::microseconds start{0};
  std::chrono::microseconds end{0};
  std::chrono::microseconds at{0};  // what points there; where there is no room for all, this is kept
};

// Where what was not found of the candidate's known video would be: along its segments where it has some,
// else around the frames that show some of it, forward and backward, at the speeds that are followed.
// Nearest to what was found first; a bounded number, which may reach beyond the upload. None if all that they
// could find would be too little for the list's policy. `candidate` has been aligned with `upload`, whose end
// is known.
[[nodiscard]] std::vector<Lead> LeadsOf(const Candidate& candidate, const UploadTimes& upload);

// Where the rest of a known video would be of which one frame came near (core/match/distant_hits.h), `at` in
// the upload; nothing where even that would be too little. Errs as LeadsOf does: it may reach beyond the
// upload.
[[nodiscard]] std::optional<Lead> LeadOf(const lists::ListSnapshot& list, const DistantHit& hit,
                                         std::chrono::microseconds at);

// Spans of time within limits. Not thread-safe.
class CloserSpans {
 public:
  // Of an upload that lasts until `end`.
  CloserSpans(const CloserLookLimits& limits, std::chrono::microseconds end) : limits_(limits), end_(end) {}

  // Adds of the lead what there is room for.
  void Add(const Lead& lead);
  // Ascending, without overlap, as a media::SamplingPlan takes them.
  [[nodiscard]] const std::vector<media::TimeSpan>& spans() const { return spans_; }

 private:
  // True if these fit.
  [[nodiscard]] bool TryAdd(media::TimeSpan span);

  const CloserLookLimits limits_;
  const std::chrono::microseconds end_;
  std::vector<media::TimeSpan> spans_;
};

}  // namespace tamiz::match
