// Tells an observer what is new and nothing twice.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "core/scan/scan_observer.h"

namespace tamiz::scan {

// One thread drives it.
class ScanReporter {
 public:
  // `observer` may be null: then nothing is told. Both outlive it.
  ScanReporter(ScanObserver* observer, const Clock& clock, std::chrono::milliseconds progress_interval)
      : observer_(observer), clock_(clock), started_(clock.Now()), interval_(progress_interval) {}

  [[nodiscard]] bool wanted() const { return observer_ != nullptr; }
  // Passed on if the last one is an interval ago. Fills in `elapsed`.
  void Progress(ScanProgress progress);
  // Passed on if the entry was not told of, or was for review and now counts.
  void Found(const match::Match& match);
  // The same for all matches of the result.
  void Concluded(const match::Conclusion& conclusion);

 private:
  ScanObserver* const observer_;
  const Clock& clock_;
  const SteadyTime started_;
  const std::chrono::milliseconds interval_;
  SteadyTime last_progress_{};
  std::map<std::pair<std::string, std::string>, bool> told_;  // list and entry; true if it counted
};

}  // namespace tamiz::scan
