#include "server/metrics_server.h"

#include <CivetServer.h>
#include <fmt/format.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tamiz::server {
namespace {

bool Answer(mg_connection* connection, int code, std::string_view status, std::string_view type,
            const std::string& body) {
  mg_printf(connection,
            "HTTP/1.1 %d %.*s\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n\r\n",
            code, static_cast<int>(status.size()), status.data(), static_cast<int>(type.size()), type.data(),
            body.size());
  mg_write(connection, body.data(), body.size());
  return true;
}

class MetricsHandler final : public CivetHandler {
 public:
  MetricsHandler(const metrics::Metrics& metrics, std::function<void()> before_scrape)
      : metrics_(metrics), before_scrape_(std::move(before_scrape)) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    before_scrape_();
    return Answer(connection, 200, "OK", "text/plain; version=0.0.4; charset=utf-8",
                  prometheus::TextSerializer().Serialize(metrics_.registry()->Collect()));
  }

 private:
  const metrics::Metrics& metrics_;
  const std::function<void()> before_scrape_;
};

class HealthHandler final : public CivetHandler {
 public:
  explicit HealthHandler(const Readiness& readiness) : readiness_(readiness) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    const std::vector<std::string> problems = readiness_.Problems();
    if (problems.empty()) return Answer(connection, 200, "OK", "text/plain; charset=utf-8", "ok\n");
    std::string body;
    for (const std::string& problem : problems) body += problem + "\n";
    return Answer(connection, 503, "Service Unavailable", "text/plain; charset=utf-8", body);
  }

 private:
  const Readiness& readiness_;
};

}  // namespace

struct MetricsServer::State {
  State(const metrics::Metrics& metrics, const Readiness& readiness, std::function<void()> before_scrape)
      : metrics_handler(metrics, std::move(before_scrape)), health_handler(readiness) {}
  MetricsHandler metrics_handler;
  HealthHandler health_handler;
  std::string address;                // where it can be reached from here
  std::unique_ptr<CivetServer> http;  // last: its threads use the handlers
};

MetricsServer::MetricsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

MetricsServer::~MetricsServer() {
  // civetweb looks every two seconds whether it should stop, or when a connection comes in: so one does.
  const int port = this->port();
  const std::jthread poke([port, &address = state_->address](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      char ignored[256];
      if (mg_connection* connection = mg_connect_client(address.c_str(), port, 0, ignored, sizeof ignored)) {
        mg_close_connection(connection);
      }
    }
  });
  state_->http.reset();
}

StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const ListenAddress& address,
                                                              const metrics::Metrics& metrics,
                                                              const Readiness& readiness,
                                                              std::function<void()> before_scrape) {
  if (!address.unix_path.empty()) {
    return InvalidArgument("server.metrics_listen cannot be a Unix socket: Prometheus scrapes host:port");
  }
  auto state = std::make_unique<State>(metrics, readiness, std::move(before_scrape));
  const std::vector<std::string> options = {
      "listening_ports", address.ForHttp(), "num_threads", "2", "request_timeout_ms", "5000"};
  try {
    state->http = std::make_unique<CivetServer>(options);
    state->http->addHandler("/metrics$", state->metrics_handler);
    state->http->addHandler("/healthz$", state->health_handler);
  } catch (const std::exception& error) {
    return MakeError(
        StatusCode::kUnavailable,
        fmt::format("cannot serve metrics on {} ({}): is the port taken? Set server.metrics_listen or "
                    "--metrics-listen",
                    address.ForHttp(), error.what()));
  }
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

int MetricsServer::port() const {
  const std::vector<int> ports = state_->http->getListeningPorts();
  return ports.empty() ? 0 : ports.front();
}

}  // namespace tamiz::server
