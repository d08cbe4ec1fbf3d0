// What stands against single entries, or a list as a whole, beside the list's contents.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"

namespace tamiz::lists {

// When hits become so many that the list is more likely wrong than right. An upload counts once, however
// often the same bytes come.
struct BreakerPolicy {
  std::uint32_t entry_hits = 1000;   // different uploads that match one entry; 0: no limit; at most 1 000 000
  std::uint32_t list_hits = 10'000;  // that match the list; 0: no limit; at most 1 000 000
  std::chrono::seconds window = std::chrono::hours(1);  // within which; 10 s … 7 days
  [[nodiscard]] Status Validate() const;
  friend bool operator==(const BreakerPolicy&, const BreakerPolicy&) = default;
};

// Values are stored: do not change them.
enum class HoldKind : std::uint8_t {
  kDisabled = 1,  // a person switched the entry off
  kBreaker = 2,   // too many hits: matches are reported as shadow until a person resets it
};
[[nodiscard]] std::string_view ToString(HoldKind kind);  // "disabled", "breaker"

struct Hold {
  HoldKind kind = HoldKind::kDisabled;
  std::string entry_id;  // empty: the list as a whole
  std::string reason;    // for people
  std::string actor;     // who did it, empty if unknown
  WallTime since{};
  std::optional<WallTime> until;  // ends by itself
  friend bool operator==(const Hold&, const Hold&) = default;
};

// One line of the trail.
struct HoldEvent {
  WallTime at{};
  std::string what;  // "disable", "enable", "trip", "reset"
  std::string entry_id, reason, actor;
  std::optional<WallTime> until;
  friend bool operator==(const HoldEvent&, const HoldEvent&) = default;
};

// Holds survive imports and rollbacks: an exchange that sends an entry again does not switch it on.
class Exceptions {
 public:
  static constexpr std::size_t kMaxHolds = 1000;
  static constexpr std::size_t kMaxEvents = 200;
  static constexpr std::size_t kMaxReasonBytes = 1000;

  Exceptions() = default;
  Exceptions(std::vector<Hold> holds, std::vector<HoldEvent> events);

  // INVALID_ARGUMENT if it is too long or no text.
  [[nodiscard]] static Status CheckReason(std::string_view reason);
  [[nodiscard]] bool IsDisabled(std::string_view entry_id, WallTime now) const;
  // The entry's, or that of the whole list; null if neither tripped.
  [[nodiscard]] const Hold* TrippedBreaker(std::string_view entry_id) const;
  [[nodiscard]] const Hold* Find(HoldKind kind, std::string_view entry_id) const;
  [[nodiscard]] std::size_t Count(HoldKind kind, WallTime now) const;  // of entries, in force at `now`
  [[nodiscard]] bool empty() const { return holds_.empty(); }

  // Replaces the hold of the same kind and entry. Those whose time is up are dropped. INVALID_ARGUMENT for a
  // reason or an actor that is too long or no text; RESOURCE_EXHAUSTED if there are too many, but a breaker
  // then trips the whole list.
  [[nodiscard]] Status Put(Hold hold);
  // True if there was one.
  bool Remove(HoldKind kind, std::string_view entry_id, WallTime now, std::string_view reason,
              std::string_view actor);

  [[nodiscard]] const std::vector<Hold>& holds() const { return holds_; }         // by entry and kind
  [[nodiscard]] const std::vector<HoldEvent>& events() const { return events_; }  // newest first
  friend bool operator==(const Exceptions&, const Exceptions&) = default;

 private:
  void Note(HoldEvent event);

  std::vector<Hold> holds_;
  std::vector<HoldEvent> events_;
};

}  // namespace tamiz::lists
