// How an exchange stands, as it is stored.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/store/store.h"

namespace tamiz::exchange {

// Times are unset where nothing happened yet.
struct ExchangeState {
  std::optional<WallTime> last_attempt, last_success;
  std::string outcome;         // metrics::kSyncOutcomes; empty before the first
  std::string message;         // of the last failure, or why it waits
  bool is_caught_up = false;   // the list was complete at least once
  bool is_paused = false;      // a change was rejected: a sync by hand goes on
  store::ChangeCounts counts;  // of the last sync
  std::uint64_t skipped = 0;   // in the last sync: records and hashes that cannot be kept
};

// Whether the last attempt is less than half an interval ago. One that lies ahead of `now` is not: a clock
// was set back, and how long ago it was nobody knows.
[[nodiscard]] bool WasTriedLately(const ExchangeState& state, std::chrono::seconds interval, WallTime now);

[[nodiscard]] std::string ToJson(const ExchangeState& state);
// What cannot be read takes its default: it only says how things were.
[[nodiscard]] ExchangeState StateFromJson(const std::string& json);

}  // namespace tamiz::exchange
