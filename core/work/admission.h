// Who may run now, who waits, who is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/status.h"

namespace tamiz::work {

enum class Lane { kLive, kBulk };

struct AdmissionConfig {
  // Scans that run at one time. 0: twice the cores. Range 0 … 1024.
  std::uint32_t max_running = 0;
  // Live scans that may wait. Beyond it RESOURCE_EXHAUSTED at once. Range 0 … 100000.
  std::uint32_t max_queued = 64;
  // Bulk scans that may wait; they run when no live scan waits, and always at least one of them may run.
  // Range 0 … 100000.
  std::uint32_t max_queued_bulk = 256;
};

// Runs tasks on `max_running` threads of its own, live before bulk, first come first served within a lane.
// in_flight <= running + queued, always. Thread-safe. The destructor waits for what was admitted.
class Admission {
 public:
  explicit Admission(const AdmissionConfig& config);
  ~Admission();

  // RESOURCE_EXHAUSTED (reason SCAN_QUEUE_FULL, with a retry delay estimated from recent run times) if the
  // lane is full; UNAVAILABLE (reason DRAINING) after Drain. Never blocks. `task` must not throw.
  [[nodiscard]] Status Submit(Lane lane, std::function<void()> task);

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
