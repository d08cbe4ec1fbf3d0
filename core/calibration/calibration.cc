#include "core/calibration/calibration.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/calibration/calibration_file.h"
#include "fmt/format.h"

namespace tamiz::calibration {
namespace {

constexpr std::array<std::string_view, kLooks> kLookNames = {"whole", "border_removed", "region",
                                                             "straightened"};
constexpr std::array<std::string_view, kFeatures> kFeatureNames = {"distance",
                                                                   "distance_beyond_24",
                                                                   "distance_beyond_44",
                                                                   "quality_query",
                                                                   "quality_reference",
                                                                   "turned",
                                                                   "border_removed",
                                                                   "region",
                                                                   "straightened",
                                                                   "log10_chances",
                                                                   "alone"};
constexpr double kCorroborationThatCounts = 32;

double ShortOfFull(std::uint32_t quality) {
  const double missing = 1.0 - std::min(quality, 100u) / 100.0;
  return missing * missing;
}
double Beyond(std::uint32_t distance, std::uint32_t from) { return distance > from ? distance - from : 0; }

bool IsShare(double value) { return value >= 0 && value <= 1; }

Status OutOfRange(std::string_view field, double value, std::string_view range) {
  return InvalidArgument(fmt::format("{} is {}; {} is accepted", field, value, range));
}

}  // namespace

std::string_view ToString(Look look) { return kLookNames[static_cast<std::size_t>(look)]; }
std::optional<Look> ParseLook(std::string_view text) {
  const auto* const found = std::find(kLookNames.begin(), kLookNames.end(), text);
  if (found == kLookNames.end()) return std::nullopt;
  return static_cast<Look>(found - kLookNames.begin());
}

std::string_view ToString(Feature feature) { return kFeatureNames[static_cast<std::size_t>(feature)]; }

Features FeaturesOf(const Evidence& evidence) {
  Features features{};
  const auto set = [&](Feature feature, double value) {
    features[static_cast<std::size_t>(feature)] = value;
  };
  set(Feature::kDistance, evidence.distance);
  set(Feature::kDistanceBeyond24, Beyond(evidence.distance, 24));
  set(Feature::kDistanceBeyond44, Beyond(evidence.distance, 44));
  set(Feature::kQualityQuery, ShortOfFull(evidence.quality_query));
  set(Feature::kQualityReference, ShortOfFull(evidence.quality_reference));
  set(Feature::kTurned, evidence.turned ? 1 : 0);
  set(Feature::kBorderRemoved, evidence.look == Look::kBorderRemoved ? 1 : 0);
  set(Feature::kRegion, evidence.look == Look::kRegion ? 1 : 0);
  set(Feature::kStraightened, evidence.look == Look::kStraightened ? 1 : 0);
  set(Feature::kChances, std::log10(static_cast<double>(std::max<std::uint64_t>(evidence.list_hashes, 1))) +
                             std::log10(static_cast<double>(std::max<std::uint64_t>(evidence.queries, 1))));
  set(Feature::kAlone, std::log(kCorroborationThatCounts /
                                std::clamp<double>(evidence.corroborating, 1, kCorroborationThatCounts)));
  return features;
}

double Calibration::Probability(const Evidence& evidence) const {
  const Features features = FeaturesOf(evidence);
  double log_odds = intercept;
  for (std::size_t i = 0; i < kFeatures; ++i) log_odds -= weights[i] * features[i];
  return ceiling / (1 + std::exp(-log_odds));  // a cut would put all near pairs on one level
}

double Calibration::FalsePositivesPerMillion(std::uint32_t radius, std::uint64_t list_hashes,
                                             const Looks& looks) const {
  // Without orientations one hash of a look is looked up: of eight of the whole picture, of two at least of
  // other looks.
  const auto number = [&](Look look) {
    const double all = queries.by_look[static_cast<std::size_t>(look)];
    return looks.orientations ? all : look == Look::kWhole ? all / 8 : all / 2;
  };
  double looked_up = number(Look::kWhole);
  if (looks.border_removed) looked_up += number(Look::kBorderRemoved);
  if (looks.regions) looked_up += number(Look::kRegion);
  if (looks.straightened) looked_up += number(Look::kStraightened);
  const std::size_t at = std::min<std::size_t>(radius, UnrelatedTail::kBits - 1);
  const double chances =
      looked_up * static_cast<double>(list_hashes) * std::pow(10, unrelated.log10_share[at]);
  return 1e6 * -std::expm1(-chances);  // of a million, however many entries each hits
}

Status Calibration::Validate() const {
  if (name.empty() || name.size() > 64) return InvalidArgument("name must have 1 to 64 bytes");
  if (date.size() != 10) return InvalidArgument("date must be written as 2026-11-25");
  if (!(base_rate > 0 && base_rate < 1))
    return OutOfRange("base_rate", base_rate, "more than 0, less than 1");
  if (!IsShare(expected_calibration_error)) {
    return OutOfRange("expected_calibration_error", expected_calibration_error, "0 to 1");
  }
  if (!(ceiling > 0 && ceiling < 1)) return OutOfRange("ceiling", ceiling, "more than 0, less than 1");
  if (!std::isfinite(intercept)) return OutOfRange("intercept", intercept, "a finite number");
  for (std::size_t i = 0; i < kFeatures; ++i) {
    // A negative weight would make worse evidence count for more.
    if (!(weights[i] >= 0 && weights[i] <= 1000)) {
      return OutOfRange(fmt::format("weights.{}", kFeatureNames[i]), weights[i], "0 to 1000");
    }
  }
  for (std::size_t d = 0; d < UnrelatedTail::kBits; ++d) {
    const double share = unrelated.log10_share[d];
    if (!(share >= -300 && share <= 0) || (d > 0 && share < unrelated.log10_share[d - 1])) {
      return OutOfRange(fmt::format("unrelated.log10_share[{}]", d), share, "-300 to 0, never falling,");
    }
  }
  for (std::size_t i = 0; i < kLooks; ++i) {
    if (!(queries.by_look[i] >= 0 && queries.by_look[i] <= 1e6)) {
      return OutOfRange(fmt::format("queries_per_picture.{}", kLookNames[i]), queries.by_look[i],
                        "0 to 1000000");
    }
  }
  return OkStatus();
}

std::shared_ptr<const Calibration> BuiltIn() {
  static const std::shared_ptr<const Calibration> built_in = [] {
    StatusOr<Calibration> parsed = Parse(BuiltInFile());
    TAMIZ_CHECK(parsed.ok(), "deploy/calibration.json cannot be read");
    return std::make_shared<const Calibration>(*std::move(parsed));
  }();
  return built_in;
}

}  // namespace tamiz::calibration
