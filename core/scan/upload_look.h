// One upload, looked at: its bytes brought in, its frames decoded, hashed and looked up.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "core/base/call_context.h"
#include "core/match/matcher.h"
#include "core/media/file_format.h"
#include "core/scan/scan_reporter.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

// Why `format` is not decoded; empty if it is.
[[nodiscard]] std::string WhyNotDecoded(const media::FormatInfo& info, const Config& config);

// One scan's limits of time.
struct ScanTimes {
  SteadyTime started;
  SteadyTime budget_end;  // TIME_BUDGET after it
  // The caller's deadline or a little after the end of the budget, whichever comes first: frames that come
  // after the budget end decoding in order, a decoder that sends none is stopped by this.
  CallContext context;
};
[[nodiscard]] ScanTimes TimesOf(const Config& config, const CallContext& caller, SteadyTime now);

// What is known of an upload once it was looked at.
struct Looked {
  ScanOutput output;     // all but the conclusion
  match::UploadEnd end;  // its reasons are what could not be looked at
};

// For one upload; one thread drives it.
class UploadLook {
 public:
  struct Wanted {
    bool hashes = false;  // keep them for the answer
    media::SamplingPlan plan;
    std::vector<match::RelativeRect> crops = {};  // parts to hash as well
    match::Matching* matching = nullptr;          // where frames and digests are looked up; null: nowhere
    ScanReporter* reporter = nullptr;             // told of progress and matches if there is a matching
  };

  // All outlive it.
  UploadLook(const Scanner::Parts& parts, const Config& config, const CallContext& caller,
             const ScanTimes& times, const Wanted& wanted)
      : parts_(parts), config_(config), caller_(caller), times_(times), wanted_(wanted) {}

  // Brings the bytes in and looks at everything that is in them. Concludes nothing. Once.
  [[nodiscard]] StatusOr<Looked> Look(ScanInput& input);

 private:
  // Digests that are computed beside the decoder, if nobody has computed them before.
  struct PendingDigests {
    StatusOr<hash::Digests> value = hash::Digests{};
    std::atomic<bool> ready{false};
    bool looked_up = false;  // by the thread that scans
  };

  // False if there is nothing to look at, which is in the reasons. Errors are operational.
  [[nodiscard]] StatusOr<bool> BringIn(ScanInput& input);
  // Likewise if the format is not decoded.
  [[nodiscard]] bool IsDecoded(const source::Upload& upload);
  Status LookAtFrames(const ScanInput& input);
  // Looks up digests as soon as they are there and tells of news. True if the verdict is settled and more
  // frames are not wanted.
  bool TakeStock(const ScanInput& input);
  void StateOutcome(const media::SampleOutcome& outcome, const media::SamplingPlan& plan);
  // True if `status` says that the scan's own time is over while the caller still waits.
  [[nodiscard]] bool OutOfBudget(const Status& status) const;

  const Scanner::Parts& parts_;
  const Config& config_;
  const CallContext& caller_;
  const ScanTimes& times_;
  const Wanted& wanted_;
  PendingDigests digests_;
  media::FileFormat format_ = media::FileFormat::kUnknown;
  Looked looked_;
};

}  // namespace tamiz::scan
