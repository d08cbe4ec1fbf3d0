// Probability that an upload shows the same picture as an entry.
#pragma once

#include "core/calibration/calibration.h"
#include "core/lists/hash_list.h"
#include "core/match/evidence.h"

namespace tamiz::match {

struct Confidence {
  double value = 0;  // 0…1
  ConfidenceBasis basis;
};

// Of an equal digest: SHA-256 is 1. Thread-safe, as below.
[[nodiscard]] Confidence DigestConfidence(lists::HashType type);

// Of a perceptual match, as `calibration` has it; monotone in each part of the evidence.
[[nodiscard]] Confidence PerceptualConfidence(const calibration::Evidence& evidence,
                                              const calibration::Calibration& calibration);

}  // namespace tamiz::match
