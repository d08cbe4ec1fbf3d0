// HTTP for Prometheus and for health checks: /metrics and /healthz.
#pragma once

#include <functional>
#include <memory>

#include "core/base/status.h"
#include "core/metrics/metrics.h"
#include "server/listen_address.h"
#include "server/readiness.h"

namespace tamiz::server {

// Answers on two threads of its own, without authentication: for an internal network.
class MetricsServer {
 public:
  // `metrics` and `readiness` outlive it. `before_scrape` brings gauges up to date; it must be quick and
  // thread-safe. UNAVAILABLE if the address cannot be listened on.
  [[nodiscard]] static StatusOr<std::unique_ptr<MetricsServer>> Start(const ListenAddress& address,
                                                                      const metrics::Metrics& metrics,
                                                                      const Readiness& readiness,
                                                                      std::function<void()> before_scrape);
  ~MetricsServer();

  [[nodiscard]] int port() const;

 private:
  struct State;
  explicit MetricsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::server
