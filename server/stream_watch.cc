#include "server/stream_watch.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tamiz::server {

// Whoever moves `phase` away from kWaiting has the stream: either its own read that ended, or the watch. A
// stream that waits has not been finished, so it exists.
struct StreamWatch::Stream::State {
  enum class Phase { kWorking, kWaiting, kExpired };

  State(std::function<void(const Status&)> e, SteadyTime now)
      : expire(std::move(e)), began(now), waiting_since(now) {}

  // Empty if the stream may go on.
  [[nodiscard]] Status Fault(const Limits& limits, SteadyTime now) const {
    if (now - began >= limits.lifetime) {
      return MakeError(
          StatusCode::kDeadlineExceeded,
          fmt::format("the stream is older than {} (server.max_call_time); begin a new one", limits.lifetime),
          "STREAM_LIFETIME");
    }
    if (now - waiting_since.load() >= limits.idle) {
      return MakeError(StatusCode::kAborted,
                       fmt::format("no message came for {} (server.stream_idle_time)", limits.idle),
                       "STREAM_IDLE");
    }
    return OkStatus();
  }

  const std::function<void(const Status&)> expire;
  const SteadyTime began;
  std::atomic<SteadyTime> waiting_since;
  std::atomic<Phase> phase = Phase::kWorking;
};

StreamWatch::Stream::Stream(StreamWatch& watch, std::function<void(const Status&)> expire)
    : watch_(watch), state_(std::make_shared<State>(std::move(expire), watch.clock_.Now())) {
  MutexLock lock(watch_.mutex_);
  watch_.streams_.insert(state_);
}

StreamWatch::Stream::~Stream() {
  MutexLock lock(watch_.mutex_);
  watch_.streams_.erase(state_);
}

void StreamWatch::Stream::Wait() {
  state_->waiting_since = watch_.clock_.Now();
  state_->phase = State::Phase::kWaiting;
}

bool StreamWatch::Stream::Resume() {
  auto expected = State::Phase::kWaiting;
  return state_->phase.compare_exchange_strong(expected, State::Phase::kWorking) ||
         expected == State::Phase::kWorking;
}

StreamWatch::StreamWatch(const Limits& limits, const Clock& clock, bool with_thread)
    : limits_(limits), clock_(clock) {
  if (with_thread) thread_ = std::jthread([this] { Run(); });
}

void StreamWatch::Run() {
  using std::chrono::milliseconds;
  const milliseconds every =
      std::clamp(std::min(limits_.idle, limits_.lifetime) / 4, milliseconds(10), milliseconds(1000));
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) stopped_.WaitUntil(mutex_, std::chrono::steady_clock::now() + every);
      if (stopping_) return;
    }
    Look();
  }
}

StreamWatch::~StreamWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
}

void StreamWatch::Look() {
  const SteadyTime now = clock_.Now();
  std::vector<std::pair<std::shared_ptr<Stream::State>, Status>> expired;
  {
    MutexLock lock(mutex_);
    for (const std::shared_ptr<Stream::State>& stream : streams_) {
      if (stream->phase != Stream::State::Phase::kWaiting) continue;
      if (Status fault = stream->Fault(limits_, now); !fault.ok())
        expired.emplace_back(stream, std::move(fault));
    }
  }
  // Without the lock: a stream that ends takes itself out.
  for (const auto& [stream, fault] : expired) {
    auto expected = Stream::State::Phase::kWaiting;
    if (!stream->phase.compare_exchange_strong(expected, Stream::State::Phase::kExpired)) continue;
    stream->expire(fault);
  }
}

}  // namespace tamiz::server
