#include "core/work/compute_pool.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "core/base/check.h"
#include "core/base/mutex.h"
#include "core/work/thread_name.h"

namespace tamiz::work {

// Guarded by the pool's mutex.
struct ComputePool::Group::State {
  explicit State(std::uint32_t most) : max_waiting(std::max(1u, most)) {}

  [[nodiscard]] bool IsIdle() const { return waiting.empty() && running == 0; }
  [[nodiscard]] bool HasRoom() const { return waiting.size() < max_waiting; }

  const std::uint32_t max_waiting;
  std::deque<Task> waiting;
  std::uint32_t running = 0;
  // What the driving thread sleeps for, so that it is woken for that and nothing else.
  enum class Awaits { kNothing, kRoom, kIdle } driver = Awaits::kNothing;
  CondVar changed;
};

struct ComputePool::State {
  using GroupPtr = std::shared_ptr<Group::State>;

  void Work() {
    GroupPtr group;
    Task task;
    while (true) {
      bool wake_driver = false;
      {
        MutexLock lock(mutex);
        while (turns.empty() && !stopping) {
          ++idle;
          work_came.Wait(mutex);
          --idle;
        }
        if (turns.empty()) return;
        group = std::move(turns.front());
        turns.pop_front();
        task = std::move(group->waiting.front());
        group->waiting.pop_front();
        ++group->running;
        if (!group->waiting.empty()) turns.push_back(group);  // to the end: the others have their turn first
        wake_driver = group->driver == Group::State::Awaits::kRoom;
        if (wake_driver) group->driver = Group::State::Awaits::kNothing;
      }
      if (wake_driver) group->changed.NotifyOne();
      task();
      task = nullptr;  // what it held is free before the group counts it as done
      {
        MutexLock lock(mutex);
        --group->running;
        wake_driver = group->driver == Group::State::Awaits::kIdle && group->IsIdle();
        if (wake_driver) group->driver = Group::State::Awaits::kNothing;
      }
      if (wake_driver) group->changed.NotifyOne();
      group = nullptr;
    }
  }

  Mutex mutex;
  CondVar work_came;
  // Groups with waiting tasks, each once, in the order of their turns.
  std::deque<GroupPtr> turns TAMIZ_GUARDED_BY(mutex);
  std::uint32_t idle TAMIZ_GUARDED_BY(mutex) = 0;
  bool stopping TAMIZ_GUARDED_BY(mutex) = false;
  std::vector<std::jthread> threads;
};

ComputePool::ComputePool(std::uint32_t threads) : state_(std::make_unique<State>()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  State* const state = state_.get();
  state->threads.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    state->threads.emplace_back([state, i] {
      NameThisThread("compute", i);
      state->Work();
    });
  }
}

ComputePool::~ComputePool() {
  {
    MutexLock lock(state_->mutex);
    TAMIZ_CHECK(state_->turns.empty(), "a group outlived its compute pool");
    state_->stopping = true;
  }
  state_->work_came.NotifyAll();
  state_->threads.clear();
}

std::uint32_t ComputePool::threads() const { return static_cast<std::uint32_t>(state_->threads.size()); }

ComputePool::Group::Group(ComputePool& pool, std::uint32_t max_waiting)
    : state_(std::make_shared<State>(max_waiting)), pool_(pool) {}

ComputePool::Group::~Group() { Wait(); }

void ComputePool::Group::Run(Task task) {
  ComputePool::State& pool = *pool_.state_;
  bool wake = false;
  {
    MutexLock lock(pool.mutex);
    while (!state_->HasRoom()) {
      state_->driver = State::Awaits::kRoom;
      state_->changed.Wait(pool.mutex);
    }
    state_->driver = State::Awaits::kNothing;
    if (state_->waiting.empty()) pool.turns.push_back(state_);
    state_->waiting.push_back(std::move(task));
    wake = pool.idle > 0;
  }
  if (wake) pool.work_came.NotifyOne();
}

void ComputePool::Group::Wait() {
  ComputePool::State& pool = *pool_.state_;
  MutexLock lock(pool.mutex);
  while (!state_->IsIdle()) {
    state_->driver = State::Awaits::kIdle;
    state_->changed.Wait(pool.mutex);
  }
  state_->driver = State::Awaits::kNothing;
}

}  // namespace tamiz::work
