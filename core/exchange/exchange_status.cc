#include "core/exchange/exchange_status.h"

#include <nlohmann/json.hpp>

namespace tamiz::exchange {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::int64_t Millis(const std::optional<WallTime>& time) {
  return time ? std::chrono::duration_cast<milliseconds>(time->time_since_epoch()).count() : 0;
}

std::optional<WallTime> Time(std::int64_t millis) {
  if (millis == 0) return std::nullopt;
  return WallTime(milliseconds(millis));
}

}  // namespace

std::string ToJson(const ExchangeState& state) {
  return json{{"last_attempt", Millis(state.last_attempt)},
              {"last_success", Millis(state.last_success)},
              {"outcome", state.outcome},
              {"message", state.message},
              {"caught_up", state.is_caught_up},
              {"paused", state.is_paused},
              {"added", state.counts.added},
              {"updated", state.counts.updated},
              {"removed", state.counts.removed},
              {"unchanged", state.counts.unchanged},
              {"skipped", state.skipped}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

bool WasTriedLately(const ExchangeState& state, std::chrono::seconds interval, WallTime now) {
  return state.last_attempt && *state.last_attempt <= now && now - *state.last_attempt < interval / 2;
}

ExchangeState StateFromJson(const std::string& text) {
  ExchangeState state;
  try {
    const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return {};
    state.last_attempt = Time(object.value("last_attempt", std::int64_t{0}));
    state.last_success = Time(object.value("last_success", std::int64_t{0}));
    state.outcome = object.value("outcome", std::string());
    state.message = object.value("message", std::string());
    state.is_caught_up = object.value("caught_up", false);
    state.is_paused = object.value("paused", false);
    state.counts.added = object.value("added", std::uint64_t{0});
    state.counts.updated = object.value("updated", std::uint64_t{0});
    state.counts.removed = object.value("removed", std::uint64_t{0});
    state.counts.unchanged = object.value("unchanged", std::uint64_t{0});
    state.skipped = object.value("skipped", std::uint64_t{0});
  } catch (const json::exception&) {
    return {};
  }
  return state;
}

}  // namespace tamiz::exchange
