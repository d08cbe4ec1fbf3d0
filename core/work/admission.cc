#include "core/work/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/work/thread_name.h"

namespace tamiz::work {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

constexpr milliseconds kShortestRetry{50};
constexpr milliseconds kLongestRetry{30'000};
// Assumed until the first task of a lane has ended.
constexpr Seconds kFirstGuess{0.2};
// Weight of the newest run time in the moving average.
constexpr double kNewest = 0.1;

std::uint32_t ThreadsFor(const AdmissionConfig& config) {
  if (config.max_running != 0) return config.max_running;
  return std::max(1u, std::thread::hardware_concurrency()) * 2;
}

}  // namespace

struct Admission::State {
  struct Item {
    Lane lane;
    Task task;
  };

  State(const AdmissionConfig& c, const Clock& k)
      : config(c), clock(k), max_running(ThreadsFor(c)), max_running_bulk(std::max(1u, max_running - 1)) {}

  bool IsEmpty() const TAMIZ_REQUIRES(mutex) { return running == 0 && live.empty() && bulk.empty(); }

  // The next task for a slot that is free, if one may have it.
  bool TakeNext(Item& next) TAMIZ_REQUIRES(mutex) {
    const bool bulk_may_run = !bulk.empty() && running_bulk < max_running_bulk;
    const bool bulk_has_its_turn = bulk_may_run && running_bulk == 0 && live_in_a_row >= kLiveBeforeBulk;
    if (!live.empty() && !bulk_has_its_turn) {
      next = std::move(live.front());
      live.pop_front();
    } else if (bulk_may_run) {
      next = std::move(bulk.front());
      bulk.pop_front();
    } else {
      return false;
    }
    Begin(next.lane);
    return true;
  }

  void Begin(Lane lane) TAMIZ_REQUIRES(mutex) {
    ++running;
    if (lane == Lane::kBulk) {
      ++running_bulk;
      live_in_a_row = 0;
    } else if (!bulk.empty()) {
      ++live_in_a_row;
    }
  }

  void End(Lane lane, Seconds took) TAMIZ_REQUIRES(mutex) {
    --running;
    if (lane == Lane::kBulk) --running_bulk;
    Seconds& average = lane == Lane::kLive ? live_time : bulk_time;
    bool& known = lane == Lane::kLive ? live_time_known : bulk_time_known;
    average = known ? average * (1 - kNewest) + took * kNewest : took;
    known = true;
  }

  bool MayBegin(Lane lane) const TAMIZ_REQUIRES(mutex) {
    return running < max_running && (lane == Lane::kLive || running_bulk < max_running_bulk);
  }

  std::size_t QueuedIn(Lane lane) const TAMIZ_REQUIRES(mutex) {
    return lane == Lane::kLive ? live.size() : bulk.size();
  }

  std::size_t CapacityOf(Lane lane) const {
    return lane == Lane::kLive ? config.max_queued : config.max_queued_bulk;
  }

  Status Draining() const {
    return MakeError(StatusCode::kUnavailable,
                     "the service is shutting down; send the scan to another replica", "DRAINING");
  }

  Status Full(Lane lane) const TAMIZ_REQUIRES(mutex) {
    return WithRetryDelay(
        MakeError(StatusCode::kResourceExhausted,
                  fmt::format("the {} scan queue is full ({} running, {} waiting)",
                              lane == Lane::kLive ? "live" : "bulk", running, QueuedIn(lane)),
                  "SCAN_QUEUE_FULL"),
        RetryDelayFor(lane));
  }

  // How long `tasks` of the lane take.
  Seconds TimeOf(Lane lane, std::size_t tasks) const TAMIZ_REQUIRES(mutex) {
    return lane == Lane::kLive
               ? live_time * static_cast<double>(tasks) / static_cast<double>(max_running)
               : bulk_time * static_cast<double>(tasks) / static_cast<double>(max_running_bulk);
  }

  // OK unless a task behind `ahead` more than wait now would come too late. What runs is taken to end at once
  // and bulk to be held up by nothing else, so that what might do is not refused.
  Status InTime(Lane lane, std::size_t ahead, SteadyTime deadline) const TAMIZ_REQUIRES(mutex) {
    if (deadline == SteadyTime::max() || !(lane == Lane::kLive ? live_time_known : bulk_time_known)) {
      return OkStatus();
    }
    const Seconds wait = TimeOf(lane, QueuedIn(lane) + ahead);
    if (wait <= deadline - clock.Now()) return OkStatus();
    return WithRetryDelay(
        MakeError(StatusCode::kResourceExhausted,
                  fmt::format(
                      "{} scans wait in the {} queue, about {:.1f} s of work; the call's deadline is sooner. "
                      "Call again later, with a longer deadline, or add replicas",
                      QueuedIn(lane), lane == Lane::kLive ? "live" : "bulk", wait.count()),
                  "SCAN_QUEUE_TOO_SLOW"),
        RetryDelayFor(lane));
  }

