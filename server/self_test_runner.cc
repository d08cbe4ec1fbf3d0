#include "server/self_test_runner.h"

#include <string>
#include <utility>

#include "core/base/log.h"

namespace tamiz::server {
namespace {

constexpr std::size_t kMaxWaiting = 16;
// A single failure may be a machine short of breath for a moment: it is tried again before the service, which
// answers scans well, is taken out of rotation. The first run of all has no such credit.
constexpr int kFailuresForNotReady = 2;
constexpr std::chrono::seconds kRetryAfterFailure{5};

}  // namespace

SelfTestRunner::SelfTestRunner(scan::SelfTest& test, Readiness& readiness, std::chrono::seconds interval)
    : test_(test), readiness_(readiness), interval_(interval) {
  readiness_.Set("self-test", "has not run yet");
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

SelfTestRunner::~SelfTestRunner() {
  thread_.request_stop();
  MutexLock lock(mutex_);
  stopping_ = true;
  wake_.NotifyAll();
}

void SelfTestRunner::Request() {
  MutexLock lock(mutex_);
  wanted_ = true;
  wake_.NotifyAll();
}

Status SelfTestRunner::Request(std::function<void(const scan::SelfTestReport&)> done) {
  MutexLock lock(mutex_);
  if (waiting_.size() >= kMaxWaiting) {
    return WithRetryDelay(
        MakeError(StatusCode::kResourceExhausted, "too many callers wait for a self-test", "IO_QUEUE_FULL"),
        std::chrono::seconds(1));
  }
  waiting_.push_back(std::move(done));
  wanted_ = true;
  wake_.NotifyAll();
  return OkStatus();
}

void SelfTestRunner::SetInterval(std::chrono::seconds interval) {
  MutexLock lock(mutex_);
  interval_ = interval;
  wake_.NotifyAll();
}

void SelfTestRunner::Work(const std::stop_token& stop) {
  int failures = kFailuresForNotReady - 1;
  SteadyTime last_end = std::chrono::steady_clock::now();
  std::vector<std::function<void(const scan::SelfTestReport&)>> asked;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!wanted_ && !stopping_) {
        const std::chrono::seconds pause = failures > 0 ? kRetryAfterFailure : interval_;
        if (pause.count() == 0) {
          wake_.Wait(mutex_);
        } else if (!wake_.WaitUntil(mutex_, last_end + pause) &&
                   std::chrono::steady_clock::now() >= last_end + pause) {
          wanted_ = true;
        }
      }
      wanted_ = false;
      asked = std::exchange(waiting_, {});
      if (stopping_) break;
    }
    const scan::SelfTestReport report = test_.Run({.stop = stop});
    last_end = std::chrono::steady_clock::now();
    if (report.passed) {
      failures = 0;
      readiness_.Set("self-test", "");
    } else if (!stop.stop_requested()) {
      ++failures;
      std::string failed;
      for (const scan::SelfTestCase& test : report.cases) {
        if (test.passed) continue;
        LogError("self-test failed", {{"case", test.name}, {"detail", test.detail}});
        failed += (failed.empty() ? "" : "; ") + test.name + ": " + test.detail;
      }
      if (failures >= kFailuresForNotReady) readiness_.Set("self-test", failed);
    }
    for (const auto& done : asked) done(report);
  }
  // Whoever still waits gets what is known: a call must end.
  for (const auto& done : asked) done(test_.Last());
}

}  // namespace tamiz::server
