// All lists as scans see them: immutable snapshots, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/lists/freshness.h"
#include "core/lists/list_snapshot.h"

namespace tamiz::lists {

// A list that should be there and could not be loaded: its absence makes scans INCOMPLETE.
struct UnavailableList {
  std::string name;
  std::string list_id;
  std::string why;
};

// Immutable and thread-safe.
struct Catalog {
  std::uint64_t generation = 0;                            // grows with every swap
  std::vector<std::shared_ptr<const ListSnapshot>> lists;  // by name, those in mode off included
  std::vector<UnavailableList> unavailable;
  std::shared_ptr<const Freshness> freshness;  // may be null: then a list is as old as its version

  // By name or id; null if there is none.
  [[nodiscard]] const ListSnapshot* Find(std::string_view name_or_id) const;
  // When `list`, one of `lists`, was last known to be complete: changed, or confirmed by its exchange.
  [[nodiscard]] WallTime CompleteAt(const ListSnapshot& list) const;
  // The same without times that lie ahead of `now`, which a clock told that was wrong; unset if there is no
  // other.
  [[nodiscard]] std::optional<WallTime> CompleteBefore(const ListSnapshot& list, WallTime now) const;
  // Whether that is longer ago than its policy allows.
  [[nodiscard]] bool IsStale(const ListSnapshot& list, WallTime now) const;
};

}  // namespace tamiz::lists
