// One reading of an exchange into its list.
#pragma once

#include <string>

#include "core/exchange/exchange.h"
#include "core/exchange/settings.h"
#include "core/store/list_registry.h"
#include "core/store/store.h"

namespace tamiz::exchange {

struct SyncResult {
  enum class How {
    kChanged,    // at least one new version
    kUnchanged,  // nothing new
    kWaiting,    // too much changes at once: the change waits for a person (Store::PutPending)
  };
  How how = How::kUnchanged;
  bool is_caught_up = false;  // false: there is more, go on
  store::ChangeCounts counts;
  std::uint64_t skipped = 0;
};

struct SyncTarget {
  std::string exchange;  // name, for the checkpoint
  std::string list_id;
  std::string checkpoint;
  // The list was complete once: from now on what changes much must be looked at by a person.
  bool is_guarded = false;
  double max_change_share = 0.2;
  std::uint64_t min_guarded_entries = 1000;
};

// Fetches pages and applies them, checkpoint and all. Until the list is complete for the first time, pieces
// of it become versions as they come; afterwards one reading is one version, or one change that waits. A
// reading that starts over replaces the list whole at its end. What is killed at any point goes on from the
// last checkpoint. Entries that were disabled by hand stay so. Errors: those of Exchange::Fetch and
// ListRegistry::Apply; ABORTED (CHECKPOINT_MOVED) if another replica was faster. What was applied before
// stays.
[[nodiscard]] StatusOr<SyncResult> Sync(Exchange& exchange, const SyncTarget& target,
                                        store::ListRegistry& lists, store::Store& store,
                                        const CallContext& context);

}  // namespace tamiz::exchange
