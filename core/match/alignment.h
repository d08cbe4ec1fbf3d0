// Order and speed: which stretches of the upload run along which stretches of a known video.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "core/hash/hash256.h"
#include "core/match/known_video.h"

namespace tamiz::match {

// One frame of the upload that shows one frame of an entry.
struct FrameHit {
  std::uint32_t frame;     // of the upload
  std::uint32_t position;  // of the list's PDQ hash
  std::uint16_t distance;
  hash::Transform transform;  // of the upload, giving the entry's picture
};

// A stretch of the upload that runs along the known video, forward or backward, at a steady speed and in one
// orientation. Frames and pictures between its ends need not all have been found.
struct AlignedSegment {
  std::uint32_t first_frame = 0, last_frame = 0;      // of the upload
  std::uint32_t first_picture = 0, last_picture = 0;  // of the known video, ascending also if reversed
  double speed = 0;   // seconds of the known video a second of the upload; above 1: sped up
  double origin = 0;  // where the known video would be at the upload's beginning, seconds
  bool reversed = false;
  hash::Transform transform = hash::Transform::kIdentity;  // as in FrameHit
  std::uint32_t frames = 0;                                // of the upload that were found
  std::uint32_t pictures = 0;                              // distinct, that were found
  // Stretches between two frames found that are near enough to vouch for what lies between: it was sampled at
  // another moment, or changed too much to be found alone. Both ends included, frames and pictures. Or one
  // frame that a second look found.
  struct Bridge {
    std::uint32_t first_frame, last_frame, first_picture, last_picture;
  };
  std::vector<Bridge> bridges;
};

// How far a speed may be from the known video's and still be followed.
inline constexpr double kSlowest = 0.7;
inline constexpr double kFastest = 1.45;

// When the upload's frames were taken, in order of time.
struct SampledTimes {
  std::span<const std::chrono::microseconds> frames;
  std::chrono::microseconds interval{0};        // what one of them stands for, at most
  std::chrono::microseconds end{0};             // of the upload; zero if unknown
  std::span<const std::uint32_t> numbers = {};  // under which they are kept; empty: as they stand here
  [[nodiscard]] std::uint32_t NumberOf(std::uint32_t frame) const {
    return numbers.empty() ? frame : numbers[frame];
  }
};

// The segments, most pictures first; each has at least kFewestPictures, each frame of the upload stands in
// one at most, none shows at the same time what another shows. `hits` by frame.
// Chains hits from each to the next that time allows, looking back over a bounded number: linear in the hits.
inline constexpr std::uint32_t kFewestPictures = 3;
[[nodiscard]] std::vector<AlignedSegment> Align(std::span<const FrameHit> hits, const KnownVideo& known,
                                                const SampledTimes& times);

}  // namespace tamiz::match
