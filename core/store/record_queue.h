// Records that a database takes later, because it could not be reached.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

#include "core/base/mutex.h"
#include "core/store/store.h"

namespace tamiz::store {

// Thread-safe. A record is written at once if nothing waits; if the database is gone (UNAVAILABLE) it is
// kept, and so are those that come after it, without trying: scans do not wait for a database that is not
// there. What is kept is written in order as soon as that works, at least once each (twice if a connection
// was lost while one was being written), and is lost if the process dies before.
class RecordQueue {
 public:
  using Write = std::function<Status(const ScanRecord&)>;
  struct Options {
    std::size_t limit = 10'000;
    std::chrono::milliseconds retry = std::chrono::milliseconds(500);
    std::chrono::milliseconds closing_time =
        std::chrono::seconds(3);  // for what is kept when this is destroyed
  };
  RecordQueue(Write write, const Options& options);
  ~RecordQueue();

  // OK if the record is written or kept; RESOURCE_EXHAUSTED if too many are kept; else what `write` said.
  [[nodiscard]] Status Record(const ScanRecord& record);
  [[nodiscard]] std::size_t waiting() const;

 private:
  void Run(const std::stop_token& stop);
  // Writes what waits until one fails. True if nothing waits any more.
  bool Drain(SteadyTime until);

  const Write write_;
  const Options options_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<ScanRecord> waiting_ TAMIZ_GUARDED_BY(mutex_);

  std::jthread thread_;  // last: it uses the rest
};

}  // namespace tamiz::store
