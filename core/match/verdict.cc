#include "core/match/verdict.h"

#include <algorithm>
#include <tuple>

namespace tamiz::match {
namespace {

int Strength(lists::HashType type) {
  switch (type) {
    case lists::HashType::kSha256:
      return 0;
    case lists::HashType::kSha1:
      return 1;
    case lists::HashType::kMd5:
      return 2;
    case lists::HashType::kPdq:
    case lists::HashType::kOpaque:
      break;
  }
  return 3;
}

}  // namespace

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMatch:
      return "MATCH";
    case Verdict::kPossibleMatch:
      return "POSSIBLE_MATCH";
    case Verdict::kIncomplete:
      return "INCOMPLETE";
    case Verdict::kNoKnownMatch:
      return "NO_KNOWN_MATCH";
  }
  return "INCOMPLETE";
}

Weight WeightOf(const Match& match) {
  if (match.shadow) return Weight::kShadow;
  return match.review ? Weight::kReview : Weight::kCounts;
}

bool IsStronger(const Match& a, const Match& b) {
  const auto key = [](const Match& m) {
    return std::make_tuple(WeightOf(m), m.review, Strength(m.hash_type), m.distance,
                           -static_cast<std::int64_t>(m.corroborating_frames), std::string_view(m.list_name),
                           std::string_view(m.entry_id));
  };
  return key(a) < key(b);
}

void Decide(Conclusion& conclusion) {
  Weight strongest = Weight::kShadow;
  for (const Match& match : conclusion.matches) strongest = std::min(strongest, WeightOf(match));
  switch (strongest) {
    case Weight::kCounts:
      conclusion.verdict = Verdict::kMatch;
      break;
    case Weight::kReview:
      conclusion.verdict = Verdict::kPossibleMatch;
      break;
    case Weight::kShadow:
      conclusion.verdict = conclusion.reasons.empty() ? Verdict::kNoKnownMatch : Verdict::kIncomplete;
      break;
  }
  conclusion.confidence = 0;
  if (strongest == Weight::kShadow) return;
  for (const Match& match : conclusion.matches) {
    if (WeightOf(match) == strongest)
      conclusion.confidence = std::max(conclusion.confidence, match.confidence);
  }
}

}  // namespace tamiz::match
