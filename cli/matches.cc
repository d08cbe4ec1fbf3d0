#include "cli/matches.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/output.h"

namespace tamiz::cli {
namespace {

std::string Ranges(const google::protobuf::RepeatedPtrField<v1::TimeRange>& ranges) {
  constexpr int kShown = 4;
  std::vector<std::string> texts;
  for (const v1::TimeRange& range : ranges) {
    if (texts.size() == kShown) {
      texts.push_back(fmt::format("and {} more", ranges.size() - kShown));
      break;
    }
    texts.push_back(fmt::format("{}..{}", Seconds(range.start()), Seconds(range.end())));
  }
  return Join(texts, ", ");
}

}  // namespace

void PrintMatches(const google::protobuf::RepeatedPtrField<v1::Match>& matches) {
  Table table({"  list", "entry", "hash", "distance", "transform", "confidence", "time", "note"});
  for (const v1::Match& match : matches) {
    std::vector<std::string> notes;
    if (match.exact()) notes.emplace_back("identical file");
    if (match.border_removed()) notes.emplace_back("border removed");
    if (match.has_region()) {
      const v1::Region& region = match.region();
      notes.push_back(fmt::format("within the picture at {:.0f} %, {:.0f} %, size {:.0f} % x {:.0f} %",
                                  100 * region.x(), 100 * region.y(), 100 * region.width(),
                                  100 * region.height()));
    }
    if (match.straightened_degrees() != 0) {
      notes.push_back(fmt::format("turned by {:.1f} degrees", match.straightened_degrees()));
    }
    if (match.contrast_restored()) notes.emplace_back("contrast restored");
    if (match.review()) notes.emplace_back("for review");
    if (match.shadow())
      notes.push_back(match.shadow_reason() == "breaker" ? "shadow by the hit-rate breaker, does not count"
                                                         : "shadow, does not count");
    if (!match.labels().empty()) {
      notes.push_back("labels " + Join({match.labels().begin(), match.labels().end()}, ";"));
    }
    if (!match.action_hint().empty()) notes.push_back("action " + match.action_hint());
    table.Add({fmt::format("  {} v{}", match.list_name(), match.list_version()), match.entry_id(),
               Name(match.hash_type()),
               match.exact() ? std::string("-") : fmt::format("{} of {}", match.distance(), match.radius()),
               match.transform() == v1::TRANSFORM_UNSPECIFIED ? std::string("-") : Name(match.transform()),
               fmt::format("{:.4g}", match.confidence()),
               match.query_ranges().empty() ? std::string("-") : Ranges(match.query_ranges()),
               Join(notes, ", ")});
  }
  if (!table.empty()) table.Print();
}

void PrintSuppressed(const google::protobuf::RepeatedPtrField<v1::SuppressedMatch>& suppressed,
                     std::uint32_t count) {
  for (const v1::SuppressedMatch& one : suppressed) {
    fmt::print("  suppressed: {} of {}, by {} of {} v{}\n", Printable(one.match().entry_id()),
               Printable(one.match().list_name()), Printable(one.allowed_by().entry_id()),
               Printable(one.allowed_by().list_name()), one.allowed_by().list_version());
  }
  const auto shown = static_cast<std::uint32_t>(suppressed.size());
  if (count > shown) fmt::print("  suppressed: {} more\n", count - shown);
}

void PrintReasons(const google::protobuf::RepeatedPtrField<v1::IncompleteReason>& reasons) {
  for (const v1::IncompleteReason& reason : reasons) {
    fmt::print("  incomplete: {}  {}\n", Name(reason.code()), Printable(reason.detail()));
  }
}

int ExitCodeOf(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_MATCH:
      return kMatch;
    case v1::VERDICT_POSSIBLE_MATCH:
      return kPossibleMatch;
    case v1::VERDICT_INCOMPLETE:
      return kIncomplete;
    case v1::VERDICT_NO_KNOWN_MATCH:
      return kNoKnownMatch;
    default:
      return kError;
  }
}

int Worse(int a, int b) {
  for (const int code : {kError, kMatch, kPossibleMatch, kIncomplete, kNoKnownMatch}) {
    if (a == code || b == code) return code;
  }
  return kError;
}

}  // namespace tamiz::cli
