// When lists were last known to be complete.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace tamiz::lists {

// Times this far ahead are taken for true: clocks of replicas differ. Beyond, a clock was wrong.
inline constexpr std::chrono::minutes kClockTolerance{5};

// Thread-safe. A list that nothing confirms is as old as its version.
class Freshness {
 public:
  // The latest time that was told counts, but none that lies ahead of `now`.
  void Confirm(std::string_view list_id, WallTime at, WallTime now) {
    MutexLock lock(mutex_);
    WallTime& known = confirmed_[std::string(list_id)];
    if (known < at || known > now + kClockTolerance) known = at;
  }
  [[nodiscard]] std::optional<WallTime> Of(std::string_view list_id) const {
    MutexLock lock(mutex_);
    const auto found = confirmed_.find(list_id);
    return found == confirmed_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, WallTime, std::less<>> confirmed_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace tamiz::lists
