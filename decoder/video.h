// Moving pictures by FFmpeg: video containers, and animations whose frames FFmpeg composes.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "decoder/output.h"

namespace tamiz::decoder {

// The job's content as a video or audio container. Samples every video track (up to kMaxVideoTracks) by
// presentation time, pictures attached to the file as well. Frames are as coded: rotation metadata is not
// applied.
void DecodeVideo(Output& output);

// What the file's structure tells of an animation.
struct AnimationFacts {
  std::uint64_t frames = 0;  // 0 if unknown
  std::chrono::microseconds duration{0};
};

// Animated GIF, APNG, AVIF or HEIC sequences in `content`. Up to kAllAnimationFrames frames are all taken; of
// longer ones at least kLeastAnimationFrames spread over them, and any that is on screen for that long or for
// the plan's interval.
void DecodeAnimation(Output& output, std::span<const std::uint8_t> content, const AnimationFacts& facts);

inline constexpr std::uint32_t kMaxVideoTracks = 4;
inline constexpr std::uint64_t kAllAnimationFrames = 64;
inline constexpr std::uint64_t kLeastAnimationFrames = 16;

// The interval for an animation under `plan`: 0 for every frame.
[[nodiscard]] std::chrono::microseconds AnimationInterval(const media::SamplingPlan& plan,
                                                          const AnimationFacts& facts);

}  // namespace tamiz::decoder
