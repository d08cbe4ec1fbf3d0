// Who may run now, who waits, who is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/work/task.h"

namespace tamiz::work {

enum class Lane { kLive, kBulk };

struct AdmissionConfig {
  // Scans that run at one time. 0: twice the cores. Range 0 … 1024.
  std::uint32_t max_running = 0;
  // Live scans that may wait. Beyond it RESOURCE_EXHAUSTED at once. Range 0 … 100000.
  std::uint32_t max_queued = 64;
  // Bulk scans that may wait; they run when no live scan waits, and now and then ahead of one, so that they
  // get on under any load. Range 0 … 100000.
  std::uint32_t max_queued_bulk = 256;
};

// Runs tasks on `max_running` threads of its own, live before bulk, first come first served within a lane.
// Bulk never holds the last slot (if there is more than one), so a live task never waits for bulk alone;
// after kLiveBeforeBulk live tasks in a row a waiting bulk task has its turn, so bulk never waits for ever.
// in_flight <= running + queued, always. Thread-safe. The destructor waits for what was admitted.
class Admission {
 public:
  static constexpr std::uint32_t kLiveBeforeBulk = 8;

  // `clock` outlives it; it measures how long tasks run.
  explicit Admission(const AdmissionConfig& config, const Clock& clock = Clock::System());
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // RESOURCE_EXHAUSTED (reason SCAN_QUEUE_FULL, with a retry delay estimated from recent run times) if the
  // lane is full, or (reason SCAN_QUEUE_TOO_SLOW) if by recent run times the task would still be waiting at
  // `deadline`, when nobody wants it any more; UNAVAILABLE (reason DRAINING) after Drain. Never blocks; a
  // refused task is destroyed unrun.
  [[nodiscard]] Status Submit(Lane lane, Task task, SteadyTime deadline = SteadyTime::max());

  // Whether Submit would take a task now if `ahead` others came first; the error is that of Submit.
  [[nodiscard]] Status WouldTake(Lane lane, std::size_t ahead, SteadyTime deadline = SteadyTime::max()) const;

  // Refuses new tasks from now on; returns when none is left or `until` passed: true if none is left.
  bool Drain(std::chrono::steady_clock::time_point until);

  struct Gauges {
    std::uint32_t running = 0, queued_live = 0, queued_bulk = 0, max_running = 0, max_queued = 0;
  };
  [[nodiscard]] Gauges gauges() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::work
