// Makes a calibration from labelled pairs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/calibration/calibration.h"

namespace tamiz::calibration {

// A reported pair that somebody, or an evaluation that made the edits itself, has looked at.
struct LabelledPair {
  Evidence evidence;
  bool found = true;          // false: nothing was near; the row only counts the upload
  bool same = false;          // the same picture
  bool upload_known = false;  // the upload shows some picture of the list
  std::uint64_t upload = 0;   // pairs of one upload share it
  std::uint64_t source = 0;   // uploads made from one picture share it: never in both parts of the split
};

// A CSV file with the header
//   upload,source,known,same,distance,quality_query,quality_reference,turned,look,corroborating,list_hashes,queries
// in any order; `known`, `same` and `turned` are 0 or 1, `upload` and `source` any text. An upload of which
// nothing was near has one row with an empty distance: how often that is decides what a distance is worth.
// INVALID_ARGUMENT with the line.
[[nodiscard]] StatusOr<std::vector<LabelledPair>> ReadPairs(std::string_view csv);
[[nodiscard]] std::string PairsHeader();
// One row, with its line end.
[[nodiscard]] std::string PairRow(const LabelledPair& pair);

// Shares of unrelated pairs from counts by distance, 0 to 64, among `pairs` in all. Distances with fewer than
// 10 pairs within them are extrapolated by a straight line in the logarithm from the lowest distance with 200
// pairs: of the slope that those pairs make likeliest, less 1.645 of its standard errors (95 %). More than
// the truth, since the true curve bends down.
[[nodiscard]] UnrelatedTail TailOf(std::span<const std::uint64_t> by_distance, double pairs);

struct FitOptions {
  std::string name, date, data;
  double base_rate = 0.0001;  // see Calibration
  UnrelatedTail unrelated;
  QueriesPerPicture queries;
};

// Weighted logistic regression with weights held at 0 or more (projected Newton steps), on the pairs of half
// the sources; the other half gives the error. Pairs are weighted so that a share `base_rate` of uploads are
// known ones. Below the distances at which unrelated pairs were seen, the tail stands in for them, found in
// the ways (look, orientation, qualities) in which the nearest were that were seen. INVALID_ARGUMENT if the
// pairs cannot say anything: fewer than 50 that are the same, fewer than 50 that are not and no tail either,
// or fewer than 4 sources.
[[nodiscard]] StatusOr<Calibration> Fit(std::span<const LabelledPair> pairs, const FitOptions& options);

// How far predictions are from what is so, over `pairs`, weighted as for Fit with `base_rate`; predictions
// are moved to that rate. 20 bins of equal width; empty ones are left out.
struct Reliability {
  double expected_error = 0;
  std::uint64_t pairs = 0;
  std::vector<ReliabilityBin> bins;
};
[[nodiscard]] Reliability Measure(const Calibration& calibration, std::span<const LabelledPair> pairs,
                                  double base_rate);

// The pairs whose sources the fit does not see.
[[nodiscard]] bool IsHeldOut(const LabelledPair& pair);

}  // namespace tamiz::calibration
