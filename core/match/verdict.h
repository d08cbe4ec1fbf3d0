// From matches and reasons to one word.
#pragma once

#include <vector>

#include "core/match/evidence.h"

namespace tamiz::match {

// What a match says of its upload.
enum class Weight {
  kCounts,  // a list in mode enforce, within its radius
  kReview,  // a list in mode enforce, for a person to look at
  kShadow,  // reported, without influence
};
[[nodiscard]] Weight WeightOf(const Match& match);

// Order of the answer: what counts before what is to be reviewed before shadow, exact before perceptual
// (SHA-256 before SHA-1 before MD5), then nearer, then more frames, then list name and entry id.
[[nodiscard]] bool IsStronger(const Match& a, const Match& b);

// Sets `verdict` and `confidence` from the matches and reasons of `conclusion`: MATCH before POSSIBLE_MATCH
// before INCOMPLETE before NO_KNOWN_MATCH. The confidence is the highest among the matches that made the
// verdict, 0 if none did.
void Decide(Conclusion& conclusion);

}  // namespace tamiz::match
