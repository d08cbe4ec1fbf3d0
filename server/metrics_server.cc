#include "server/metrics_server.h"

#include <CivetServer.h>
#include <fmt/format.h>
#include <netdb.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"

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
    std::string body = problems.empty() ? "ok\n" : "";
    for (const std::string& problem : problems) body += problem + "\n";
    for (const std::string& warning : readiness_.Warnings()) body += warning + "\n";
    if (problems.empty()) return Answer(connection, 200, "OK", "text/plain; charset=utf-8", body);
    return Answer(connection, 503, "Service Unavailable", "text/plain; charset=utf-8", body);
  }

 private:
  const Readiness& readiness_;
};

// Connects and hangs up.
void Connect(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const UniqueFd fd(
        ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol));
    if (fd.valid()) (void)::connect(fd.get(), at->ai_addr, at->ai_addrlen);
  }
  ::freeaddrinfo(found);
}

}  // namespace

struct MetricsServer::State {
  State(const metrics::Metrics& metrics, const Readiness& readiness, std::function<void()> before_scrape)
      : metrics_handler(metrics, std::move(before_scrape)), health_handler(readiness) {}
  MetricsHandler metrics_handler;
  HealthHandler health_handler;
  std::string host;                   // where it can be reached from here
  std::unique_ptr<CivetServer> http;  // last: its threads use the handlers
};

MetricsServer::MetricsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

MetricsServer::~MetricsServer() {
  // civetweb looks every two seconds whether it should stop, or when a connection comes in: so one does.
  const int port = this->port();
  const std::jthread poke([port, &host = state_->host](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      Connect(host, port);
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
  state->host = address.host == "0.0.0.0" || address.host == "::" ? "localhost" : address.host;
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
