// From what was found of an entry to a match under its list's policy.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/lists/catalog.h"
#include "core/match/evidence.h"
#include "core/match/frame_folding.h"
#include "core/match/frame_order.h"
#include "core/match/second_look.h"
#include "core/match/timeline.h"

namespace tamiz::match {

// A match, and where it came from until it is written out in full. Borrows the list and the fold.
struct Candidate {
  Match match;
  const lists::ListSnapshot* list = nullptr;
  std::uint32_t entry = 0;
  // The perceptual evidence that made the match; null for digests.
  const EntryFold* fold = nullptr;
  const Found* found = nullptr;
  std::uint32_t usable_frames = 0;         // of the upload, by its plan
  std::uint32_t plan_frames = UINT32_MAX;  // number of the first frame of a closer look
  std::uint64_t queries = 0;               // hashes of the upload that were looked up
  bool uses_review = false;
  bool upload_is_still = false;
  std::vector<AlignedSegment> segments;  // by places in time where there was a closer look
};

// Only what the order of the answer needs is filled in; Write does the rest for those that make it into the
// answer.
[[nodiscard]] Candidate DigestCandidate(const lists::ListSnapshot& list, std::uint32_t entry,
                                        lists::HashType type);
// Makes a match rest on an equal digest; its ranges in time stay.
void RestOnDigest(Match& match, lists::HashType type);

// The match that an entry's fold stands for; nothing if allowed pictures explain all of it.
[[nodiscard]] std::optional<Candidate> PerceptualCandidate(ListFold& of, std::uint32_t entry,
                                                           bool upload_is_still);

// True if the match counts whatever frames come after: it needs no share of the upload, and allowed pictures
// cannot take it away any more (a digest on an allow list can).
[[nodiscard]] bool StaysWhateverComes(const Candidate& candidate);

// Frames of one part of the upload: up to the first of the next.
struct UploadPart {
  std::uint32_t number = 0;  // 0: the upload itself
  std::uint32_t first_frame = 0;
  bool is_still = false;
};
// How many of `frames` belong to the upload itself, which comes first.
[[nodiscard]] std::uint32_t OwnFrames(std::span<const UploadPart> parts, std::uint32_t frames);
// Whether some of what was found lies in a part that is a single picture.
[[nodiscard]] bool IsInStill(const Found& found, std::span<const UploadPart> parts);

// The upload's frames in time.
struct UploadTimes {
  const std::vector<std::chrono::microseconds>& frames;  // by number
  const Timeline& timeline;
  std::chrono::microseconds interval{0};  // what a frame stands for
  bool is_still = true;
  std::span<const UploadPart> parts = {};  // in order
  const KeptLooks* looks = nullptr;        // for second looks; null: none
  // Where the upload ends, if it was looked at to its end; zero if that is not known.
  std::chrono::microseconds end{0};
  const FrameOrder* order = nullptr;  // after a closer look; null: there was none
};

// Takes order and speed into account: finds the segments, counts what lies between frames found in step, and
// decides anew whether enough was found. Costs time in proportion to the entry's hits. After a closer look
// the candidate is what it would be without, or more.
void AlignInTime(Candidate& candidate, const UploadTimes& upload);

// Sets the confidence, and applies what the list's policy asks of it. False if it is too little to be told
// of.
[[nodiscard]] bool Judge(Candidate& candidate, const calibration::Calibration& calibration);

// The match in full, with time ranges.
[[nodiscard]] Match Write(const Candidate& candidate, const UploadTimes& upload);

}  // namespace tamiz::match
