// Runs the self-test at start, after each swap of a list, from time to time and when asked, on a thread of
// its own.
#pragma once

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/scan/self_test.h"
#include "server/readiness.h"

namespace tamiz::server {

// Thread-safe. Needs no scanning slot: under overload the test still says whether scanning works.
class SelfTestRunner {
 public:
  // All outlive it. `interval` 0: no runs by the clock. Runs once at the beginning.
  SelfTestRunner(scan::SelfTest& test, Readiness& readiness, std::chrono::seconds interval);
  // Cuts off a run that is under way.
  ~SelfTestRunner();

  // Runs soon; requests that come before the run begins share it.
  void Request();
  // Runs soon and calls `done` with the report, on the runner's thread. RESOURCE_EXHAUSTED if too many wait.
  [[nodiscard]] Status Request(std::function<void(const scan::SelfTestReport&)> done);
  void SetInterval(std::chrono::seconds interval);

 private:
  void Work(const std::stop_token& stop);

  // Constant after construction.
  scan::SelfTest& test_;
  Readiness& readiness_;

  Mutex mutex_;
  CondVar wake_;
  bool wanted_ TAMIZ_GUARDED_BY(mutex_) = true;
  bool stopping_ TAMIZ_GUARDED_BY(mutex_) = false;
  std::chrono::seconds interval_ TAMIZ_GUARDED_BY(mutex_);
  std::vector<std::function<void(const scan::SelfTestReport&)>> waiting_ TAMIZ_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace tamiz::server
