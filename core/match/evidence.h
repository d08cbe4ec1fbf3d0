// What is known of an upload when it is matched, and what follows from it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/calibration/calibration.h"
#include "core/hash/digests.h"
#include "core/hash/pdq_hasher.h"
#include "core/hash/picture_looks.h"
#include "core/lists/hash_list.h"
#include "core/media/incomplete.h"

namespace tamiz::match {

// A part of a frame as displayed: shares of its width and height, 0…1.
struct RelativeRect {
  double left = 0, top = 0, width = 1, height = 1;
  friend bool operator==(const RelativeRect&, const RelativeRect&) = default;
};

// Hashes of one look at one frame. A frame may be looked at more than once: see media::FrameVariant and
// `kind`.
struct FrameEvidence {
  std::uint32_t index = 0;            // looks at the same frame share it
  std::chrono::microseconds time{0};  // presentation time from the first frame
  hash::PdqOrientations pdq;
  // Those of pdq.hashes that are there. Of look-ups of foreign hashes it is hashes[0] alone.
  hash::OrientationSet orientations = hash::OrientationSet::kAll;
  hash::LookKind kind = hash::LookKind::kWhole;
  RelativeRect rect;          // what was looked at
  double turned_degrees = 0;  // kStraightened: see hash::PictureLook
  std::uint32_t part = 0;     // of the upload; 0: the upload itself
  bool is_still = false;      // where the upload has parts: this one is a single picture
  bool repeated = false;  // not hashed: the frame shows the same as the one before it, whose hashes these are
};

// The quality that a list's floor is compared with. Parts of a frame keep their own: what is dim within a
// bright frame is mostly the page's ground, and parts are where strangers come nearest.
[[nodiscard]] inline int UsableQuality(const FrameEvidence& look, bool restore_contrast) {
  const hash::PdqOrientations& pdq = look.pdq;
  return restore_contrast && look.kind != hash::LookKind::kRegion
             ? std::max(pdq.quality, pdq.restored_quality)
             : pdq.quality;
}

struct DigestEvidence {
  std::optional<hash::Digests> digests;
  // Single digests of a look-up, beside or instead of `digests`.
  std::vector<lists::EntryHash> foreign_digests;
};

// An upload that is known whole.
struct Evidence : DigestEvidence {
  std::vector<FrameEvidence> frames;            // in any order
  std::chrono::microseconds duration{0};        // zero for stills
  std::chrono::microseconds frame_interval{0};  // what a sampled frame stands for; zero for stills
};

// Strongest first. Values equal those of tamiz.v1.Verdict.
enum class Verdict { kMatch = 1, kPossibleMatch = 2, kIncomplete = 3, kNoKnownMatch = 4 };
[[nodiscard]] std::string_view ToString(Verdict verdict);  // "MATCH" …

struct TimeRange {
  std::chrono::microseconds start{0};
  std::chrono::microseconds end{0};
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

struct ConfidenceBasis {
  std::string calibration;
  std::string date;
  std::string method;
};

// As tamiz.v1.AlignedSegment.
struct MatchSegment {
  TimeRange query_range, reference_range;
  double speed = 0;
  bool reversed = false;
  hash::Transform transform = hash::Transform::kIdentity;
  std::uint32_t frames = 0, distinct_pictures = 0;
};

// Fields as in tamiz.v1.Match, where each is described.
struct Match {
  std::string list_id, list_name;
  std::uint64_t list_version = 0;
  std::string entry_id;
  std::vector<std::string> labels;
  std::string source_org;
  lists::HashType hash_type = lists::HashType::kPdq;
  bool exact = false;
  std::uint32_t distance = 0;
  std::uint32_t radius = 0;
  std::optional<hash::Transform> transform;  // applying it to the entry's picture gives the upload
  bool border_removed = false;
  std::optional<RelativeRect> region;  // the part of the upload's best frame, if that was a region
  double straightened_degrees = 0;
  bool contrast_restored = false;
  std::optional<RelativeRect> reference_region;  // of the known picture, where a stored crop matched
  std::uint32_t quality_query = 0, quality_reference = 0;
  std::vector<TimeRange> query_ranges, reference_ranges;
  std::vector<std::uint32_t> parts;  // of the upload in which it was found, unless in itself alone
  double query_coverage = 0, reference_coverage = 0;
  std::uint32_t corroborating_frames = 0;
  std::vector<MatchSegment> segments;
  std::uint32_t distinct_pictures = 0;
  bool limited = false;
  double confidence = 0;
  ConfidenceBasis basis;
  calibration::Evidence evidence;  // what `confidence` was made from; unused for equal digests
  bool shadow = false;
  std::string_view shadow_reason;  // "policy" or "breaker" if `shadow`
  bool review = false;
  std::string action_hint;
  std::map<std::string, std::string> metadata;
};

// A match that an allow list took away. Fields as in tamiz.v1.SuppressedMatch.
struct Suppression {
  struct Side {
    std::string list_id, list_name;
    std::uint64_t list_version = 0;
    std::string entry_id;
    lists::HashType hash_type = lists::HashType::kPdq;
    std::uint32_t distance = 0;  // bits; 0 for digests
  };
  Side taken_away;  // what would have matched
  Side by;          // the entry of the allow list
};

struct ListVersionRef {
  std::string list_id, list_name;
  std::uint64_t version = 0;
  std::string digest;
};

// Entries of one list that were near and did not count.
struct NearMisses {
  std::string list_name;
  std::uint32_t review = 0;   // put to a person: beyond the radius, or of too little confidence
  std::uint32_t dropped = 0;  // within reach, of less confidence than is worth a person's time
};

// What the look-up of one upload found.
struct Conclusion {
  Verdict verdict = Verdict::kIncomplete;
  double confidence = 0;
  std::vector<Match> matches;                    // strongest first
  std::vector<media::IncompleteReason> reasons;  // those given, and those that matching found
  std::uint64_t generation = 0;
  std::vector<ListVersionRef> lists;      // those consulted
  std::uint64_t frames_hashed = 0;        // distinct frames with a usable hash
  std::uint64_t frames_low_quality = 0;   // distinct frames whose every look is below the floor
  std::uint32_t suppressed = 0;           // matches that an allow list took away
  std::vector<NearMisses> near_misses;    // by list, of those that had any
  std::vector<Suppression> suppressions;  // the first kMaxSuppressions of them, by list and entry
};

}  // namespace tamiz::match
