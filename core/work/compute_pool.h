// Threads for work that only computes: hashing, search.
#pragma once

#include <cstdint>
#include <memory>

#include "core/work/task.h"

namespace tamiz::work {

// A fixed number of threads. What may wait is bounded by the groups. Thread-safe. Fair: see Group.
class ComputePool {
 public:
  // `threads` 0: one a core.
  explicit ComputePool(std::uint32_t threads = 0);
  // All groups are gone by then.
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  // The tasks of one upload. Groups take turns, one task a turn, so that a long video does not delay a
  // picture. At most `max_waiting` (at least 1) tasks of a group wait: Run blocks (back-pressure on the
  // decoder) until one has begun. Wait() blocks until all tasks of the group are done and destroyed; the
  // destructor does too. One thread drives a group, and not one of the pool. Tasks begin in order and may run
  // at the same time.
  class Group {
   public:
    explicit Group(ComputePool& pool, std::uint32_t max_waiting = 4);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    void Run(Task task);
    void Wait();

   private:
    friend class ComputePool;
    struct State;
    std::shared_ptr<State> state_;
    ComputePool& pool_;
  };

  [[nodiscard]] std::uint32_t threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::work
