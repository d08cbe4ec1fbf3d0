#include "core/scan/scan_reporter.h"

namespace tamiz::scan {

void ScanReporter::Progress(ScanProgress progress) {
  if (observer_ == nullptr) return;
  const SteadyTime now = clock_.Now();
  if (last_progress_ != SteadyTime{} && now - last_progress_ < interval_) return;
  last_progress_ = now;
  progress.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - started_);
  observer_->OnProgress(progress);
}

void ScanReporter::Found(const match::Match& match) {
  if (observer_ == nullptr) return;
  const auto [told, is_new] = told_.try_emplace({match.list_id, match.entry_id}, !match.review);
  if (!is_new && (told->second || match.review)) return;
  told->second = !match.review;
  observer_->OnMatch(match);
}

void ScanReporter::Concluded(const match::Conclusion& conclusion) {
  for (const match::Match& match : conclusion.matches) Found(match);
}

}  // namespace tamiz::scan
