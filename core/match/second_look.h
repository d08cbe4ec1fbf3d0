// A second look at what was not found alone: frames in step with a known video are compared with the pictures
// that they should show.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "core/lists/list_snapshot.h"
#include "core/match/alignment.h"
#include "core/match/known_video.h"

namespace tamiz::match {

struct FrameEvidence;

// Hashes of an upload's frames as they were looked up first; a bounded number of them. Not thread-safe.
class KeptLooks {
 public:
  struct Look {
    std::uint32_t frame;
    hash::OrientationSet orientations;
    std::array<hash::Hash256, hash::kTransforms> hashes;
  };
  static constexpr std::size_t kMost = 16'384;  // 4 MiB; four and a half hours at one a second

  // Looks at whole frames, border removed or not; others are left out. Frames ascending.
  void Add(const FrameEvidence& evidence, std::uint32_t frame);
  [[nodiscard]] std::span<const Look> Of(std::uint32_t frame) const;
  [[nodiscard]] std::span<const Look> all() const { return looks_; }

 private:
  std::vector<Look> looks_;
};

// An entry as it is compared with.
struct KnownFrames {
  const lists::ListSnapshot& list;
  std::uint32_t entry;
  const KnownVideo& video;
};

// Adds to the segment (as bridges of one frame) the frames within it and beside its ends that are within
// `radius` of a picture of the known video at the moment that they should show. `found`: by frame, what needs
// no second look.
void LookAgain(const KeptLooks& looks, const KnownFrames& known, const SampledTimes& times,
               const std::vector<bool>& found, hash::HammingDistance radius, AlignedSegment& segment);

}  // namespace tamiz::match
