#include "core/scan/scan_outcome.h"

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/log.h"

namespace tamiz::scan {

using media::IncompleteReason;

namespace {

std::string JoinCodes(const std::vector<IncompleteReason>& reasons) {
  std::string joined;
  for (const IncompleteReason& reason : reasons) {
    if (!joined.empty()) joined += ',';
    joined += media::ToString(reason.code);
  }
  return joined;
}

// An allow list that takes too much away is as bad as a list that finds too little: say which entry did it.
void LogSuppressions(const ScanOutput& output) {
  for (const match::Suppression& suppression : output.conclusion.suppressions) {
    LogInfo("an allow list took a match away",
            {{"scan_id", output.scan_id},
             {"list", suppression.taken_away.list_name},
             {"entry", suppression.taken_away.entry_id},
             {"allow_list", suppression.by.list_name},
             {"allow_version", static_cast<std::int64_t>(suppression.by.list_version)},
             {"allow_entry", suppression.by.entry_id}});
  }
}

}  // namespace

void Record(const Scanner::Parts& parts, const ScanInput& input, const Config& config,
            const ScanOutput& output) {
  const match::Conclusion& found = output.conclusion;
  if (!config.record_matches || input.internal || (found.matches.empty() && found.suppressions.empty()))
    return;
  store::ScanRecord record;
  record.scan_id = output.scan_id;
  record.request_id = output.request_id;
  record.at = parts.clock.WallNow();
  record.verdict = match::ToString(output.conclusion.verdict);
  record.confidence = output.conclusion.confidence;
  record.labels = input.labels;
  for (const match::Match& match : output.conclusion.matches) {
    record.hits.push_back({match.list_id, match.list_version, match.entry_id, match.distance, match.shadow});
  }
  for (const match::Suppression& suppression : found.suppressions) {
    const auto& [match, by] = suppression;
    record.hits.push_back(
        {match.list_id, match.list_version, match.entry_id, match.distance, false, by.list_id, by.entry_id});
  }
  if (const Status status = parts.store.Record(record); !status.ok()) {
    LogError("a match could not be recorded",
             {{"scan_id", output.scan_id}, {"verdict", record.verdict}, {"error", Message(status)}});
    parts.metrics.ScanFailed("RECORD_LOST");
  }
}

void Report(const Scanner::Parts& parts, const ScanInput& input, const CallContext& caller,
            const ScanOutput& output) {
  const match::Conclusion& conclusion = output.conclusion;
  if (!input.internal) {
    parts.metrics.ScanFinished(match::ToString(conclusion.verdict));
    for (const IncompleteReason& reason : conclusion.reasons) {
      parts.metrics.Incomplete(media::ToString(reason.code));
    }
    parts.metrics.Frames(output.frames_decoded, conclusion.frames_hashed, conclusion.frames_low_quality);
    for (const match::Match& match : conclusion.matches) {
      parts.metrics.Matched(match.list_name, match.shadow ? "shadow" : "enforce");
    }
    for (const match::NearMisses& near : conclusion.near_misses) {
      parts.metrics.NearMisses(near.list_name, near.review, near.dropped);
    }
    if (conclusion.suppressed > 0) parts.metrics.Suppressed(conclusion.suppressed);
    if (!output.closer.outcome.empty()) parts.metrics.CloserLook(output.closer.outcome);
    LogSuppressions(output);
    parts.metrics.StageTook(metrics::Stage::kQueue, output.timings.queue);
    if (output.timings.fetch.count() > 0) {
      parts.metrics.StageTook(metrics::Stage::kFetch, output.timings.fetch);
    }
    parts.metrics.StageTook(metrics::Stage::kDecode, output.timings.decode);
    parts.metrics.StageTook(metrics::Stage::kHash, output.timings.hash);
    parts.metrics.StageTook(metrics::Stage::kMatch, output.timings.match);
    parts.metrics.StageTook(metrics::Stage::kTotal, output.timings.total);
  }
  // The request's own names and labels stay out: their content is the caller's.
  LogInfo("scan finished", {{"scan_id", output.scan_id},
                            {"verdict", std::string(match::ToString(conclusion.verdict))},
                            {"reason", JoinCodes(conclusion.reasons)},
                            {"matches", static_cast<std::int64_t>(conclusion.matches.size())},
                            {"suppressed", std::int64_t{conclusion.suppressed}},
                            {"stopped_on_match", output.stopped_on_match},
                            {"format", output.format},
                            {"bytes", static_cast<std::int64_t>(output.size_bytes)},
                            {"frames", static_cast<std::int64_t>(output.frames_decoded)},
                            {"frames_hashed", static_cast<std::int64_t>(conclusion.frames_hashed)},
                            {"closer_look", std::string(output.closer.outcome)},
                            {"closer_frames", static_cast<std::int64_t>(output.closer.frames)},
                            {"generation", static_cast<std::int64_t>(conclusion.generation)},
                            {"total_ms", static_cast<double>(output.timings.total.count()) / 1000},
                            {"self_test", input.internal},
                            {"trace_parent", caller.trace_parent}});
}

}  // namespace tamiz::scan
