// Which packets of a video are worth decoding, told from their times alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "decoder/sampler.h"

namespace tamiz::decoder {

// One packet, which holds one picture.
struct PacketFacts {
  std::int64_t stated = 0;  // presentation time on the stream's own scale, microseconds
  std::chrono::microseconds duration{0};
  bool key = false;
  bool hidden = false;  // decoded for others' sake, never shown (edit lists)
};

// What is to be done with a packet.
struct PacketOrder {
  bool decode = true;
  bool wanted = false;                // its picture is a frame of the plan
  std::chrono::microseconds time{0};  // presentation time from the first frame on
};

// What ends a group of packets.
struct GroupEnd {
  std::optional<std::int64_t> next_key;  // stated time of the key frame that follows
  bool at_end = false;                   // nothing follows
};

// Plans that are not exact are so all the same where that costs little. A video that has so many pixels in
// all its pictures, or fewer, is decoded whole: one processor does that in about a second. That is a minute
// of 270p, twenty seconds of 480p, eight of 720p.
inline constexpr std::uint64_t kShortPixels = 256'000'000;
// Of a longer one (or where that is unknown) the first pictures, key frames included, with so many pixels. A
// plan with an allowance decodes a share of the pictures beside key frames, if that is more.
inline constexpr std::uint64_t kAllowedPixels = 100'000'000;
inline constexpr std::uint64_t kAllowedShare = 16;  // one picture in so many

// Plans one track, group by group: from a key frame up to the next. Not thread-safe.
class GroupPlanner {
 public:
  struct Traits {
    bool exact = true;                // the very frames of the rules; see media::SamplingPlan
    bool intra_only = false;          // every picture stands for itself
    std::uint64_t pixels_in_all = 0;  // of the track's pictures, as far as its container tells; 0: unknown
    std::uint64_t pixels = 0;         // of a picture; 0: unknown
  };

  GroupPlanner(const SamplingRules& rules, const Traits& traits, std::uint64_t max_skipped)
      : rules_(rules), traits_(traits), sampler_(rules, max_skipped) {}

  // `group` in decoding order. Times and what was taken carry over from one group to the next.
  [[nodiscard]] std::vector<PacketOrder> Plan(std::span<const PacketFacts> group, const GroupEnd& end);

  // For what is chosen without a plan, before or after: times go on where they are.
  [[nodiscard]] FrameSampler& sampler() { return sampler_; }
  [[nodiscard]] PresentationClock& clock() { return clock_; }

 private:
  [[nodiscard]] std::size_t Affordable() const;
  void ChooseFrames(std::span<const PacketFacts> group, const std::vector<std::size_t>& shown,
                    std::size_t affordable, const GroupEnd& end, std::vector<PacketOrder>& orders);
  [[nodiscard]] bool MayWait(std::chrono::microseconds time, std::chrono::microseconds next_key) const;

  const SamplingRules rules_;
  const Traits traits_;
  FrameSampler sampler_;
  PresentationClock clock_;
  bool tail_dropped_ = false;   // of the group before
  std::uint64_t pictures_ = 0;  // planned
  std::uint64_t groups_ = 0;
  std::uint64_t spent_ = 0;  // of the allowance, in pictures
};

}  // namespace tamiz::decoder
