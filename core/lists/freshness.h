// When lists were last known to be complete.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace tamiz::lists {

// Thread-safe. A list that nothing confirms is as old as its version.
class Freshness {
 public:
  void Confirm(std::string_view list_id, WallTime at) {
    MutexLock lock(mutex_);
    WallTime& known = confirmed_[std::string(list_id)];
    if (known < at) known = at;
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
