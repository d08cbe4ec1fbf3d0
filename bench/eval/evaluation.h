// Scans edits of listed pictures, and unrelated pictures, through the code that the service scans with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/eval/edits.h"
#include "bench/eval/pictures.h"
#include "core/calibration/fit.h"

namespace tamiz::eval {

// Where one part of the pictures comes from.
struct Pool {
  std::vector<std::string> folders;
  std::uint32_t drawn = 0;  // pictures to draw beside those found
};

struct Options {
  // No picture of one pool is like one of another by where it comes from: other packages, other authors.
  Pool listed, filler, unrelated;
  std::vector<std::string>
      folders;                // for all three, divided by series: nothing is known of where they are from
  std::string decoder;        // the tamiz-decoder program
  std::string nearest_to;     // folder for the pictures of the nearest pairs; empty: none are written
  std::uint64_t seed = 1;     // decides everything that chance decides
  std::uint32_t known = 120;  // pictures on the list
  std::uint32_t unrelated_pictures = 4000;  // at most: pictures that are not
  std::uint32_t fillers = 600;              // at most: pictures whose parts fill the list up
  std::uint64_t list_size = 1'000'000;
  int max_side = 1024;      // pixels; pictures are made smaller before anything else
  bool only_whole = false;  // the looks of other kinds switched off: what they gain
  // For many unrelated pictures from few packages. Quarters: those of large ones are unrelated pictures too.
  // Distinct: one that is found within 31 bits of another unrelated one is left out, so that frames of one
  // animation or sizes of one drawing do not count as if they were independent.
  bool quarters = false, distinct_unrelated = false;
};

// One upload that was scanned.
struct Upload {
  std::uint32_t source = 0;  // number of the picture that it was made from
  std::uint32_t edit = 0;
  bool known = false;         // its picture is on the list
  bool usable = false;        // some look reaches the quality floor
  std::uint64_t entries = 0;  // of the list that it was looked up in
  std::uint32_t queries = 0;
  std::array<std::uint32_t, calibration::kLooks> queries_by_look{};
  bool found = false;              // the entry of its picture was reported
  calibration::Evidence evidence;  // of that
  // Where entries hold their crops too: the nearest of the picture and its crops.
  std::uint32_t distance_with_crops = 257;
  struct Wrong {
    std::uint64_t rank = 0;  // of the entry: lists of N entries have those below N
    calibration::Evidence evidence;
  };
  std::vector<Wrong> wrong;        // entries of other pictures that were reported
  std::vector<Wrong> wrong_crops;  // and stored crops of other pictures
};

// An unrelated upload and the entry nearest to it, for people to look at.
struct NearPair {
  std::string picture, edit, look, entry;  // the entry's picture, and which part of it
  std::uint32_t distance = 0;
  bool turned = false;
  std::string file;  // the upload at the left, the entry's picture at the right; a JPEG beside the report
};

// A picture that was to be an unrelated one and is a copy of one that the list knows.
struct Dropped {
  std::string picture, like;
  double likeness = 0;
};

struct Run {
  Options options;
  std::vector<Edit> edits;
  std::vector<std::string> listed_sources, filler_sources, unrelated_sources;  // folders: how many pictures
  std::size_t pictures_found = 0;
  std::size_t known = 0, known_with_margin = 0;  // of the pictures on the list
  std::uint64_t list_entries = 0, crop_entries = 0;
  std::uint64_t list_sources = 0;   // pictures whose parts fill the list
  std::size_t unrelated = 0;        // pictures that were scanned and are not on it
  std::size_t unrelated_drawn = 0;  // of them drawn ones
  std::size_t unrelated_unusable =
      0;  // left out: not decodable, under 200 pixels a side, or without structure
  std::size_t unrelated_repeated = 0;  // left out: pixels equal to those of another unrelated one
  std::size_t unrelated_alike = 0;     // left out: within 31 bits of another one, see distinct_unrelated
  std::vector<Dropped> dropped;
  std::vector<std::string> unrelated_names;              // by source - known
  std::vector<std::uint32_t> unrelated_origins;          // the same; numbers of unrelated_sources
  std::vector<NearPair> nearest;                         // at most kNearestShown
  std::vector<Upload> uploads;                           // in order of sources and edits
  std::array<std::uint64_t, 257> unrelated_distances{};  // of sampled pairs
  double seconds = 0, processor_seconds = 0;
  double peak_megabytes = 0;  // resident
};

// Reach of the look-ups, bits: all that a policy can ask for.
inline constexpr std::uint32_t kReach = 64;

// Pairs that are shown to people.
inline constexpr std::size_t kNearestShown = 40;

// `save` is given what there is so far, now and then and at the end: what it is given is the run that fewer
// unrelated pictures would have made.
[[nodiscard]] StatusOr<Run> Evaluate(const Options& options, const std::function<void(const Run&)>& save);

// Labelled pairs for lists of 1000, 10 000 … entries up to the list's size, as Fit wants them.
[[nodiscard]] std::vector<calibration::LabelledPair> PairsOf(const Run& run);
// Sizes of those lists.
[[nodiscard]] std::vector<std::uint64_t> ListSizes(const Run& run);
[[nodiscard]] calibration::UnrelatedTail TailOf(const Run& run);
[[nodiscard]] calibration::QueriesPerPicture QueriesOf(const Run& run);

}  // namespace tamiz::eval
