#include "core/lists/exceptions.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::uint32_t kMostHits = 1'000'000;

bool IsInForce(const Hold& hold, WallTime now) { return !hold.until || *hold.until > now; }

auto KeyOf(const Hold& hold) { return std::make_tuple(std::string_view(hold.entry_id), hold.kind); }

Status CheckText(std::string_view field, std::string_view text) {
  if (text.size() <= Exceptions::kMaxReasonBytes && IsUtf8(text) && !HasControlCharacter(text))
    return OkStatus();
  return WithField(InvalidArgument(fmt::format("{} must be plain text of at most {} bytes", field,
                                               Exceptions::kMaxReasonBytes)),
                   field);
}

}  // namespace

Status BreakerPolicy::Validate() const {
  const auto refuse = [](const char* field, const std::string& what) {
    return WithField(InvalidArgument(fmt::format("policy.breaker.{} {}", field, what)),
                     fmt::format("policy.breaker.{}", field));
  };
  if (entry_hits > kMostHits) {
    return refuse("entry_hits", fmt::format("is {}; it must be 0 to {}", entry_hits, kMostHits));
  }
  if (list_hits > kMostHits) {
    return refuse("list_hits", fmt::format("is {}; it must be 0 to {}", list_hits, kMostHits));
  }
  if (window < std::chrono::seconds(10) || window > std::chrono::hours(24 * 7)) {
    return refuse("window", fmt::format("is {} s; it must be 10 s to 7 days", window.count()));
  }
  return OkStatus();
}

std::string_view ToString(HoldKind kind) {
  switch (kind) {
    case HoldKind::kDisabled:
      return "disabled";
    case HoldKind::kBreaker:
      return "breaker";
  }
  return {};
}

Exceptions::Exceptions(std::vector<Hold> holds, std::vector<HoldEvent> events)
    : holds_(std::move(holds)), events_(std::move(events)) {
  std::sort(holds_.begin(), holds_.end(), [](const Hold& a, const Hold& b) { return KeyOf(a) < KeyOf(b); });
}

Status Exceptions::CheckReason(std::string_view reason) { return CheckText("reason", reason); }

const Hold* Exceptions::Find(HoldKind kind, std::string_view entry_id) const {
  const auto key = std::make_tuple(entry_id, kind);
  const auto at = std::lower_bound(holds_.begin(), holds_.end(), key,
                                   [](const Hold& hold, const auto& wanted) { return KeyOf(hold) < wanted; });
  return at != holds_.end() && KeyOf(*at) == key ? &*at : nullptr;
}

bool Exceptions::IsDisabled(std::string_view entry_id, WallTime now) const {
  if (holds_.empty()) return false;
  const Hold* hold = Find(HoldKind::kDisabled, entry_id);
  return hold != nullptr && IsInForce(*hold, now);
}

const Hold* Exceptions::TrippedBreaker(std::string_view entry_id) const {
  if (holds_.empty()) return nullptr;
  if (const Hold* whole = Find(HoldKind::kBreaker, ""); whole != nullptr) return whole;
  return Find(HoldKind::kBreaker, entry_id);
}

std::size_t Exceptions::Count(HoldKind kind, WallTime now) const {
  return static_cast<std::size_t>(std::count_if(holds_.begin(), holds_.end(), [&](const Hold& hold) {
    return hold.kind == kind && !hold.entry_id.empty() && IsInForce(hold, now);
  }));
}

Status Exceptions::Put(Hold hold) {
  TAMIZ_RETURN_IF_ERROR(CheckText("reason", hold.reason));
  TAMIZ_RETURN_IF_ERROR(CheckText("actor", hold.actor));
  std::erase_if(holds_, [&](const Hold& old) {
    return !IsInForce(old, hold.since) || (old.kind == hold.kind && old.entry_id == hold.entry_id);
  });
  if (holds_.size() >= kMaxHolds && !hold.entry_id.empty()) {
    if (hold.kind != HoldKind::kBreaker) {
      return MakeError(
          StatusCode::kResourceExhausted,
          fmt::format("the list has {} disabled or tripped entries already; remove entries for good, "
                      "or reset the breaker",
                      kMaxHolds),
          "TOO_MANY_HOLDS");
    }
    hold.entry_id.clear();
    hold.reason = fmt::format("breakers of {} entries tripped", kMaxHolds);
  }
  Note({hold.since, hold.kind == HoldKind::kBreaker ? "trip" : "disable", hold.entry_id, hold.reason,
        hold.actor, hold.until});
  const auto at = std::lower_bound(holds_.begin(), holds_.end(), hold,
                                   [](const Hold& a, const Hold& b) { return KeyOf(a) < KeyOf(b); });
  holds_.insert(at, std::move(hold));
  return OkStatus();
}

bool Exceptions::Remove(HoldKind kind, std::string_view entry_id, WallTime now, std::string_view reason,
                        std::string_view actor) {
  const Hold* hold = Find(kind, entry_id);
  if (hold == nullptr) return false;
  holds_.erase(holds_.begin() + (hold - holds_.data()));
  Note({now, kind == HoldKind::kBreaker ? "reset" : "enable", std::string(entry_id), std::string(reason),
        std::string(actor), std::nullopt});
  return true;
}

void Exceptions::Note(HoldEvent event) {
  events_.insert(events_.begin(), std::move(event));
  if (events_.size() > kMaxEvents) events_.resize(kMaxEvents);
}

}  // namespace tamiz::lists
