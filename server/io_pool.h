// A few threads for work that blocks on disk, with a bounded queue.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/work/task.h"

namespace tamiz::server {

// Thread-safe. First come first served. The destructor runs what was taken and waits for it.
class IoPool {
 public:
  // `name` stands in refusals, for example "list operation".
  IoPool(std::string name, std::uint32_t threads, std::size_t capacity);
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // RESOURCE_EXHAUSTED (reason IO_QUEUE_FULL, with a retry delay) if `capacity` tasks wait. Never blocks.
  [[nodiscard]] Status Submit(work::Task task);

 private:
  void Work();

  // Constant after construction.
  const std::string name_;
  const std::size_t capacity_;

  Mutex mutex_;
  CondVar wake_;
  std::deque<work::Task> tasks_ TAMIZ_GUARDED_BY(mutex_);
  bool stopping_ TAMIZ_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace tamiz::server
