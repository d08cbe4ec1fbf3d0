// Who wants to know how a scan gets on.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/match/evidence.h"

namespace tamiz::scan {

// How far a scan is.
struct ScanProgress {
  std::uint64_t frames_planned = 0;  // as far as the decoder could tell; 0: not known
  std::uint64_t frames_decoded = 0;
  std::uint64_t frames_hashed = 0;            // looked up
  std::chrono::microseconds time_reached{0};  // presentation time up to which was looked at
  std::chrono::microseconds duration{0};      // zero: a still, or not known yet
  std::uint64_t size_bytes = 0;               // of the upload; 0 while it is fetched
  std::chrono::microseconds elapsed{0};       // since the scan began
};

// Called on the thread that scans, never at the same time, never after the scan returned. Must not block: the
// decoder waits meanwhile.
class ScanObserver {
 public:
  virtual ~ScanObserver() = default;
  virtual void OnProgress(const ScanProgress& progress) = 0;
  // A match as it is known now: an entry is told of when it is first found, and again when it comes to count
  // that was for review before. The result decides.
  virtual void OnMatch(const match::Match& match) = 0;
};

}  // namespace tamiz::scan
