// Connections that send much and ask for nothing, or ask only to take it back.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/metrics/metrics.h"

namespace tamiz::server {

// gRPC 1.51 bounds neither what it keeps of headers that never end (HTTP/2 CONTINUATION frames) nor how often
// calls are opened and reset, and both need no credentials. This compares, for each connection, the bytes
// that the kernel counted (TCP_INFO) with what came of them, and shuts those down that are no clients. Unix
// sockets are not watched. See docs/adr/0053-connections-that-ask-for-nothing.md. Thread-safe; outlives the
// calls.
class ConnectionWatch {
 public:
  struct Limits {
    // Bytes while no call is open, and none began or ended; what was sent is forgiven little by little.
    std::uint64_t most_unasked = 4u << 20;
    std::uint64_t forgiven_per_second = 16u << 10;
    // Bytes beside open calls since a message last came whole, or a call began or ended.
    std::uint64_t most_untaken = 512u << 20;
    // Calls that were taken back before their first message had come, beyond so many a second.
    std::uint64_t most_cancelled = 500;
    std::uint64_t cancelled_per_second = 50;
  };
  // `metrics` and `clock` outlive it. Without a thread of its own somebody calls Look.
  ConnectionWatch(const Limits& limits, metrics::Metrics& metrics, const Clock& clock = Clock::System());
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // Watches the connections that this process accepted on `port`, ten times a second. Once.
  void Start(int port);
  // One look.
  void Look(int port);

 private:
  struct Connection;

 public:
  // One call, for as long as it lives. Its methods may be called by any thread.
  class Call {
   public:
    // `peer` as gRPC writes it.
    Call(ConnectionWatch& watch, std::string_view peer);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    void Heard();      // a message came whole
    void Cancelled();  // by the client

   private:
    const std::shared_ptr<Connection> connection_;  // null: not watched
    std::atomic<bool> heard_ = false;
  };

 private:
  struct Seen {
    int fd = -1;
    std::string peer;
    std::uint64_t bytes = 0;
  };
  // The connections of `port` among the descriptors of this process.
  [[nodiscard]] static std::vector<Seen> Find(int port);
  // What is wrong with it, or null. REQUIRES: only one thread looks.
  const char* Judge(Connection& connection, std::uint64_t bytes, std::chrono::duration<double> since) const;
  void Cut(const Seen& seen, const char* why);
  void Run(const std::stop_token& stop, int port);

  const Limits limits_;
  metrics::Metrics& metrics_;
  const Clock& clock_;
  SteadyTime looked_at_;
  Mutex mutex_;
  CondVar stopped_;
  std::map<std::string, std::shared_ptr<Connection>, std::less<>> connections_ TAMIZ_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace tamiz::server
