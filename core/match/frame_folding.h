// From hits of single frames to what was found of each entry.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "core/lists/catalog.h"
#include "core/match/evidence.h"

namespace tamiz::match {

// A set of small numbers, growing as needed.
class NumberSet {
 public:
  void Add(std::uint32_t number) {
    const std::size_t word = number / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= std::uint64_t{1} << (number % 64);
  }
  [[nodiscard]] bool Contains(std::uint32_t number) const {
    const std::size_t word = number / 64;
    return word < words_.size() && (words_[word] >> (number % 64) & 1) != 0;
  }
  [[nodiscard]] std::uint32_t size() const;

 private:
  std::vector<std::uint64_t> words_;
};

// The upload's frames, each with all its looks.
class UploadFrames {
 public:
  struct Look {
    const FrameEvidence* evidence;
    std::uint32_t frame;  // number among the distinct frames, from 0
  };

  // Borrows `evidence`.
  explicit UploadFrames(const Evidence& evidence);

  [[nodiscard]] const std::vector<Look>& looks() const { return looks_; }  // by frame
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(times_.size()); }
  [[nodiscard]] const std::vector<std::chrono::microseconds>& times() const { return times_; }  // by frame
  // True if there is nothing in time about it: one picture, or several without times.
  [[nodiscard]] bool is_still() const { return is_still_; }

  // The looks that a list with `policy` uses.
  [[nodiscard]] std::vector<Look> UsableLooks(const lists::ListPolicy& policy) const;
  // Distinct frames with at least one usable look of PDQ quality >= `quality_floor`.
  [[nodiscard]] std::uint32_t FramesOfQuality(std::uint32_t quality_floor) const;

 private:
  std::vector<Look> looks_;
  std::vector<std::chrono::microseconds> times_;
  bool is_still_ = true;
};

// Per frame the distance of the nearest entry on an allow list within that list's radius.
class AllowedFrames {
 public:
  void Allow(std::uint32_t frame, hash::HammingDistance distance);
  // Whether a hit at `distance` is explained at least as well by an allowed picture. Nearest wins, so that
  // allowing a look-alike does not hide the known picture itself.
  [[nodiscard]] bool Explains(std::uint32_t frame, hash::HammingDistance distance) const {
    return frame < nearest_.size() && nearest_[frame] <= distance;
  }

 private:
  std::vector<hash::HammingDistance> nearest_;
};

// The hit that describes a match.
struct BestHit {
  hash::HammingDistance distance = 0;
  hash::Transform transform = hash::Transform::kIdentity;  // of the entry's picture, giving the upload
  const FrameEvidence* look = nullptr;
  std::uint32_t position = 0;  // of a PDQ hash of the list
};

// What was found of an entry within one distance.
struct Found {
  NumberSet frames;                      // of the upload
  std::vector<std::uint32_t> positions;  // of PDQ hashes of the list, video frames only; ascending, each once
  bool picture = false;                  // at least one hit on a hash that is no video frame
  bool unexplained = false;              // by allowed pictures: at least one hit
  std::size_t tidy_at = 64;              // while collecting: when to drop repeated positions
};

// What was found of one entry.
struct EntryFold {
  std::uint32_t entry = 0;
  BestHit best;  // among hits that no allowed picture explains, if there are any
  bool best_unexplained = false;
  Found within_radius;
  Found within_review;  // within the review radius, which includes the above
};

// Everything that a list's policy calls near in the upload's frames.
struct ListFold {
  std::uint32_t usable_frames = 0;  // distinct frames that the list could be asked about
  std::vector<EntryFold> entries;   // by entry; expired ones are left out
};

// Searches `list` for the usable looks at `frames`, orientations included. Memory follows the number of
// entries found, not the length of the upload.
[[nodiscard]] ListFold FoldFrames(const UploadFrames& frames, const lists::ListSnapshot& list,
                                  const AllowedFrames& allowed, WallTime now);

// Marks the frames that show a picture of the allow list `list`.
void AllowFrames(const UploadFrames& frames, const lists::ListSnapshot& list, WallTime now,
                 AllowedFrames& allowed);

}  // namespace tamiz::match
