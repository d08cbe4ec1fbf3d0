#include "core/match/confidence.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tamiz::match {
namespace {

// docs/CONFIDENCE.md says what each of these means and where it comes from; change both together.
constexpr double kLogOddsAtZero = 8.2;    // same bits, one hash in the list, best quality, upright
constexpr double kPerBit = 0.18;          // taken off for each bit of distance
constexpr double kPerListDecade = 0.2;    // taken off for each factor of ten in list size
constexpr double kNoStructure = 4.0;      // taken off, on each side, at quality 0; with the square in between
constexpr double kTurned = 0.7;           // taken off for another orientation
constexpr double kBorderRemoved = 0.5;    // taken off for a stripped border
constexpr double kPerFrameFactorE = 0.8;  // added for each factor of e in corroborating frames …
constexpr double kFramesThatCount = 32;   // … up to this many
constexpr double kPerceptualCeiling = 0.9995;  // a perceptual hash alone is never certain
// Distances of unrelated pictures: measured mean and standard deviation over all list hashes.
constexpr double kUnrelatedMean = 128;
constexpr double kUnrelatedDeviation = 8.3;

constexpr double kSha1 = 0.99999;
constexpr double kMd5 = 0.9999;

constexpr const char* kCalibration = "builtin-2026-11";
constexpr const char* kCalibrationDate = "2026-11-23";

double ShortOfFull(std::uint32_t quality) {
  const double missing = 1.0 - std::min(quality, 100u) / 100.0;
  return missing * missing;
}

// Share of unrelated hashes expected within `distance`.
double UnrelatedWithin(double distance) {
  return 0.5 * std::erfc((kUnrelatedMean - distance) / (kUnrelatedDeviation * std::sqrt(2.0)));
}

double PerceptualConfidence(const ConfidenceInput& input) {
  const double list_hashes = static_cast<double>(std::max<std::uint64_t>(input.list_hashes, 1));
  double log_odds = kLogOddsAtZero;
  log_odds -= kPerBit * input.distance;
  log_odds -= kPerListDecade * std::log10(list_hashes);
  log_odds -= kNoStructure * (ShortOfFull(input.quality_query) + ShortOfFull(input.quality_reference));
  if (input.turned) log_odds -= kTurned;
  if (input.border_removed) log_odds -= kBorderRemoved;
  const double frames = std::clamp<double>(input.corroborating_frames, 1, kFramesThatCount);
  log_odds += kPerFrameFactorE * std::log(frames);
  // Unrelated hashes that lie as near by chance compete with this one for being the explanation.
  const double by_chance = list_hashes * UnrelatedWithin(input.distance);
  return kPerceptualCeiling / (1.0 + by_chance + std::exp(-log_odds));
}

}  // namespace

Confidence ConfidenceOf(const ConfidenceInput& input) {
  const auto basis = [](const char* method) {
    return ConfidenceBasis{kCalibration, kCalibrationDate, method};
  };
  switch (input.hash_type) {
    case lists::HashType::kSha256:
      return {1.0, basis("exact-digest")};
    case lists::HashType::kSha1:
      return {kSha1, basis("exact-digest")};
    case lists::HashType::kMd5:
      return {kMd5, basis("exact-digest")};
    case lists::HashType::kPdq:
      return {PerceptualConfidence(input), basis("monotone-distance-quality")};
    case lists::HashType::kOpaque:
      break;  // never matched
  }
  return {0.0, basis("none")};
}

}  // namespace tamiz::match
