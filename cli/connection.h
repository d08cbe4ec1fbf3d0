// How the client reaches the server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

namespace tamiz::cli {

struct ConnectionOptions {
  // host:port or unix:PATH.
  std::string server = "127.0.0.1:50051";
  bool use_tls = false;     // with the system's certificate authorities unless tls_ca_file is set
  std::string tls_ca_file;  // PEM
  std::string tls_certificate_file, tls_key_file;  // PEM, for servers that ask clients for one
  std::string tls_server_name;  // expected name in the server's certificate, if it differs from `server`
  std::string token_file;       // first line: bearer token
  std::chrono::milliseconds timeout{0};  // of one call; 0: none
};

// Thread-safe. The options must be complete before the first use.
class Connection {
 public:
  explicit Connection(const ConnectionOptions& options) : options_(options) {}

  // Error (with what is wrong with which file) if the channel cannot be set up. Does not wait for the server.
  [[nodiscard]] grpc::Status Open();
  [[nodiscard]] std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  [[nodiscard]] const std::string& server() const { return options_.server; }
  // Sets the token, and the deadline unless `with_deadline` is false.
  void Prepare(grpc::ClientContext& context, bool with_deadline = true) const;

 private:
  const ConnectionOptions& options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string authorization_;
};

}  // namespace tamiz::cli
