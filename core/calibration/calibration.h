// What a distance between hashes is worth: the probability that two pictures are the same, as measured.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace tamiz::calibration {

// How the upload's frame was looked at when its hash was found.
enum class Look : std::uint8_t { kWhole = 0, kBorderRemoved = 1, kRegion = 2, kStraightened = 3 };
inline constexpr std::size_t kLooks = 4;
[[nodiscard]] std::string_view ToString(Look look);  // "whole", "border_removed", "region", "straightened"
[[nodiscard]] std::optional<Look> ParseLook(std::string_view text);

// What is known of one reported pair, an upload and an entry.
struct Evidence {
  std::uint32_t distance = 0;                                  // bits, of the nearest pair of hashes
  std::uint32_t quality_query = 100, quality_reference = 100;  // 0…100
  bool turned = false;                                         // found in another orientation
  Look look = Look::kWhole;
  std::uint32_t corroborating = 1;  // independent pieces of evidence, this one included
  std::uint64_t list_hashes = 1;    // PDQ hashes searched
  std::uint64_t queries = 1;        // hashes of the upload that were looked up: frames, looks, orientations
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// What weakens a pair, each at least 0 and growing as the evidence gets worse. log-odds = intercept - sum of
// weight times feature; weights are at least 0, so the probability is monotone in each by construction.
enum class Feature : std::uint8_t {
  kDistance,          // bits
  kDistanceBeyond24,  // bits beyond 24: unrelated pairs grow faster than any straight line
  kDistanceBeyond44,
  kQualityQuery,  // square of what is missing to 100, as a share
  kQualityReference,
  kTurned,
  kBorderRemoved,
  kRegion,
  kStraightened,
  kChances,  // log10 of hashes searched times hashes looked up
  kAlone,    // log of 32 / corroborating evidence, at least 0
};
inline constexpr std::size_t kFeatures = 11;
using Features = std::array<double, kFeatures>;
[[nodiscard]] std::string_view ToString(Feature feature);  // as in the file, "distance_beyond_24"
[[nodiscard]] Features FeaturesOf(const Evidence& evidence);

// How near hashes of unrelated pictures come to each other.
struct UnrelatedTail {
  static constexpr std::size_t kBits = 65;  // distances 0…64
  // log10 of the share of unrelated pairs of hashes within each distance; never falls.
  std::array<double, kBits> log10_share{};
  double pairs = 0;                 // compared
  std::uint32_t measured_from = 0;  // below this distance no pair was seen and the table is extrapolated
};

// Hashes that are looked up for one picture, on average over unrelated pictures, all orientations
// of each look included (hash::OrientationSet).
struct QueriesPerPicture {
  std::array<double, kLooks> by_look{8, 0, 0, 0};
};

// One point of the reliability diagram, on data held out from the fit.
struct ReliabilityBin {
  double predicted = 0;  // mean confidence
  double observed = 0;   // share that shows the same picture
  double weight = 0;     // share of all pairs
  std::uint64_t pairs = 0;
};

// Immutable once shared; thread-safe.
struct Calibration {
  std::string name;                                   // names it in every answer: "builtin-2026-11-25"
  std::string date;                                   // "2026-11-25"
  std::string method;                                 // "logistic-monotone"
  std::string data;                                   // what it was made from, for people
  std::uint64_t pairs_same = 0, pairs_different = 0;  // labelled pairs used for the fit
  std::uint64_t uploads_known = 0, uploads_unrelated = 0;
  double base_rate = 0.0001;  // share of uploads that show a listed picture, edited or not, that is assumed
  double expected_calibration_error = 0;  // held out
  std::uint64_t held_out_pairs = 0;
  std::vector<ReliabilityBin> reliability;

  double intercept = 0;
  Features weights{};
  double ceiling = 0.9999;  // a perceptual hash alone is never certain
  UnrelatedTail unrelated;
  QueriesPerPicture queries;

  // Rises with everything that makes the evidence better; 0…ceiling.
  [[nodiscard]] double Probability(const Evidence& evidence) const;
  // Unrelated pictures of a million, at most, that come within `radius` of some hash of a list of
  // `list_hashes`, where only these looks are made. The model: the share of unrelated pairs within the
  // radius, times the hashes looked up, times the hashes in the list.
  struct Looks {
    bool orientations = true, border_removed = true, regions = true, straightened = true;
  };
  [[nodiscard]] double FalsePositivesPerMillion(std::uint32_t radius, std::uint64_t list_hashes,
                                                const Looks& looks) const;

  // INVALID_ARGUMENT says which field is out of its range.
  [[nodiscard]] Status Validate() const;
};

// The one that is compiled in: deploy/calibration.json.
[[nodiscard]] std::shared_ptr<const Calibration> BuiltIn();

}  // namespace tamiz::calibration
