// Probability that an upload shows the same picture as an entry.
#pragma once

#include <cstdint>

#include "core/lists/hash_list.h"
#include "core/match/evidence.h"

namespace tamiz::match {

struct ConfidenceInput {
  lists::HashType hash_type = lists::HashType::kPdq;
  bool exact = false;
  std::uint32_t distance = 0;  // bits
  std::uint32_t quality_query = 100, quality_reference = 100;
  bool turned = false;  // found in another orientation
  bool border_removed = false;
  std::uint32_t corroborating_frames = 1;
  std::uint64_t list_hashes = 1;  // PDQ hashes searched
};

struct Confidence {
  double value = 0;  // 0…1
  ConfidenceBasis basis;
};

// Exact SHA-256 is 1. Falls with distance and list size, rises with quality and corroborating frames;
// monotone in each. See docs/CONFIDENCE.md for the function until it is calibrated. Thread-safe.
[[nodiscard]] Confidence ConfidenceOf(const ConfidenceInput& input);

}  // namespace tamiz::match
