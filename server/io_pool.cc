#include "server/io_pool.h"

#include <fmt/format.h>

namespace tamiz::server {

IoPool::IoPool(std::string name, std::uint32_t threads, std::size_t capacity)
    : name_(std::move(name)), capacity_(capacity) {
  for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

IoPool::~IoPool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
}

Status IoPool::Submit(work::Task task) {
  {
    MutexLock lock(mutex_);
    if (tasks_.size() >= capacity_) {
      return WithRetryDelay(
          MakeError(StatusCode::kResourceExhausted,
                    fmt::format("{} queue full ({} waiting)", name_, tasks_.size()), "IO_QUEUE_FULL"),
          std::chrono::seconds(1));
    }
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return OkStatus();
}

void IoPool::Work() {
  while (true) {
    work::Task task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !stopping_) wake_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace tamiz::server
