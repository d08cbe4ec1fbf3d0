// Streams whose client sends nothing any more, or never ends.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <thread>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace tamiz::server {

// Looks at all streams a few times in the shorter of its two times. Thread-safe; outlives the streams.
class StreamWatch {
 public:
  struct Limits {
    std::chrono::milliseconds idle = std::chrono::minutes(1);  // between two messages of a client
    std::chrono::milliseconds lifetime = std::chrono::hours(1);
  };
  // `clock` outlives it. Without a thread of its own somebody calls Look.
  explicit StreamWatch(const Limits& limits, const Clock& clock = Clock::System(), bool with_thread = true);
  ~StreamWatch();
  StreamWatch(const StreamWatch&) = delete;
  StreamWatch& operator=(const StreamWatch&) = delete;

  // One stream, for as long as it lives. Used by one thread at a time.
  class Stream {
   public:
    // `expire` ends the stream with a status: ABORTED (reason STREAM_IDLE) or DEADLINE_EXCEEDED
    // (STREAM_LIFETIME). It is called at most once, only while the stream waits, on a thread that may not
    // block; after it the stream is not touched again.
    Stream(StreamWatch& watch, std::function<void(const Status&)> expire);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // A message is waited for from now on. Before the read is started.
    void Wait();
    // Something came. False if the stream was ended in between: then nothing may be done with it any more.
    [[nodiscard]] bool Resume();

   private:
    friend class StreamWatch;
    struct State;
    StreamWatch& watch_;
    const std::shared_ptr<State> state_;
  };

  // One look at all streams.
  void Look();

 private:
  void Run();

  const Limits limits_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ TAMIZ_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<Stream::State>> streams_ TAMIZ_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses the rest; none if somebody else looks
};

}  // namespace tamiz::server
