#include "core/match/confidence.h"

namespace tamiz::match {
namespace {

// docs/CONFIDENCE.md says where these come from; change both together.
constexpr double kSha1 = 0.99999;
constexpr double kMd5 = 0.9999;
constexpr const char* kDigestCalibration = "digests";
constexpr const char* kDigestDate = "2026-11-23";

}  // namespace

Confidence DigestConfidence(lists::HashType type) {
  const ConfidenceBasis basis{kDigestCalibration, kDigestDate, "exact-digest"};
  switch (type) {
    case lists::HashType::kSha256:
      return {1.0, basis};
    case lists::HashType::kSha1:
      return {kSha1, basis};
    case lists::HashType::kMd5:
      return {kMd5, basis};
    case lists::HashType::kPdq:
    case lists::HashType::kOpaque:
      break;  // no digests
  }
  return {0.0, {kDigestCalibration, kDigestDate, "none"}};
}

Confidence PerceptualConfidence(const calibration::Evidence& evidence,
                                const calibration::Calibration& calibration) {
  return {calibration.Probability(evidence), {calibration.name, calibration.date, calibration.method}};
}

}  // namespace tamiz::match
