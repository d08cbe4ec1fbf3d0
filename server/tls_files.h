// The server's certificate, which may change while it runs.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/metrics/metrics.h"

namespace tamiz::server {

// Reads the PEM files of [server] tls_*, checks that they belong together, and gives them to gRPC at each new
// connection. Connections that exist keep what they began with. Thread-safe; outlives the server.
class TlsFiles {
 public:
  // Errors say which file is at fault. `metrics` outlives it.
  [[nodiscard]] static StatusOr<std::unique_ptr<TlsFiles>> Open(const config::ServerConfig& config,
                                                                metrics::Metrics& metrics);
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> Credentials();

  // Reads the files again and takes over what changed. What cannot be used changes nothing: it is logged once
  // and counted (tamiz_tls_reloads_total), and the error returned.
  Status Refresh();

 private:
  class FetchingCredentials;
  struct Pem {
    std::string certificate, key, client_ca;
    bool operator==(const Pem&) const = default;
  };

  TlsFiles(config::ServerConfig config, metrics::Metrics& metrics)
      : config_(std::move(config)), metrics_(metrics) {}
  [[nodiscard]] StatusOr<Pem> Read() const;
  // When the certificate ends; an error if the three cannot be used.
  [[nodiscard]] StatusOr<WallTime> Check(const Pem& pem) const;
  void Take(Pem pem, WallTime expiry) TAMIZ_REQUIRES(mutex_);

  // Constant after construction.
  const config::ServerConfig config_;
  metrics::Metrics& metrics_;

  Mutex mutex_;
  Pem current_ TAMIZ_GUARDED_BY(mutex_);
  std::string last_fault_ TAMIZ_GUARDED_BY(mutex_);  // so that it is logged once
  bool is_new_ TAMIZ_GUARDED_BY(mutex_) = true;      // gRPC does not have `current_` yet
};

}  // namespace tamiz::server