  milliseconds RetryDelayFor(Lane lane) const TAMIZ_REQUIRES(mutex) {
    const Seconds wait = TimeOf(lane, QueuedIn(lane) + 1);
    if (wait >= Seconds(kLongestRetry)) return kLongestRetry;
    return std::max(kShortestRetry, std::chrono::ceil<milliseconds>(wait));
  }

  void Work() {
    Item item{Lane::kLive, nullptr};
    while (true) {
      {
        MutexLock lock(mutex);
        while (ready.empty() && !stopping) work_came.Wait(mutex);
        if (ready.empty()) return;
        item = std::move(ready.front());
        ready.pop_front();
      }
      bool more = true;
      while (more) {
        const SteadyTime began = clock.Now();
        item.task();
        item.task = nullptr;  // what it held is free before the slot is
        const Seconds took = clock.Now() - began;
        MutexLock lock(mutex);
        End(item.lane, took);
        more = TakeNext(item);
        if (draining && IsEmpty()) became_empty.NotifyAll();
      }
    }
  }

  // Constant after construction.
  const AdmissionConfig config;
  const Clock& clock;
  const std::uint32_t max_running;
  const std::uint32_t max_running_bulk;

  mutable Mutex mutex;
  CondVar work_came;
  CondVar became_empty;
  // Tasks that have a slot already and wait for their thread to wake up; each counts as running.
  std::deque<Item> ready TAMIZ_GUARDED_BY(mutex);
  std::deque<Item> live TAMIZ_GUARDED_BY(mutex);
  std::deque<Item> bulk TAMIZ_GUARDED_BY(mutex);
  std::uint32_t running TAMIZ_GUARDED_BY(mutex) = 0;
  std::uint32_t running_bulk TAMIZ_GUARDED_BY(mutex) = 0;
  // Live tasks begun since bulk last had a turn while bulk waited.
  std::uint32_t live_in_a_row TAMIZ_GUARDED_BY(mutex) = 0;
  Seconds live_time TAMIZ_GUARDED_BY(mutex) = kFirstGuess;
  Seconds bulk_time TAMIZ_GUARDED_BY(mutex) = kFirstGuess;
  bool live_time_known TAMIZ_GUARDED_BY(mutex) = false;
  bool bulk_time_known TAMIZ_GUARDED_BY(mutex) = false;
  bool draining TAMIZ_GUARDED_BY(mutex) = false;
  bool stopping TAMIZ_GUARDED_BY(mutex) = false;

  std::vector<std::jthread> threads;
};

Admission::Admission(const AdmissionConfig& config, const Clock& clock)
    : state_(std::make_unique<State>(config, clock)) {
  State* const state = state_.get();
  state->threads.reserve(state->max_running);
  for (unsigned i = 0; i < state->max_running; ++i) {
    state->threads.emplace_back([state, i] {
      NameThisThread("scan", i);
      state->Work();
    });
  }
}

Admission::~Admission() {
  Drain(std::chrono::steady_clock::time_point::max());
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->work_came.NotifyAll();
  state_->threads.clear();
}

Status Admission::Submit(Lane lane, Task task, SteadyTime deadline) {
  State& s = *state_;
  bool begins = false;
  {
    MutexLock lock(s.mutex);
    if (s.draining) return s.Draining();
    begins = s.MayBegin(lane);
    if (begins) {
      s.Begin(lane);
      s.ready.push_back({lane, std::move(task)});
    } else if (s.QueuedIn(lane) < s.CapacityOf(lane)) {
      if (Status late = s.InTime(lane, 0, deadline); !late.ok()) return late;
      (lane == Lane::kLive ? s.live : s.bulk).push_back({lane, std::move(task)});
    } else {
      return s.Full(lane);
    }
  }
  if (begins) s.work_came.NotifyOne();
  return OkStatus();
}

Status Admission::WouldTake(Lane lane, std::size_t ahead, SteadyTime deadline) const {
  const State& s = *state_;
  MutexLock lock(s.mutex);
  if (s.draining) return s.Draining();
  std::size_t free_slots = s.max_running - s.running;
  if (lane == Lane::kBulk)
    free_slots = std::min<std::size_t>(free_slots, s.max_running_bulk - s.running_bulk);
  const std::size_t places = s.CapacityOf(lane) - s.QueuedIn(lane) + free_slots;
  if (ahead >= places) return s.Full(lane);
  return ahead < free_slots ? OkStatus() : s.InTime(lane, ahead - free_slots, deadline);
}

bool Admission::Drain(std::chrono::steady_clock::time_point until) {
  State& s = *state_;
  MutexLock lock(s.mutex);
  s.draining = true;
  while (!s.IsEmpty()) {
    if (until == std::chrono::steady_clock::time_point::max()) {
      s.became_empty.Wait(s.mutex);  // wait_until(max) overflows in some C libraries
    } else if (!s.became_empty.WaitUntil(s.mutex, until) && !s.IsEmpty()) {
      return false;
    }
  }
  return true;
}

Admission::Gauges Admission::gauges() const {
  const State& s = *state_;
  MutexLock lock(s.mutex);
  return {s.running, static_cast<std::uint32_t>(s.live.size()), static_cast<std::uint32_t>(s.bulk.size()),
          s.max_running, s.config.max_queued};
}

}  // namespace tamiz::work
