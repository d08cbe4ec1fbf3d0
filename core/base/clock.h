// Time as a port, so that tests need no sleep.
#pragma once

#include <chrono>

namespace tamiz {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // For deadlines and durations; never goes back.
  [[nodiscard]] virtual SteadyTime Now() const = 0;
  // For people and records; may jump.
  [[nodiscard]] virtual WallTime WallNow() const = 0;

  // The machine's clock; lives for ever.
  [[nodiscard]] static const Clock& System();
};

}  // namespace tamiz
