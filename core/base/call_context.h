// What every piece of work carries: until when it is wanted, and whether it still is.
#pragma once

#include <stop_token>
#include <string>

#include "core/base/clock.h"
#include "core/base/status.h"

namespace tamiz {

// Copied freely; thread-safe.
struct CallContext {
  // After this nobody waits for the answer.
  SteadyTime deadline = SteadyTime::max();
  // Stops when the caller went away.
  std::stop_token stop;
  // W3C `traceparent` of the caller, empty if it sent none. For logs.
  std::string trace_parent;

  // CANCELLED or DEADLINE_EXCEEDED if the work is not wanted any more.
  [[nodiscard]] Status StillWanted(SteadyTime now) const {
    if (stop.stop_requested()) return MakeError(StatusCode::kCancelled, "the caller went away");
    if (now >= deadline) return MakeError(StatusCode::kDeadlineExceeded, "the caller's deadline passed");
    return OkStatus();
  }
};

}  // namespace tamiz
